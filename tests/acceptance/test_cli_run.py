"""``velox run`` as a user meets it: real processes, real sockets, real signals."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from velox.errors import EXIT_CONFIGURATION, EXIT_FAILURE, EXIT_USAGE

DEADLINE_S = 20.0
POLL_S = 0.02
SECRET = "c5fW1o9-RwKXlTq_7hYzB3dNn0JmAuEe8sVgPk2LxQi"

MAIN = """
import asyncio
from velox.app import Velox
from velox.settings import Settings

def create_app(settings: Settings | None = None) -> Velox:
    app = Velox("demo", settings)

    @app.get("/")
    async def greet() -> str:
        return "one"

    @app.get("/slow")
    async def slow() -> str:
        await asyncio.sleep(1)
        return "done"

    return app
"""


class Server:
    """``velox run`` in a project, on a free port, with what it printed."""

    def __init__(self, project: Path, *options: str, environment: dict[str, str] | None = None) -> None:
        self.port = free_port()
        self.log = project.parent / f"{project.name}-{self.port}.log"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("VELOX_")}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "velox", "run", "--port", str(self.port), *options],
                cwd=project,
                env={**inherited, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a signal to the test's own process group is not meant for it
            )

    @property
    def output(self) -> str:
        return self.log.read_text()

    def get(self, path: str = "/") -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=DEADLINE_S)

    def until(self, holds: Callable[[], bool]) -> None:
        """Poll until ``holds()``; connection errors count as no."""
        deadline_s = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline_s:
            try:
                if holds():
                    return
            except httpx.TransportError:
                pass
            time.sleep(POLL_S)
        pytest.fail(f"not within {DEADLINE_S:g} s; it printed:\n{self.output}")

    def until_answers(self, text: str) -> None:
        self.until(lambda: self.process.poll() is not None or self.get().text == f'"{text}"')
        assert self.process.poll() is None, self.output

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_S)

    def descendants(self) -> list[int]:
        """The live processes of the session that the server leads or that it has started in groups of their own."""
        return [pid for pid, session in sessions() if session == self.process.pid]


def sessions() -> Iterator[tuple[int, int]]:
    """Each live process and its session (field 6 of /proc/PID/stat), zombies left out."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                yield int(entry.name), int(fields[3])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of one file."""
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "main.py").write_text(MAIN)
    return folder


