"""The peers' own virtual environment: what FastAPI is measured with must not decide what Velox is, nor the reverse."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

__all__ = ["ROOT", "peer_python", "versions"]

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / "benchmarks" / ".venv"
CONSTRAINTS = ROOT / "benchmarks" / "constraints.txt"
PEERS = ("fastapi", "uvicorn", "httptools", "uvloop")

ASK = """
import importlib.metadata, json, platform, sys
found = {"python": platform.python_version()}
found.update((name, importlib.metadata.version(name)) for name in sys.argv[1:])
print(json.dumps(found))
"""


def peer_python(home: Path = HOME, constraints: Path = CONSTRAINTS, packages: Sequence[str] = PEERS) -> Path:
    """The interpreter that has the peers at their pins; it is made at the first call, and anew when pins change.

    Args:
        home: The virtual environment's folder.
        constraints: The file with the pins.
        packages: What is installed.

    Raises:
        CalledProcessError: pip could not install them.
    """
    stamp = home / "pins"
    wanted = hashlib.sha256(constraints.read_bytes() + repr((packages, sys.version)).encode()).hexdigest()
    python = home / "bin" / "python"
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"installing the peers into {home.relative_to(ROOT)} ...", flush=True)
        venv.create(home, clear=True, with_pip=True)
        pip: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--constraint", constraints, *packages], check=True)
        stamp.write_text(wanted)
    return python


def versions(python: Path, packages: Sequence[str]) -> dict[str, str]:
    """The versions of ``packages`` that ``python`` would import, and its own."""
    answer = subprocess.run([python, "-c", ASK, *packages], capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(answer.stdout)
    return found
