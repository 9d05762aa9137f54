"""A real server for tests: ``velox run`` in a process of its own, on a real socket."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from velox.errors import ConfigurationError

__all__ = ["LiveServer"]

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0
POLL_S = 0.02


class LiveServer:
    """``velox run`` on a free port of 127.0.0.1; a context manager.

    Args:
        target: The app factory as ``module:create_app``. None finds the project's own, as ``velox run`` does.
        directory: The project's root, where the process runs. None: the current directory.
        environment: Variables on top of this process' own and of ``VELOX_ENV=test``.
        options: Further options of ``velox run``.
        ready_path: What answers 200 once the server can serve.

    Raises:
        ConfigurationError: VX105 when the server ends or is not ready within 20 s; what it printed is in the message.
    """

    def __init__(
        self,
        target: str | None = None,
        *,
        directory: Path | None = None,
        environment: Mapping[str, str] | None = None,
        options: tuple[str, ...] = (),
        ready_path: str = "/health/ready",
    ) -> None:
        self.host = "127.0.0.1"
        self.port = _free_port(self.host)
        self._command = [sys.executable, "-m", "velox", "run", *([target] if target else []), *options]
        self._command += ["--host", self.host, "--port", str(self.port)]
        self._directory = directory
        self._environment = {**os.environ, "VELOX_ENV": "test", **(environment or {})}
        self._speaks_tls = bool(self._environment.get("VELOX_SSL_CERTIFICATE"))
        self._ready_path = ready_path

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``, without a slash at the end; ``https`` with ``VELOX_SSL_CERTIFICATE``."""
        return f"{'https' if self._speaks_tls else 'http'}://{self.host}:{self.port}"

    @property
    def output(self) -> str:
        """What the server has printed so far."""
        return Path(self._output.name).read_text("utf-8", errors="replace")

    def __enter__(self) -> Self:
        self._output: IO[bytes] = tempfile.NamedTemporaryFile(prefix="velox-live-", suffix=".log")
        try:
            self.process = subprocess.Popen(
                self._command,
                cwd=self._directory,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=subprocess.STDOUT,
            )
            self._wait_until_ready()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def stop(self) -> int:
        """Ask the server to end, as a process manager does (SIGTERM), and wait for it.

        Returns:
            The exit code; -9 if it did not end within 10 s and was killed.
        """
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def _close(self) -> None:
        if hasattr(self, "process"):
            self.stop()
        self._output.close()

    def _wait_until_ready(self) -> None:
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while not self._is_ready():
            if self.process.poll() is not None:
                raise self._failure(f"ended with exit code {self.process.returncode} instead of serving")
            if time.monotonic() > deadline_s:
                raise self._failure(f"was not ready within {START_TIMEOUT_S:g} s")
            time.sleep(POLL_S)

    def _is_ready(self) -> bool:
        connection = self._connection()
        try:
            connection.request("GET", self._ready_path)
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def _connection(self) -> HTTPConnection:
        if not self._speaks_tls:
            return HTTPConnection(self.host, self.port, timeout=1.0)
        # Whose certificate it is does not matter for whether it answers.
        context = ssl._create_unverified_context()  # noqa: S323
        return HTTPSConnection(self.host, self.port, timeout=1.0, context=context)

    def _failure(self, what: str) -> ConfigurationError:
        return ConfigurationError(
            "VX105",
            f"the live server {what}",
            hint=f"{' '.join(self._command[1:])} printed:\n{self.output.strip() or '(nothing)'}",
        )


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port
