"""``python -m velox.ml.child FD``: the process that a model has for itself; :mod:`velox.ml.processes` starts it.

It loads one model, and answers rows until its socket ends. Memory is bounded by the address space (``RLIMIT_AS``, which
Linux enforces): what goes beyond raises ``MemoryError`` in the model, and the process lives on.
"""

from __future__ import annotations

import ctypes
import resource
import signal
import socket
import struct
import sys
from typing import Any

import msgspec

__all__ = ["main"]

LENGTH = struct.Struct(">I")
PR_SET_PDEATHSIG = 1
CHUNK_BYTES = 2**20


def main() -> None:
    """Serve the socket whose file descriptor is the argument."""
    end_with_parent()
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        order = receive(connection)[1]
        runner = load_or_refuse(connection, order)
        while runner is not None:
            try:
                question = receive(connection)
            except EOFError:
                return
            send(connection, answer(runner, question[1]))


def end_with_parent() -> None:
    """Also while it hangs in a model: a server that was killed leaves nothing behind (Linux, prctl(2))."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the server's, which drains first
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def load_or_refuse(connection: socket.socket, order: dict[str, Any]) -> Any:
    """The model; None after it has said why there is none."""
    from velox.errors import ConfigurationError
    from velox.ml.optional import needed

    sys.path[:] = order["path"]
    for module in ("sklearn.pipeline", "sklearn.compose", "pandas", "velox.ml.runner", "velox.ml.answers"):
        needed(module)
    bound_memory(order["max_memory_bytes"])
    from velox.ml.registry import Registry
    from velox.ml.runner import load

    try:
        needed("threadpoolctl").threadpool_limits(1)
        runner = load(Registry(order["root"]), order["reference"], on_mismatch=order["on_mismatch"])
    except ConfigurationError as error:
        memory = isinstance(error.__cause__, MemoryError)
        send(connection, ["refused", "memory"] if memory else ["refused", error.code, error.message, error.hint])
        return None
    except MemoryError:
        send(connection, ["refused", "memory"])
        return None
    send(connection, ["loaded", runner.typical, runner.one_row_s, runner.batch_row_s])
    return runner


def bound_memory(more_bytes: int) -> None:
    """Let the process take ``more_bytes`` beside what it has."""
    try:
        with open("/proc/self/statm") as file:  # noqa: PTH123 - as little as possible is imported here
            has_bytes = int(file.read().split()[0]) * resource.getpagesize()
        limit = has_bytes + more_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    except (OSError, ValueError):
        pass  # no Linux, or a bound that is tighter already


def answer(runner: Any, vectors: Any) -> list[Any]:
    """What is sent back for rows."""
    from velox.ml.answers import listed

    try:
        answers = listed(runner.predict(vectors))
    except Exception as error:  # noqa: BLE001 - whatever a model raises, its server is told
        return ["failed", f"{type(error).__name__}: {error}"[:2000]]
    labels = [label for label, _ in answers]
    has_shares = bool(answers) and answers[0][1] is not None
    return ["answers", labels, [shares for _, shares in answers] if has_shares else None]


def receive(connection: socket.socket) -> Any:
    (size,) = LENGTH.unpack(exactly(connection, LENGTH.size))
    return msgspec.msgpack.decode(exactly(connection, size))


def exactly(connection: socket.socket, size: int) -> bytes:
    parts, missing = [], size
    while missing:
        part = connection.recv(min(missing, CHUNK_BYTES))
        if not part:
            raise EOFError
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def send(connection: socket.socket, message: Any) -> None:
    data = msgspec.msgpack.encode(message)
    connection.sendall(LENGTH.pack(len(data)) + data)


if __name__ == "__main__":
    main()
