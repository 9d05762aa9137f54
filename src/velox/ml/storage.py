"""Reading and writing inside the model root: no link is followed out of it, and no file is seen half written."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from velox.errors import ConfigurationError
from velox.ml.manifest import Entry

__all__ = ["digest", "locked", "read_inside", "replace_file", "verified", "write_new"]

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK, opening a FIFO that somebody put there would wait for its writer.
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def digest(content: bytes) -> Entry:
    return Entry(sha256(content).hexdigest(), len(content))


def read_inside(root: Path, parts: Sequence[str], *, max_bytes: int) -> bytes:
    """The file at ``parts`` below ``root``, without following a symbolic link below it.

    Raises:
        OSError: It is not there, or a link, or no regular file.
        ConfigurationError: VX812 when it has more than ``max_bytes``.
    """
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            inner = os.open(part, FOLDER, dir_fd=folder)
            os.close(folder)
            folder = inner
        file = os.open(parts[-1], FILE, dir_fd=folder)
    finally:
        os.close(folder)
    with os.fdopen(file, "rb") as stream:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(f"{'/'.join(parts)} is no regular file")
        content = stream.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise ConfigurationError(
            "VX812", f"{'/'.join(parts)} is larger than its {max_bytes} bytes", hint="Publish the model again"
        )
    return content


def verified(root: Path, parts: Sequence[str], entry: Entry) -> bytes:
    """The file's bytes, which are those that ``entry`` was made of: what is checked here is what the caller uses, so
    that nothing can be exchanged between the two.

    Raises:
        ConfigurationError: VX812 when they are others.
    """
    place = "/".join(parts)
    hint = "Somebody or something changed it after it was published: restore it, or publish the model again"
    try:
        content = read_inside(root, parts, max_bytes=entry.bytes)
    except OSError as error:
        raise ConfigurationError("VX812", f"{place} cannot be read: {error.strerror or error}", hint=hint) from error
    if digest(content) != entry:
        raise ConfigurationError("VX812", f"{place} is not the file that its manifest names", hint=hint)
    return content


def write_new(path: Path, content: bytes) -> None:
    """Write a file that is not there yet, and have it on the disk before this returns."""
    with path.open("xb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def replace_file(path: Path, content: bytes) -> None:
    """Write ``path`` so that a reader sees all of the old or all of the new content."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.unlink(missing_ok=True)
    write_new(partial, content)
    partial.replace(path)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One process at a time changes ``folder``'s aliases."""
    file = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)
