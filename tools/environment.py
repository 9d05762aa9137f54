"""Make ``.venv`` and install Velox into it, at the pinned versions. Standard library only: this runs first.

python3 tools/environment.py '.[all]'
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - an older Python is exactly what this has to find
    sys.exit(f"Velox needs Python 3.11 or newer, this is {sys.version.split()[0]}. Try: make PYTHON=python3.11")

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".venv"
PYTHON = HOME / "bin" / "python"


def create(requirement: str) -> None:
    """Install ``requirement`` (relative to the repository) into ``.venv``, which is made when it is not there."""
    if not PYTHON.exists():
        venv.create(HOME, with_pip=True)
    install = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "--constraint", "constraints.txt", "--editable", requirement], cwd=ROOT, check=True)


if __name__ == "__main__":
    create(sys.argv[1])
