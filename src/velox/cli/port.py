"""Taking the port before anything else is done, and saying who has it."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

from velox.errors import EXIT_USAGE, ConfigurationError

__all__ = ["holder", "listen"]

_LISTENING = "0A"  # the state column of /proc/net/tcp, in the words of proc_net_tcp.txt of the Linux kernel


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to ``host`` and ``port`` (0: a free one), for the server to listen on.

    Raises:
        ConfigurationError: VX102 (the port is in use), VX106 (not an address of this machine, or a port
            that needs more rights).
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        taken = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _wrong_address(host, error) from error
    try:
        # A restarted server takes the port although old connections linger in TIME_WAIT; one that listens keeps it.
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
        taken.listen(socket.SOMAXCONN)
    except OSError as error:
        taken.close()
        if error.errno == errno.EADDRINUSE:
            raise _in_use(port) from error
        if error.errno == errno.EACCES:
            hint = "Take a port from 1024 up, such as --port 8000."
            raise ConfigurationError(
                "VX106", f"port {port} needs more rights", hint=hint, exit_code=EXIT_USAGE
            ) from error
        raise _wrong_address(host, error) from error
    taken.set_inheritable(True)
    return taken


def holder(port: int) -> str | None:
    """``"pid 4121, velox"`` of the process that listens on ``port``; None where the system does not tell us."""
    inodes = _listening_inodes(port)
    if not inodes:
        return None
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and _has_socket(process, inodes):
            return f"pid {process.name}, {_name(process)}"
    return None


def _in_use(port: int) -> ConfigurationError:
    who = holder(port)
    message = f"port {port} is in use" + (f" ({who})" if who else "")
    return ConfigurationError("VX102", message, hint=f"Stop it, or take another port: velox run --port {_next(port)}.")


def _next(port: int) -> int:
    return port + 1 if port < 65_535 else 8000


def _wrong_address(host: str, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        "VX106",
        f"cannot listen on host {host!r}: {error.strerror}",
        hint="Take 127.0.0.1 (this machine only) or 0.0.0.0 (every address).",
        exit_code=EXIT_USAGE,
    )


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        lines = table.read_text().splitlines()[1:] if table.exists() else []
        for columns in (line.split() for line in lines):
            if columns[3] == _LISTENING and int(columns[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{columns[9]}]")
    return inodes


def _has_socket(process: Path, inodes: set[str]) -> bool:
    try:
        return any(str(descriptor.readlink()) in inodes for descriptor in (process / "fd").iterdir())
    except OSError:  # it ended meanwhile, or belongs to somebody else
        return False


def _name(process: Path) -> str:
    """``velox`` for ``/usr/bin/python /usr/bin/velox run``, else the program's own name."""
    words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
    programs = [Path(word).name for word in words[:2]]
    if "velox" in programs or "velox" in words:
        return "velox"
    return programs[0] or "unknown"
