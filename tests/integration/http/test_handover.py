"""A server of one process becomes its successor, and nobody notices."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.chaos.running import MAIN, Running
from benchmarks.chaos.traffic import Traffic
from velox.http.pidfile import read_pid

Start = Callable[..., Running]
APP = MAIN.read_text()
ONE = ("--workers", "1")


def replaced(server: Running, times: int = 1) -> bool:
    return server.output.count('"replaced all workers"') == times


@pytest.mark.parametrize("keep_alive", [True, False], ids=["keep-alive", "close"])
def test_a_restart_under_load_loses_and_refuses_no_request(start: Start, keep_alive: bool) -> None:
    """The process id stays; twice, for a successor has to be able to do the same."""
    server = start(*ONE)
    server.until_ready()
    with Traffic(server.port, keep_alive=keep_alive) as traffic:
        for times in (1, 2):
            seen = traffic.answered
            server.until(lambda: traffic.answered > seen + 50)  # noqa: B023 - called at once
            server.process.send_signal(signal.SIGHUP)
            server.until(lambda: replaced(server, times))  # noqa: B023
    assert (traffic.lost, traffic.refused) == ([], 0)
    assert server.worker() == server.process.pid
    server.until(lambda: len(server.descendants()) == 1)
    assert server.stop() == 0, server.output
    assert "Traceback" not in server.output


def test_reload_serves_the_newest_source(start: Start, project: Path) -> None:
    """``velox reload`` finds it by the pid file, also the second time, and the file goes when the server goes."""
    pid_file = project / "server.pid"
    server = start(*ONE, "--pid-file", str(pid_file))
    server.until_ready()
    for times, word in enumerate(("newer", "newest"), 1):
        (project / "main.py").write_text(APP.replace('"done"', f'"{word}"'))
        command = [sys.executable, "-m", "velox", "reload", "--pid-file", str(pid_file)]
        subprocess.run(command, cwd=project, check=True, capture_output=True)
        server.until(lambda: replaced(server, times))  # noqa: B023
        assert server.get("/work") == f'"{word}"'
        assert read_pid(pid_file) == server.process.pid
    assert server.stop() == 0
    assert not pid_file.exists()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import no_such_package_anywhere\n", "VX103 main:create_app cannot be imported: main.py:1"),
        (APP.replace("    return app\n", "    os._exit(3)\n"), "exited with code 3 before it was ready"),
    ],
    ids=["a failing import", "a silent end"],
)
def test_a_successor_that_cannot_start_leaves_everything_as_it_was(
    start: Start, project: Path, source: str, said: str
) -> None:
    """The log says why, nobody is refused, and the next one, from a mended source, works."""
    server = start(*ONE)
    server.until_ready()
    (project / "main.py").write_text(source)
    with Traffic(server.port, keep_alive=False, clients=2) as traffic:
        server.process.send_signal(signal.SIGHUP)
        server.until(lambda: "the old one goes on" in server.output)
    assert said in server.output
    assert (traffic.lost, traffic.refused) == ([], 0)
    (project / "main.py").write_text(APP)
    server.process.send_signal(signal.SIGHUP)
    server.until(lambda: replaced(server))
    assert server.stop() == 0


@pytest.mark.parametrize("after_s", [0.2, 0.9, 1.4])
def test_sigterm_at_any_moment_of_a_restart_ends_it_all(start: Start, after_s: float) -> None:
    """Exit code 0, nobody is lost, no stand-in is left."""
    server = start(*ONE)
    server.until_ready()
    with Traffic(server.port, keep_alive=True, clients=2) as traffic:
        server.until(lambda: traffic.answered > 20)
        server.process.send_signal(signal.SIGHUP)
        until_s = time.monotonic() + after_s
        server.until(lambda: time.monotonic() >= until_s)
        assert server.stop() == 0, server.output
    assert traffic.lost == []
    server.until(server.is_gone)
    assert "Traceback" not in server.output


def test_a_stand_in_goes_when_its_server_is_killed(start: Start, project: Path) -> None:
    server = start(*ONE)
    server.until_ready()
    slow = APP.replace("    return app\n", "    __import__('time').sleep(1)\n    return app\n")
    (project / "main.py").write_text(slow)
    server.process.send_signal(signal.SIGHUP)
    server.until(lambda: len(server.descendants()) > 1)
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    server.until(server.is_gone)
