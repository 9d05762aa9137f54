"""Files in memory that the workers of one parent share; each room that has one says what is in it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from uuid import uuid4

__all__ = ["FOLDER", "is_alive", "make_shared_file", "remove_left_overs", "remove_shared_file"]

PREFIX = "velox-shared-"
IN_MEMORY = Path("/dev/shm")  # noqa: S108 - files get random names, and are for this user only
FOLDER = IN_MEMORY if IN_MEMORY.is_dir() else Path(tempfile.gettempdir())


def make_shared_file(kind: str, size_bytes: int) -> Path:
    """A file of zeros for the workers of this process. What is never written of it takes no memory."""
    path = FOLDER / f"{PREFIX}{os.getpid()}-{kind}-{uuid4().hex}"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.ftruncate(handle, size_bytes)
    finally:
        os.close(handle)
    return path


def remove_shared_file(path: Path) -> None:
    """Who has it open keeps it."""
    with contextlib.suppress(OSError):  # somebody else's, or gone
        path.unlink()


def remove_left_overs() -> None:
    """Remove the files of parents that were killed."""
    for old in FOLDER.glob(f"{PREFIX}*"):
        process = old.name.removeprefix(PREFIX).partition("-")[0]
        if process.isdecimal() and not is_alive(int(process)):
            remove_shared_file(old)


def is_alive(process: int) -> bool:
    """Whether there is a process of that number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
