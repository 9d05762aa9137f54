"""A new user's first minutes: a fresh project, served, with real requests and what went over the wire.

    make demo                   keeps serving until Ctrl-C
    make demo ARGS=--check      exits after the requests, non-zero if an answer is wrong

Standard library only: it makes the environment that Velox is installed into.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from environment import PYTHON, create

VELOX = PYTHON.with_name("velox")
START_TIMEOUT_S = 20.0
POLL_S = 0.02
HEADERS_THAT_MATTER = ("content-type", "location", "allow")
BODY_LINES = 18


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request, and what its answer has to be.

    Attributes:
        purpose: Printed above it.
        body: Sent as JSON when it is not None.
        status: The expected status.
        has: Members that the JSON answer must have, with their values.
    """

    purpose: str
    method: str
    target: str
    status: int
    media_type: str = "application/json"
    body: Mapping[str, Any] | None = None
    has: Mapping[str, Any] | None = None


PROBLEM = "application/problem+json"
EXCHANGES = (
    Exchange(
        "Create", "POST", "/items/", 201, body={"name": "Teapot", "price": "19.90"}, has={"id": 1, "name": "Teapot"}
    ),
    Exchange("List", "GET", "/items/?limit=10&sort=-id", 200, has={"total": 1, "limit": 10}),
    Exchange("Read", "GET", "/items/1", 200, has={"id": 1, "name": "Teapot"}),
    Exchange("Update", "PATCH", "/items/1", 200, body={"name": "Kettle"}, has={"id": 1, "name": "Kettle"}),
    Exchange("Bad input", "POST", "/items/", 422, PROBLEM, body={"name": 7, "colour": "red"}, has={"status": 422}),
    Exchange("Unknown path", "GET", "/nowhere", 404, PROBLEM, has={"status": 404, "instance": "/nowhere"}),
    Exchange("Documentation page", "GET", "/docs", 200, "text/html"),
    Exchange("OpenAPI document", "GET", "/openapi.json", 200, has={"openapi": "3.1.1"}),
)


def main(arguments: Sequence[str]) -> int:
    """0 when every answer was right, 1 when not, 2 for a wrong argument."""
    if set(arguments) - {"--check"}:
        print("usage: python3 tools/demo.py [--check]", file=sys.stderr)
        return 2
    heading("Installing Velox into .venv")
    create(".")
    with tempfile.TemporaryDirectory(prefix="velox-demo-") as directory:
        heading("velox makeproject shop")
        subprocess.run([VELOX, "makeproject", "shop"], cwd=directory, check=True)
        port = free_port()
        heading(f"velox run --port {port}")
        with serving(Path(directory, "shop"), port) as server:
            wrong = [exchange.purpose for exchange in EXCHANGES if not talk(port, exchange)]
            report(wrong, port)
            if "--check" not in arguments:
                with contextlib.suppress(KeyboardInterrupt):
                    server.wait()
    return 1 if wrong else 0


def report(wrong: Sequence[str], port: int) -> None:
    if wrong:
        print(paint(f"\nWrong answers: {', '.join(wrong)}", "31"))
    else:
        print(paint(f"\nAll {len(EXCHANGES)} answers are right.", "32"))
    print(f"\n  Try it in a browser   http://127.0.0.1:{port}/docs\n  Stop                  Ctrl-C\n", flush=True)


@contextlib.contextmanager
def serving(project: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """``velox run`` in ``project``, ready to answer; stopped afterwards."""
    # A session of its own: Ctrl-C is for us, and we tell the server.
    server = subprocess.Popen([VELOX, "run", "--port", str(port)], cwd=project, start_new_session=True)
    try:
        wait_until_ready(server, port)
        yield server
    finally:
        server.terminate()
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()


def wait_until_ready(server: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            sys.exit(f"velox run stopped with {server.returncode}")
        with contextlib.suppress(OSError, HTTPException):
            if send(port, "GET", "/health/ready")[0] == 200:
                return
        time.sleep(POLL_S)
    sys.exit(f"velox run did not answer within {START_TIMEOUT_S:.0f} s")


def send(port: int, method: str, target: str, body: bytes | None = None) -> tuple[int, str, dict[str, str], bytes]:
    """Status, reason, headers (names in lower case) and body of the answer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, target, body, {"Content-Type": "application/json"} if body else {})
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return response.status, response.reason, headers, response.read()
    finally:
        connection.close()


def talk(port: int, exchange: Exchange) -> bool:
    """Send, print both sides, and tell whether the answer is the expected one."""
    body = None if exchange.body is None else json.dumps(exchange.body).encode()
    heading(exchange.purpose)
    print(paint(f"> {exchange.method} {exchange.target} HTTP/1.1", "36"))
    if body:
        print(paint(f"> content-type: application/json\n>\n> {body.decode()}", "36"))
    status, reason, headers, content = send(port, exchange.method, exchange.target, body)
    right = is_right(exchange, status, headers, content)
    print(paint(f"< HTTP/1.1 {status} {reason}", "32" if right else "31"))
    for name in HEADERS_THAT_MATTER:
        if name in headers:
            print(f"< {name}: {headers[name]}")
    print("<\n" + "\n".join(f"< {line}" for line in readable(content)))
    return right


def is_right(exchange: Exchange, status: int, headers: Mapping[str, str], content: bytes) -> bool:
    media_type = headers.get("content-type", "").partition(";")[0]
    if (status, media_type) != (exchange.status, exchange.media_type):
        return False
    if exchange.has is None:
        return True
    document = json.loads(content)
    return all(document.get(name) == value for name, value in exchange.has.items())


def readable(content: bytes) -> list[str]:
    """JSON indented, all else as it is; the first lines of it."""
    try:
        lines = json.dumps(json.loads(content), indent=2, ensure_ascii=False).splitlines()
    except ValueError:
        lines = content.decode(errors="replace").splitlines()
    rest = len(lines) - BODY_LINES
    shown = [line if len(line) <= 110 else line[:109] + "…" for line in lines[:BODY_LINES]]
    return [*shown, f"… {rest} more lines"] if rest > 0 else shown


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def heading(text: str) -> None:
    print("\n" + paint(f"── {text}", "1"), flush=True)


def paint(text: str, colour: str) -> str:
    """``text`` in an ANSI colour, when somebody looks at it and did not set NO_COLOR."""
    return f"\033[{colour}m{text}\033[0m" if sys.stdout.isatty() and "NO_COLOR" not in os.environ else text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
