"""The servers that the cases are run against for information, in an environment of their own."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import venv
from pathlib import Path

from tests.conformance.http.server import Command

__all__ = ["granian", "peer_python", "uvicorn", "versions"]

HOME = Path(__file__).parent / ".venv"
PINS = ("granian==2.8.7", "httptools==0.9.0", "uvicorn==0.54.0", "uvloop==0.23.0", "wsproto==1.3.2")
APP = "tests.apps.echo_asgi:app"
ASK = "import importlib.metadata as m, json, sys; print(json.dumps({name: m.version(name) for name in sys.argv[1:]}))"


def peer_python() -> Path:
    """The interpreter that has the peers; it is made at the first call, and anew when pins change.

    Raises:
        CalledProcessError: pip could not install them.
    """
    stamp, python = HOME / "pins", HOME / "bin" / "python"
    wanted = hashlib.sha256(f"{PINS} {sys.version}".encode()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        venv.create(HOME, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PINS], check=True)
        stamp.write_text(wanted)
    return python


def uvicorn(python: Path) -> Command:
    """The command of uvicorn on httptools."""
    options = ["--http", "httptools", "--ws", "wsproto", "--log-level", "critical"]
    return lambda port: [python, "-m", "uvicorn", APP, *options, "--port", str(port)]


def granian(python: Path) -> Command:
    """The command of granian."""
    options = ["--interface", "asgi", "--no-log", "--workers", "1"]
    return lambda port: [python.parent / "granian", *options, "--port", str(port), APP]


def versions(python: Path, *packages: str) -> dict[str, str]:
    """The versions of ``packages`` that ``python`` would import."""
    answer = subprocess.run([python, "-c", ASK, *packages], capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(answer.stdout)
    return found
