"""Several workers and their parent: deaths, failing starts, signals at any moment, rolling restarts."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.chaos.running import MAIN, Running
from benchmarks.chaos.traffic import Traffic
from velox.errors import EXIT_FAILURE
from velox.http.pidfile import read_pid

Start = Callable[..., Running]
APP = MAIN.read_text()
TWO = ("--workers", "2")
START_S = 1.5
STARTING = "    @app.on_start\n    async def begin(app: Velox) -> None:\n        {statement}\n\n    return app\n"


def on_start(statement: str) -> str:
    """The app with a step that every worker takes when it starts."""
    return APP.replace("    return app\n", STARTING.format(statement=statement))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("options", [("--workers", "1"), TWO], ids=" ".join)
def test_a_signal_ends_it_with_0_and_without_orphans(
    start: Start, options: tuple[str, ...], number: signal.Signals
) -> None:
    """Without a traceback, and with the pid file gone."""
    server = start(*options)
    server.until_ready()
    assert server.stop(number) == 0, server.output
    server.until(server.is_gone)
    assert "Traceback" not in server.output


def test_one_worker_is_one_process(start: Start) -> None:
    """No parent, no fork server."""
    server = start("--workers", "1")
    server.until_ready()
    assert server.worker() == server.process.pid
    assert len(server.descendants()) == 1


def test_a_killed_worker_is_replaced(start: Start) -> None:
    """Both places are taken again, and meanwhile the other worker answers every request."""
    server = start(*TWO)
    server.until_ready()
    before = server.workers(2)
    victim = min(before)
    with Traffic(server.port, keep_alive=False, clients=2) as traffic:
        os.kill(victim, signal.SIGKILL)
        server.until(lambda: server.worker() not in before, deadline_s=5)
    assert traffic.refused == 0
    assert f"(pid {victim}) was killed by SIGKILL; starting another now" in server.output
    assert server.stop() == 0


def test_workers_survive_a_killed_fork_server(project: Path, start: Start) -> None:
    """They are replaced, and drain; with them their exit codes are gone, but no request."""
    server = start(*TWO)
    server.until_ready()
    before = server.workers(2)
    (fork_server,) = (pid for pid in server.descendants() if "forkserver" in command(pid) and pid not in before)
    with Traffic(server.port, keep_alive=True, clients=2) as traffic:
        os.kill(fork_server, signal.SIGKILL)
        server.until(lambda: server.worker() not in before)
        server.until(lambda: not before.intersection(server.descendants()))
    assert traffic.lost == []
    assert traffic.refused == 0
    assert server.stop() == 0


def command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def test_a_signal_to_all_of_its_processes_is_one_to_the_server(start: Start) -> None:
    """As systemd sends it; the fork server outlives those whose exit codes it knows."""
    server = start(*TWO)
    server.until_ready()
    with Traffic(server.port, keep_alive=True, clients=2) as traffic:
        server.until(lambda: traffic.answered > 20)
        for pid in server.descendants():
            os.kill(pid, signal.SIGTERM)
        assert server.process.wait(10) == 0, server.output
    assert traffic.lost == []
    server.until(server.is_gone)
    assert "Traceback" not in server.output


def test_workers_end_with_their_parent(start: Start) -> None:
    """Even when that one is killed and cannot say goodbye."""
    server = start(*TWO)
    server.until_ready()
    server.process.kill()
    server.process.wait()
    server.until(server.is_gone)


def test_workers_that_keep_dying_end_the_server(project: Path, start: Start) -> None:
    """Exit code 1, and the reason with the number of the deaths; each start but the first waits longer."""
    (project / "main.py").write_text(APP.replace("        return os.getpid()", "        os._exit(7)"))
    server = start(*TWO)
    server.until_ready()
    with Traffic(server.port, keep_alive=False, clients=1):
        server.until(lambda: server.process.poll() is not None or server.get("/pid") is None)
    assert server.process.wait(10) == EXIT_FAILURE
    assert "exited with code 7; starting another now" in server.output
    assert "exited with code 7; starting another in 0.1 s" in server.output
    assert "error VX107 worker " in server.output
    assert "died 5 times within 10 s of its start; it exited with code 7" in server.output
    server.until(server.is_gone)


@pytest.mark.parametrize("options", [("--workers", "1"), TWO], ids=" ".join)
def test_a_failing_start_is_one_line_and_exit_code_1(project: Path, start: Start, options: tuple[str, ...]) -> None:
    """One line, however many workers there are."""
    source = on_start('raise OSError("no route to host")')
    (project / "main.py").write_text(source)
    line = source[: source.index("raise OSError")].count("\n") + 1
    server = start(*options)
    assert server.process.wait(20) == EXIT_FAILURE
    assert server.output.count("error VX105") == 1
    assert f"error VX105 the app could not start: main.py:{line}: OSError: no route to host" in server.output
    assert "Traceback" not in server.output


def test_a_worker_that_dies_at_boot_ends_the_server(project: Path, start: Start) -> None:
    """It cannot say why, so the parent says how."""
    (project / "main.py").write_text(on_start("os.kill(os.getpid(), 9)"))
    server = start(*TWO)
    assert server.process.wait(20) == EXIT_FAILURE
    assert "error VX105 a worker was killed by SIGKILL before it was ready" in server.output


@pytest.mark.parametrize("options", [("--workers", "1"), TWO], ids=" ".join)
def test_sigterm_at_any_moment_of_the_boot_ends_it_with_0(start: Start, options: tuple[str, ...]) -> None:
    """From the first line of the command, over imports and workers' start, to serving."""
    moments = random.Random(9)
    for _ in range(5):
        server = start(*options)
        server.until(server.hears_sigterm)
        try:
            server.process.wait(moments.uniform(0, START_S))
        except subprocess.TimeoutExpired:
            pass  # it boots, or serves
        assert server.stop() == 0, server.output
        server.until(server.is_gone)
        assert "Traceback" not in server.output


