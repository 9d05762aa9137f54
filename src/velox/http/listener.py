"""The listening socket at the end of its life: no new clients, and none lost that the kernel has let in."""

from __future__ import annotations

import ctypes
import fcntl
import socket
import struct
import sys
import termios
from collections.abc import Iterator

__all__ = ["limit_unsent", "queued", "refuse_new", "unread_bytes"]

_SO_ATTACH_FILTER = 26  # include/uapi/asm-generic/socket.h of the Linux kernel; Python has no name for it
_TCP_NOTSENT_LOWAT = {"linux": 25, "darwin": 0x201}  # of the systems' netinet/tcp.h; Python has a name for it from 3.12
_FLAGS_OFFSET_BYTES = 13  # of the flags in a TCP header, RFC 9293 section 3.1
_SYN = 0x02
# A classic BPF program (linux/filter.h: code, jump if true, jump if false, operand). Packets start at their TCP header
# here; 0 drops the packet, anything else is how many bytes of it to keep.
_NO_SYN = (
    (0x30, 0, 0, _FLAGS_OFFSET_BYTES),  # load the byte
    (0x45, 0, 1, _SYN),  # is SYN set? else skip one
    (0x06, 0, 0, 0),  # drop
    (0x06, 0, 0, 0xFFFF_FFFF),  # keep
)


def refuse_new(taken: socket.socket) -> bool:
    """Let nobody begin a connection to ``taken`` any more, in whatever process; those begun, queued or open go on.

    Closing a listening socket resets every connection in its queue, though its client may have sent a request already.
    Emptying the queue first helps only if it does not fill meanwhile. Clients that come now hear nothing and try again
    until the socket is closed, which they see as refused: nothing of theirs was sent, so nothing is lost.

    Returns:
        Whether the system can do so: Linux only.
    """
    if not sys.platform.startswith("linux") or taken.family not in (socket.AF_INET, socket.AF_INET6):
        return False
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in _NO_SYN)
    held = ctypes.create_string_buffer(code, len(code))
    try:
        program = struct.pack("HP", len(_NO_SYN), ctypes.addressof(held))
        taken.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
    except OSError:  # forbidden by a sandbox
        return False
    return True


def limit_unsent(taken: socket.socket, size_bytes: int) -> None:
    """Let the kernel keep no more than ``size_bytes`` for a client of ``taken`` that it cannot send yet.

    By itself it takes up to 4 MiB (tcp_wmem) for each client, also for one that never reads. Linux and macOS only.
    """
    number = _TCP_NOTSENT_LOWAT.get(sys.platform)
    if number is not None and taken.family in (socket.AF_INET, socket.AF_INET6):
        taken.setsockopt(socket.IPPROTO_TCP, number, size_bytes)


def queued(taken: socket.socket) -> Iterator[socket.socket]:
    """Accept what the kernel has queued for the non-blocking ``taken``, and no more."""
    while True:
        try:
            accepted, _ = taken.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        accepted.setblocking(False)
        yield accepted


def unread_bytes(descriptor: int) -> int:
    """How many bytes the kernel holds that were not read yet. Raises OSError for a closed ``descriptor``."""
    (count,) = struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, b"\0\0\0\0"))
    return int(count)
