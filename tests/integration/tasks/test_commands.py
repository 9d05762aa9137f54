"""``velox jobs``, ``velox worker`` and ``velox run --with-worker``, as somebody types them."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks.chaos.jobs.post import Post
from benchmarks.chaos.jobs.server import answers
from velox.cli.main import group


@pytest.fixture
def post(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    """A project in the working directory, whose app this process can make, too."""
    with Post(tmp_path, "database") as made:
        monkeypatch.chdir(made.folder)
        for name, value in made.environment.items():
            if name.startswith(("VELOX_", "CHAOS_")):
                monkeypatch.setenv(name, value)
        yield made


def velox(*command: str, code: int = 0) -> str:
    """What the command prints. It runs in this process, and finds the app where the project's file has it from."""
    runner = CliRunner()
    result = runner.invoke(group, command)
    said = result.output + str(result.exception or "")
    assert result.exit_code == code, said
    return said


def listed(*options: str) -> Any:
    return json.loads(velox("jobs", "list", "--json", *options))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_jobs_are_listed_shown_cancelled_retried_and_deleted(post: Post) -> None:
    first, second = post.enqueue("slow", [(1, 0.0), (2, 0.0)])

    assert listed()["counts"] == [{"queue": "default", "state": "queued", "count": 2}]
    assert json.loads(velox("jobs", "show", first, "--json"))["arguments"] == '{"n":1,"seconds":0.0}'
    assert "cancelled" in velox("jobs", "cancel", first)
    assert "VX906" in velox("jobs", "cancel", first, code=1)
    assert [job["id"] for job in listed("--state", "cancelled")["jobs"]] == [first]
    assert "queued 1 job" in velox("jobs", "retry", first)
    assert "VX906" in velox("jobs", "show", "nonsense", code=1)
    post.work()
    post.until(lambda: post.count("done") == 2)
    post.until(lambda: len(listed("--state", "succeeded")["jobs"]) == 2)
    assert "deleted 2 jobs" in velox("jobs", "purge", "--state", "succeeded")
    assert second not in velox("jobs", "list")


def test_dead_letters_say_why_and_can_be_retried(post: Post) -> None:
    post.enqueue("effect", [(1,)])
    with_garbage = "UPDATE velox_job SET payload = '{}'"
    with closing(sqlite3.connect(post.folder / "chaos.db", isolation_level=None)) as connection:
        connection.execute(with_garbage)
    post.work()
    post.until(post.dead)
    post.kill()
    assert "do not fit effect: n: Field required" in velox("jobs", "dead")
    assert "queued 1 job" in velox("jobs", "retry", "--all-dead")
    assert listed()["counts"] == [{"queue": "default", "state": "queued", "count": 1}]


def test_a_worker_answers_probes_and_ends_with_0(post: Post) -> None:
    port = free_port()
    worker = post.start("worker", "--health-port", str(port))
    post.until(lambda: probed(port, "/health/ready") == (200, {"status": "ok", "reasons": {}}))
    assert probed(port, "/health/live")[0] == 200
    assert probed(port, "/elsewhere")[0] == 404
    assert probed(port, "/metrics")[0] == 404
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(20) == 0


def test_a_worker_tells_its_figures(tmp_path: Path) -> None:
    """Beside its probes, in the format of the server's."""
    with Post(tmp_path, "database", VELOX_METRICS="true") as post:
        port = free_port()
        post.start("worker", "--health-port", str(port))
        post.enqueue("effect", [(1,)])
        post.until(lambda: "velox_jobs_succeeded_total 1\n" in scraped(port))
        assert 'velox_jobs_waiting{queue="default",state="queued"} 0\n' in scraped(port)


def scraped(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text: str = answer.read().decode()
            return text
    except OSError:
        return ""


def probed(port: int, path: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, None
    except OSError:
        return 0, None


def test_a_project_without_tasks_is_told_so(post: Post) -> None:
    (post.folder / "main.py").write_text("from velox import Velox\n\ndef create_app():\n    return Velox('bare')\n")
    assert "VX905" in velox("worker", code=1)
    assert "VX905" in velox("jobs", "list", code=1)


def test_a_server_with_a_worker_runs_jobs_in_a_process_of_its_own(tmp_path: Path) -> None:
    """They are siblings: a worker that dies is replaced, and both end on SIGTERM."""
    with Post(tmp_path, "database") as post:
        port = free_port()
        server = post.start("run", "--port", str(port), "--workers", "1", "--with-worker")
        post.until(lambda: answers(port, "/effects/1") == 200)
        post.until(lambda: post.effects()[1] == 1)
        post.enqueue("poison", [()])
        post.until(lambda: post.count("poison") == 1)
        assert answers(port, "/effects/2") == 200
        post.until(lambda: post.effects()[2] == 1)
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
