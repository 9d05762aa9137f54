"""The file that says which process to send signals to, and that it is alive."""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
from pathlib import Path

__all__ = ["PidFile", "default_pid_file", "read_pid"]


def default_pid_file(port: int) -> Path | None:
    """Where the server on ``port`` writes its process id: a folder of this user alone among the temporary files.

    None where that folder cannot be made, or belongs to somebody else who may want us to signal the wrong process.
    """
    folder = Path(tempfile.gettempdir()) / f"velox-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022
    return folder / f"{port}.pid" if ours else None


class PidFile:
    """This process' id in a file, locked for as long as it lives: a file left by a dead process is not locked.

    Raises:
        OSError: It cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.truncate(self._descriptor, 0)
            os.write(self._descriptor, f"{os.getpid()}\n".encode())
        except OSError:
            os.close(self._descriptor)
            raise

    def remove(self) -> None:
        """Delete the file, then let it go."""
        self.path.unlink(missing_ok=True)
        os.close(self._descriptor)


def read_pid(path: Path) -> int | None:
    """The process that wrote ``path`` and still runs; None if there is none."""
    try:
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read())
    except (OSError, ValueError):
        pass
    return None
