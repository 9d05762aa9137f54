"""Numbers that each worker of a server writes for itself, and all can read.

One file a worker, mapped into memory, in a folder of the server's: a number is written without a lock or a system call,
and survives the worker. What ended workers have left is added to ``gone`` by the next one that starts, so counters
never fall while the server lives.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import shutil
import socket
import tempfile
import time
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

__all__ = ["Board", "folder_of"]

MEMORY = Path("/dev/shm")  # noqa: S108 - where Linux keeps files that are never written to a disk
PREFIX = f"velox-{os.getuid()}-"
CELL_BYTES = 8
GONE = "gone"
FRESH_S = 60.0
"""A folder that is younger may be of a server that has just begun to write to it."""


def folder_of(taken: socket.socket, digest: str) -> Path:
    """A folder that the workers of one server find without being told: they share the listening socket's inode."""
    home = MEMORY if os.access(MEMORY, os.W_OK) else Path(tempfile.gettempdir())
    return home / f"{PREFIX}{os.fstat(taken.fileno()).st_ino}-{digest}"


class Board:
    """One worker's numbers among those of its server.

    Args:
        folder: The server's; ``None`` keeps the numbers in this process alone.
        size: How many numbers there are.
        passing: Which of them are over when their worker ends, as what it does at the moment; others are totals.

    Attributes:
        cells: This worker's.
    """

    def __init__(self, folder: Path | None, size: int, passing: Sequence[int] = ()) -> None:
        self._folder, self._size, self._passing = folder, size, passing
        self._map: mmap.mmap | None = None
        if folder is None:
            self.cells = self._view(bytearray(CELL_BYTES * size))
            return
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            raise PermissionError(f"{folder} belongs to somebody else")
        remove_abandoned(folder)
        self._gather_ended()
        self._map = mapped(folder / str(os.getpid()), size)
        self.cells = self._view(self._map)

    @staticmethod
    def _view(memory: bytearray | mmap.mmap) -> memoryview[float]:
        return memoryview(memory).cast("d")

    def all(self) -> list[Sequence[float]]:
        """The numbers of every worker, this one's first, and of those that ended."""
        if self._folder is None:
            return [self.cells]
        with locked(self._folder):
            others = [path for path in self._files() if path.name != str(os.getpid())]
            return [self.cells, *(self._left(path) if ended(path) else read(path, self._size) for path in others)]

    def close(self) -> None:
        """Leave the numbers to the others, or remove the folder as the last one."""
        if self._map is None or self._folder is None:
            return
        self.cells.release()
        self._map.close()
        self._map = None
        with locked(self._folder):
            own = self._folder / str(os.getpid())
            if all(path == own or path.name == GONE or not is_alive(path) for path in self._files()):
                shutil.rmtree(self._folder, ignore_errors=True)
            else:
                self._gather([own])

    def _left(self, path: Path) -> Sequence[float]:
        """The totals of a worker that has ended."""
        numbers = read(path, self._size)
        for cell in self._passing:
            numbers[cell] = 0.0
        return numbers

    def _files(self) -> list[Path]:
        assert self._folder is not None
        return [path for path in self._folder.iterdir() if path.name.isdigit() or path.name == GONE]

    def _gather_ended(self) -> None:
        """Add up what ended workers have left."""
        assert self._folder is not None
        with locked(self._folder):
            self._gather([path for path in self._files() if path.name != GONE and not is_alive(path)])

    def _gather(self, left: Sequence[Path]) -> None:
        assert self._folder is not None
        gone, fresh = self._folder / GONE, self._folder / "fresh"
        boards = [self._left(path) for path in (gone, *left)]
        fresh.write_bytes(array("d", map(sum, zip(*boards, strict=True))).tobytes())
        fresh.replace(gone)
        for path in left:
            path.unlink()


def mapped(path: Path, size: int) -> mmap.mmap:
    with path.open("w+b") as file:
        file.truncate(size * CELL_BYTES)
        return mmap.mmap(file.fileno(), size * CELL_BYTES)


def read(path: Path, size: int) -> array[float]:
    """The numbers in a file; zeros when it has just been removed, or not been filled yet."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        data = b""
    return array("d", data if len(data) == size * CELL_BYTES else bytes(size * CELL_BYTES))


def ended(path: Path) -> bool:
    """Whether what is in the file can no longer change."""
    return path.name == GONE or not is_alive(path)


def is_alive(path: Path) -> bool:
    """Whether the worker that the file is named after is there."""
    try:
        os.kill(int(path.name), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        pass
    return True


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """While this process changes which files there are."""
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def remove_abandoned(own: Path) -> None:
    """Remove folders of servers that were killed with all their workers."""
    for folder in own.parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(FileNotFoundError):
            if folder == own or time.time() - folder.stat().st_mtime < FRESH_S:
                continue
            if not any(is_alive(path) for path in folder.iterdir()):
                shutil.rmtree(folder, ignore_errors=True)