def test_sigterm_ends_a_start_that_hangs(project: Path, start: Start) -> None:
    """A worker that waits for a database for ever is not waited for."""
    (project / "main.py").write_text(on_start("print('waiting', flush=True); await asyncio.sleep(600)"))
    server = start(*TWO)
    server.until(lambda: server.output.count("waiting") == 2)
    assert server.stop() == 0
    server.until(server.is_gone)


@pytest.mark.parametrize("options", [("--workers", "1"), TWO], ids=" ".join)
def test_a_blocked_worker_ends_after_the_grace_period(start: Start, project: Path, options: tuple[str, ...]) -> None:
    """A handler that never gives the loop back does not keep the server from ending, whoever has to end it."""
    (project / "main.py").write_text(APP.replace("await asyncio.sleep(seconds)", "__import__('time').sleep(seconds)"))
    server = start(*options, environment={"VELOX_GRACE_S": "0.2"})
    server.until_ready()
    with server.connect() as connection:
        connection.sendall(b"GET /work?seconds=600 HTTP/1.1\r\nHost: chaos\r\n\r\n")
        assert server.stop() == 0


def test_reload_serves_the_newest_source_from_new_workers(project: Path, start: Start) -> None:
    """It finds the parent by the pid file, which goes when the server goes."""
    pid_file = project / "server.pid"
    server = start(*TWO, "--pid-file", str(pid_file))
    server.until_ready()
    before = server.workers(2)
    assert read_pid(pid_file) == server.process.pid
    (project / "main.py").write_text(APP.replace('"done"', '"newest"'))
    done = reload("--pid-file", str(pid_file), folder=project)
    assert done.stdout == f"asked pid {server.process.pid} to replace its workers; its log says how it goes\n"
    server.until(lambda: "replaced all workers" in server.output)
    assert server.get("/work") == '"newest"'
    assert not before & server.workers(2)
    assert server.stop() == 0
    assert not pid_file.exists()


def reload(*options: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """``velox reload``."""
    command = [sys.executable, "-m", "velox", "reload", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_reload_finds_a_server_by_its_port(project: Path, start: Start) -> None:
    """And says so when there is none."""
    server = start(*TWO)
    server.until_ready()
    assert reload("--port", str(server.port), folder=project).returncode == 0
    server.until(lambda: "replaced all workers" in server.output)
    assert server.stop() == 0
    done = reload("--port", str(server.port), folder=project)
    assert done.returncode == EXIT_FAILURE
    assert f"error VX108 no running server is known for port {server.port}" in done.stderr


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (on_start('raise OSError("no route to host")'), "VX105 the app could not start: main.py"),
        ("import no_such_package_anywhere\n", "VX103 main:create_app cannot be imported: main.py:1"),
        (on_start("os._exit(3)"), "the new worker exited with code 3 before it was ready"),
    ],
    ids=["a failing step", "a failing import", "a silent end"],
)
def test_a_restart_that_fails_keeps_the_old_workers(project: Path, start: Start, source: str, reason: str) -> None:
    """It says why, and the next restart, from a mended source, works."""
    server = start(*TWO)
    server.until_ready()
    before = server.workers(2)
    (project / "main.py").write_text(source)
    with Traffic(server.port, keep_alive=False, clients=2) as traffic:
        server.process.send_signal(signal.SIGHUP)
        server.until(lambda: "the old workers go on" in server.output)
    assert reason in server.output
    assert traffic.lost == []
    assert server.workers(2) == before
    (project / "main.py").write_text(APP)
    server.process.send_signal(signal.SIGHUP)
    server.until(lambda: "replaced all workers" in server.output)
    assert server.stop() == 0


def test_listeners_of_the_main_process_and_the_shared_context_work(project: Path, start: Start) -> None:
    """What ``main_process_start`` puts there is every worker's; nothing else is opened in the parent."""
    (project / "main.py").write_text(
        APP.replace("import os\n", "import os\nfrom multiprocessing import Value\n")
        .replace("        return os.getpid()", "        return app.shared_ctx.parent.value")
        .replace(
            "    return app\n",
            """
    async def share(app: Velox, *_: object) -> None:
        app.shared_ctx.parent = Value("i", os.getpid())

    async def say(app: Velox, *_: object) -> None:
        print("stopped in", os.getpid(), flush=True)

    app.register_listener(share, "main_process_start")
    app.register_listener(say, "main_process_stop")
    return app
""",
        )
    )
    server = start(*TWO)
    server.until_ready()
    assert server.worker() == server.process.pid
    assert server.stop() == 0
    assert f"stopped in {server.process.pid}" in server.output
