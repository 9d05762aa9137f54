"""A reader who does what a page says, from top to bottom, in an empty folder."""

from __future__ import annotations

import contextlib
import doctest
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from blocks import Block, Command, commands_of

__all__ = ["NOT_TYPED", "Reader"]

NOT_TYPED = {
    ".": "activates an environment; the one of the tests is active",
    "docker": "needs a daemon",
    "git": "the repository is already here",
    "make": "sets up this repository, and the gate itself is one",
    "pip": "Velox is already installed",
    "python": "sets up an environment",
    "python3": "sets up an environment",
    "schemathesis": "attacks a generated project in tests/acceptance",
}
"""First words of commands that a page may show and the tests do not run, with the reason."""

START_TIMEOUT_S = 20.0
COMMAND_TIMEOUT_S = 120.0
POLL_S = 0.02


class Reader:
    """Keeps what one page builds up: the folder, the names in scope, the server that is running.

    Args:
        folder: An empty directory, where the reader begins.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # A module of its own, where pydantic and SQLAlchemy look for the names in annotations.
        module = sys.modules["__velox_docs__"] = ModuleType("__velox_docs__")
        self.scope: dict[str, Any] = vars(module)
        self.server: subprocess.Popen[bytes] | None = None
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = str(probe.getsockname()[1])

    def do(self, block: Block, page: Path) -> None:
        """Save, execute or type ``block``. Raises AssertionError when the page promises something else."""
        if block.file is not None:
            place = self.folder / block.file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(block.code, encoding="utf-8")
        if block.language == "python":
            code = compile("\n" * (block.line - 1) + block.code, str(page), "exec", dont_inherit=True)
            if block.file is None:
                exec(code, self.scope)
        elif block.language == "console":
            for command in commands_of(block.code):
                self.type(command)

    def type(self, command: Command) -> None:
        """Type a line; ``a && b`` is two commands. Raises AssertionError for a failure or another output than shown."""
        *before, last = command.text.split(" && ")
        for text in before:
            self.type(Command(text, ""))
        text = last.replace("8000", self.port)
        word = text.split()[0]
        if word == "cd":
            self.folder = self.folder / text.removeprefix("cd ").strip()
        elif text.startswith(("velox run", "velox ml serve")):
            self.serve(text)
        elif word not in NOT_TYPED:
            reloads = self.reloads()
            assert_same(command.output.replace("8000", self.port), self.run(text), text)
            if self.server is not None and text.startswith("velox makeapp"):
                self.wait_for_reload_after(reloads)

    def run(self, text: str) -> str:
        """The command's output, both streams."""
        finished = subprocess.run(
            ["/bin/sh", "-c", text],
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
        assert finished.returncode == 0, f"$ {text}\n{finished.stdout}"
        return finished.stdout

    def serve(self, text: str) -> None:
        """Start the server and wait until its port answers; it runs until :meth:`close`, or the next one."""
        self.close()
        log = self.folder / "server.log"
        with log.open("wb") as output:  # a file: nobody reads a pipe while the server runs
            self.server = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {text}"],
                cwd=self.folder,
                env=self.environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.server.poll() is not None:
                raise AssertionError(f"$ {text}\n{log.read_text(encoding='utf-8')}")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", int(self.port)), timeout=1):
                return
            time.sleep(POLL_S)
        raise AssertionError(f"$ {text}\ndid not listen within {START_TIMEOUT_S:.0f} s")

    def reloads(self) -> int:
        """How often the server has said that it reloaded."""
        logs = [log.read_text(encoding="utf-8") for log in self.folder.glob("server.log")]
        return sum(text.count("reloaded in") for text in logs)

    def wait_for_reload_after(self, reloads: int) -> None:
        """What the page says next is true of the code just written, and people are slower than a reload."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while self.reloads() <= reloads:
            assert time.monotonic() < deadline, f"no reload within {START_TIMEOUT_S:.0f} s"
            time.sleep(POLL_S)

    def environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "VELOX_PORT": self.port, "NO_COLOR": "1"}

    def close(self) -> None:
        """Stop the server, if there is one."""
        if self.server is not None:
            self.server.terminate()
            self.server.wait(timeout=COMMAND_TIMEOUT_S)
            self.server = None


def assert_same(shown: str, actual: str, text: str) -> None:
    """What the page shows has to come out; ``...`` or ``…`` stands for anything, white space does not count."""
    if not shown:
        return
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    wanted = re.sub(r"…", "...", shown)
    if not doctest.OutputChecker().check_output(f"{wanted}\n", f"{actual.strip()}\n", options):
        raise AssertionError(f"$ {text}\nthe page shows:\n{shown}\nthe command prints:\n{actual}")
