"""Build the wheel, install it into a fresh environment, and run the fast part of the suite against it.

It finds what an editable installation hides: a file that is missing in the wheel, a dependency that is not declared.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FAST = ("unit", "integration")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="velox-wheel-") as directory:
        place = Path(directory)
        run(sys.executable, "-m", "build", "--wheel", "--outdir", place, ROOT)
        (wheel,) = place.glob("*.whl")
        venv.create(place / "venv", with_pip=True)
        python = place / "venv" / "bin" / "python"
        pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", ROOT / "constraints.txt")
        run(*pip, wheel)
        run(python.with_name("velox"), "version")  # with nothing but the declared dependencies
        run(*pip, f"{wheel}[dev,ml]")
        # Away from the repository, so that `velox` can only be the installed one.
        tests = shutil.copytree(ROOT / "tests", place / "tests")
        shutil.copytree(ROOT / "benchmarks", place / "benchmarks")  # some tests measure with its clients
        shutil.copy(ROOT / "pyproject.toml", place)
        run(python, "-m", "pytest", "-n", "auto", "-q", *(tests / part for part in FAST), cwd=place)


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    """Run ``command``, and stop everything when it fails."""
    if subprocess.run(command, cwd=cwd, check=False).returncode:
        sys.exit(f"failed: {' '.join(map(str, command))}")


if __name__ == "__main__":
    main()
