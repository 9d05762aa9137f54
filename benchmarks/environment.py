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


def peer_python() -> Path:
    """The interpreter that has the peers at their pins; it is made at the first call, and anew when pins change.

    Raises:
        CalledProcessError: pip could not install them.
    """
    stamp = HOME / "pins"
    wanted = hashlib.sha256(CONSTRAINTS.read_bytes() + sys.version.encode()).hexdigest()
    python = HOME / "bin" / "python"
    if not stamp.exists() or stamp.read_text() != wanted:
        print("installing the peers into benchmarks/.venv ...", flush=True)
        venv.create(HOME, clear=True, with_pip=True)
        pip: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--constraint", CONSTRAINTS, *PEERS], check=True)
        stamp.write_text(wanted)
    return python


def versions(python: Path, packages: Sequence[str]) -> dict[str, str]:
    """The versions of ``packages`` that ``python`` would import, and its own."""
    answer = subprocess.run([python, "-c", ASK, *packages], capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(answer.stdout)
    return found
