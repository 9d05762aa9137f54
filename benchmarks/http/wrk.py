"""wrk, the client: the script it is given and the summary it gives back."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

__all__ = ["NUMBERS", "Load", "command", "parse", "program", "run", "script"]

ANSWERED = "answered="
NUMBERS = 1_000_000

# The request is made in Lua only because some have a number in them; all are made alike, so none has an advantage.
SCRIPT = """
local pieces = {{{pieces}}}
local number = 0
request = function()
  if #pieces == 1 then return pieces[1] end
  number = number % {numbers} + 1
  return pieces[1] .. number .. pieces[2]
end
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\\n{mark}{{"requests": %d, "wall_us": %d, "errors": %d, "p50_us": %d, "p99_us": %d}}\\n',
    summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99)
  ))
end
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of wrk did."""

    requests: int
    wall_us: int
    errors: int
    """Connections that broke, answers that came too late, and statuses of 400 and above."""
    p50_us: int
    p99_us: int


def program() -> str:
    """Where wrk is.

    Raises:
        RuntimeError: It is not installed.
    """
    found = shutil.which("wrk")
    if found is None:
        raise RuntimeError("wrk is not installed; it makes the load (Debian and Ubuntu: apt-get install wrk)")
    return found


def lua_string(data: bytes) -> str:
    """``data`` as a literal of Lua: bytes in decimal, so that nothing has to be quoted."""
    return '"' + "".join(f"\\{byte:03d}" for byte in data) + '"'


def script(pieces: tuple[bytes, ...], numbers: int) -> str:
    """The script for a request of one piece, or of two with a running number between, from 1 to ``numbers``."""
    return SCRIPT.format(pieces=", ".join(map(lua_string, pieces)), numbers=numbers, mark=ANSWERED)


def command(wrk: str, path: Path, port: int, *, connections: int, duration_s: int) -> list[str]:
    """wrk's command line: one thread, for there is one core for it."""
    options = [f"--connections={connections}", f"--duration={duration_s}s", "--threads=1", "--timeout=10s"]
    return [wrk, *options, f"--script={path}", f"http://127.0.0.1:{port}/"]


def parse(output: str) -> Load:
    """What the script printed.

    Raises:
        ValueError: It did not.
    """
    found = [line for line in output.splitlines() if line.startswith(ANSWERED)]
    if not found:
        raise ValueError(f"wrk printed no summary:\n{output}")
    return Load(**json.loads(found[-1].removeprefix(ANSWERED)))


def run(pieces: tuple[bytes, ...], port: int, *, connections: int, duration_s: int, numbers: int = NUMBERS) -> Load:
    """Keep a server busy; wrk inherits the core of the calling process.

    Raises:
        CalledProcessError: wrk failed.
        ConnectionError: The server answered with errors, or hung up.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "request.lua"
        path.write_text(script(pieces, numbers))
        line = command(program(), path, port, connections=connections, duration_s=duration_s)
        load = parse(subprocess.run(line, capture_output=True, text=True, check=True).stdout)
    if load.errors or not load.requests:
        raise ConnectionError(f"{load.errors} of {load.requests} requests failed")
    return load
