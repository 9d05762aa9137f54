"""Build the wheel, and use it in a fresh environment: a new project on the declared dependencies, then the unit tests.

It finds what an editable installation hides: a file that is missing in the wheel, a dependency that is not declared.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "velox"
IMPORT_ALL = """
import importlib, pkgutil, velox
for module in pkgutil.walk_packages(velox.__path__, "velox."):
    importlib.import_module(module.name)
"""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="velox-wheel-") as directory:
        place = Path(directory)
        run(sys.executable, "-m", "build", "--wheel", "--outdir", place, ROOT)
        (wheel,) = place.glob("*.whl")
        refuse_missing(wheel)
        venv.create(place / "venv", with_pip=True)
        python = place / "venv" / "bin" / "python"
        velox = python.with_name("velox")
        pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", ROOT / "constraints.txt")
        run(*pip, wheel)
        run(velox, "makeproject", "shop", cwd=place)
        run(velox, "migrate", cwd=place / "shop")
        run(velox, "routes", cwd=place / "shop")
        run(*pip, f"{wheel}[dev,ml]")
        run(python, "-c", IMPORT_ALL, cwd=place)
        # Away from the repository, so that `velox` can only be the installed one.
        tests = shutil.copytree(ROOT / "tests", place / "tests")
        shutil.copytree(ROOT / "benchmarks", place / "benchmarks")  # some tests measure with its clients
        shutil.copy(ROOT / "pyproject.toml", place)
        run(python, "-m", "pytest", "-n", "auto", "-q", tests / "unit", cwd=place)


def refuse_missing(wheel: Path) -> None:
    """Stop when a file of the package is not in ``wheel``."""
    packed = set(zipfile.ZipFile(wheel).namelist())
    sources = (file for file in SOURCE.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    missing = [name for file in sources if (name := file.relative_to(SOURCE.parent).as_posix()) not in packed]
    if missing:
        sys.exit(f"failed: the wheel lacks {', '.join(missing)}")


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    """Run ``command``, and stop everything when it fails."""
    if subprocess.run(command, cwd=cwd, check=False).returncode:
        sys.exit(f"failed: {' '.join(map(str, command))}")


if __name__ == "__main__":
    main()