@pytest.fixture
def start(project: Path) -> Iterator[Callable[..., Server]]:
    """Start servers that are gone at the end of the test, whatever happens in it."""
    started: list[Server] = []

    def start(*options: str, environment: dict[str, str] | None = None) -> Server:
        started.append(Server(project, *options, environment=environment))
        return started[-1]

    yield start
    for server in started:
        for pid in [*server.descendants(), server.process.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        server.process.wait()


def failed(server: Server, code: int) -> str:
    """What the server printed when it ended with ``code`` instead of serving."""
    assert server.process.wait(DEADLINE_S) == code, server.output
    assert "Traceback" not in server.output
    return server.output


Start = Callable[..., Server]
MODES = pytest.mark.parametrize("options", [("--reload",), ("--no-reload",), ("--workers", "2")], ids=" ".join)


@MODES
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_and_ends_with_0_and_without_orphans(
    start: Start, options: tuple[str], number: signal.Signals
) -> None:
    """In each way of running, on SIGTERM and on Ctrl-C."""
    server = start(*options)
    server.until_answers("one")
    assert server.stop(number) == 0, server.output
    server.until(lambda: not server.descendants())
    assert "Traceback" not in server.output


def test_the_first_lines_say_what_is_served_and_where(start: Start) -> None:
    """Versions and environment, the app, the database, the URL and the documentation's."""
    server = start("--no-reload", environment={"VELOX_DATABASE_URL": "sqlite:///shop.db"})
    server.until(lambda: "docs" in server.output)
    head, app, database, *places = server.output.splitlines()[:5]
    assert head.startswith("velox ")
    assert head.endswith("· dev")
    assert app.split()[:2] == ["app", "main:create_app"]
    assert database.split() == ["database", "sqlite:///shop.db"]
    url = f"http://127.0.0.1:{server.port}"
    assert [place.split() for place in places] == [["open", url], ["docs", f"{url}/docs"]]


def test_missing_tables_are_made_and_named_in_dev(project: Path, start: Start) -> None:
    """Once; the second start has nothing to say about it."""
    table = "from velox.db import Field, Model\nclass Link(Model, table=True):\n    id: int = Field(primary_key=True)\n"
    (project / "main.py").write_text(table + MAIN)
    for created in (True, False):
        server = start("--no-reload")
        server.until_answers("one")
        assert ("created table link" in server.output) is created
        assert server.stop() == 0


def test_requests_in_flight_are_answered_before_it_ends(start: Start) -> None:
    """A second of work that began before SIGTERM ends with 200."""
    server = start("--no-reload")
    server.until_answers("one")
    answers: list[int] = []
    request = threading.Thread(target=lambda: answers.append(server.get("/slow").status_code))
    request.start()
    server.until(lambda: has_connection(server.port))
    assert server.stop() == 0
    request.join(DEADLINE_S)
    assert answers == [200]


def has_connection(port: int) -> bool:
    """Whether somebody is connected to ``port`` (state 01 of /proc/net/tcp), with the request sent and read."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        columns = line.split()
        if int(columns[1].rpartition(":")[2], 16) == port and columns[3] == "01" and columns[4].endswith(":00000000"):
            return True
    return False


def test_it_starts_anew_on_a_change_and_survives_a_mistake(project: Path, start: Start) -> None:
    """A change is served, a mistake is one line, and correcting it is enough."""
    server = start()
    server.until_answers("one")
    (project / "main.py").write_text(MAIN.replace('"one"', '"two"'))
    server.until_answers("two")
    assert "reloaded in " in server.output
    (project / "main.py").write_text("import no_such_package_anywhere\n")
    server.until(lambda: "waiting for a change" in server.output)
    assert "error VX103 main:create_app cannot be imported: main.py:1: ModuleNotFoundError" in server.output
    (project / "main.py").write_text(MAIN.replace('"one"', '"three"'))
    server.until_answers("three")
    assert "Traceback" not in server.output
    assert server.stop() == 0
    server.until(lambda: not server.descendants())


def test_the_server_ends_with_the_process_that_watches(start: Start) -> None:
    """Even when that one is killed and cannot say goodbye."""
    server = start("--reload")
    server.until_answers("one")
    server.process.kill()
    server.process.wait()
    server.until(lambda: not server.descendants())


@MODES
def test_a_port_in_use_is_told_before_anything_else(project: Path, start: Start, options: tuple[str]) -> None:
    """With the process that has it; the app is not even imported."""
    (project / "main.py").write_text("raise SystemError('imported')")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        output = failed(start(*options, "--port", str(taken)), EXIT_FAILURE)
    assert f"error VX102 port {taken} is in use (pid {os.getpid()}, " in output
    assert f"hint Stop it, or take another port: velox run --port {taken + 1}." in output
    assert "imported" not in output


@pytest.mark.parametrize("options", [("--no-reload",), ("--workers", "2")], ids=" ".join)
def test_an_import_error_names_the_line(project: Path, start: Start, options: tuple[str]) -> None:
    """VX103, exit code 1."""
    (project / "main.py").write_text("\nimport no_such_package_anywhere\n")
    output = failed(start(*options), EXIT_FAILURE)
    assert "error VX103 main:create_app cannot be imported: main.py:2: ModuleNotFoundError: No module named" in output
    assert "  hint " in output


def test_a_missing_app_lists_where_it_was_looked_for(project: Path, start: Start) -> None:
    """VX101, exit code 1."""
    (project / "main.py").unlink()
    output = failed(start(), EXIT_FAILURE)
    assert "error VX101 no app factory found in " in output
    assert "no app/main.py and no main.py" in output


@pytest.mark.parametrize("target", ["nosuch:create_app", "main:nosuch"])
def test_a_wrong_target_is_not_waited_for(start: Start, target: str) -> None:
    """VX101, exit code 1, with reloading too: no change of the code would mend the command line."""
    output = failed(start("--reload", target), EXIT_FAILURE)
    assert "error VX101 " in output
    assert "nosuch" in output
    assert "waiting for a change" not in output


@pytest.mark.parametrize("options", [("--no-reload",), ("--workers", "2")], ids=" ".join)
def test_a_failing_start_up_step_names_its_line(project: Path, start: Start, options: tuple[str]) -> None:
    """VX105, exit code 1, also when it fails in the workers only."""
    hook = (
        '    @app.on_start\n    async def connect(app: Velox) -> None:\n        raise OSError("no route to host")\n\n'
    )
    source = MAIN.replace("    return app", f"{hook}    return app")
    (project / "main.py").write_text(source)
    line = source[: source.index("raise OSError")].count("\n") + 1
    output = failed(start(*options), EXIT_FAILURE)
    assert f"error VX105 the app could not start: main.py:{line}: OSError: no route to host" in output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--port", "many"), "'many' is not a valid"),
        (("--port", "70000"), "70000 is not in the range"),
        (("--workers", "0"), "0 is not in the range"),
        (("--reload", "--workers", "2"), "--reload watches one worker"),
        (("--prot", "1"), "no such option"),
        (("app/main.py",), "'app/main.py' does not name an app factory"),
        (("--host", "256.0.0.1"), "cannot listen on host '256.0.0.1'"),
    ],
)
def test_a_wrong_option_is_a_usage_error(start: Start, options: tuple[str, ...], message: str) -> None:
    """VX106, exit code 2."""
    output = failed(start(*options), EXIT_USAGE)
    assert "error VX106 " in output
    assert message in output
    assert "  hint " in output


def test_a_wrong_setting_stops_it(project: Path, start: Start) -> None:
    """VX301 and VX302 name the key and the file."""
    (project / "velox.toml").write_text("prot = 1")
    assert "error VX301 unknown setting 'prot' in velox.toml" in failed(start("--no-reload"), EXIT_FAILURE)
    (project / "velox.toml").write_text("workers = 0")
    assert "error VX302 workers from velox.toml is 0" in failed(start(), EXIT_FAILURE)


@pytest.mark.parametrize("secret", [None, "short", "a" * 64])
def test_production_refuses_a_weak_secret(start: Start, secret: str | None) -> None:
    """VX303, exit code 78."""
    environment = {"VELOX_SECRET_KEY": secret} if secret else {}
    output = failed(start("--prod", environment=environment), EXIT_CONFIGURATION)
    assert "error VX303 secret_key " in output


def test_production_serves_without_access_log_or_reload(project: Path, start: Start) -> None:
    """Its log is JSON, with nothing a request; a change of the source changes nothing."""
    (project / ".env").write_text("VELOX_ENV=dev\n")
    server = start("--prod", "--workers", "1", environment={"VELOX_SECRET_KEY": SECRET})
    server.until_answers("one")
    server.until(lambda: '"serving"' in server.output)
    (record,) = map(json.loads, server.output.splitlines())
    assert record["url"] == f"http://127.0.0.1:{server.port}"
    assert record["level"] == "info"
    assert len(server.descendants()) == 1
    assert server.stop() == 0


def test_debugging_shows_the_traceback(project: Path, start: Start) -> None:
    """``VELOX_DEBUG=1`` is for when one line is not enough."""
    (project / "main.py").write_text("import no_such_package_anywhere\n")
    server = start("--no-reload", environment={"VELOX_DEBUG": "1"})
    assert server.process.wait(DEADLINE_S) == EXIT_FAILURE
    assert "Traceback" in server.output
