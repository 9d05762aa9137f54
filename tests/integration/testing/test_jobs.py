"""The fixture ``jobs``, as a project's tests use it."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

QUIET = "-p no:randomly -p no:cacheprovider -p no:schemathesis -p no:hypothesispytest -p no:pytest_cov"

MAIN = """
from velox import Settings, Velox
from velox.db import Session
from velox.tasks import provided, task

sent: list[str] = []

@task(backoff="1h", retries=1)
async def send(to: str, db: Session = provided) -> None:
    if to == "nobody":
        raise LookupError("no such mailbox")
    sent.append(to)

def create_app(settings: Settings | None = None) -> Velox:
    app = Velox("mail", settings=settings or Settings())
    app.register_task(send)

    @app.post("/<to>")
    async def post(to: str, db: Session) -> None:
        await send.enqueue(to)
        if to == "rude":
            raise ValueError("not in this house")

    return app
"""

TESTS = """
import pytest
from main import send, sent
from velox.tasks import JobFailed

@pytest.fixture(autouse=True)
def nothing_sent():
    sent.clear()

@pytest.mark.parametrize("turn", [1, 2])
async def test_what_a_handler_enqueues_is_captured_and_run(client, jobs, turn):
    await client.post("/ada")
    await client.post("/rude")
    (job,) = await jobs.captured()
    assert job.task.endswith("send")
    assert job.arguments == {"to": "ada"}
    assert sent == []
    await jobs.run_all()
    assert sent == ["ada"]
    assert await jobs.captured() == []

async def test_jobs_run_eagerly(client, jobs):
    jobs.run_eagerly()
    await client.post("/ada")
    assert sent == ["ada"]

async def test_a_failure_is_raised_and_time_can_be_moved(client, jobs):
    await send.enqueue("nobody")
    with pytest.raises(JobFailed, match="no such mailbox"):
        await jobs.run_all()
    assert await jobs.run_all() == []
    await jobs.move("1h")
    (job,) = await jobs.run_all(raises=False)
    assert job.state == "dead"
    assert await jobs.dead() == [job]

async def test_the_test_s_own_rows_are_seen(client, jobs, db):
    await send.with_options(delay="5m").enqueue("later")
    assert await jobs.run_all() == []
    await jobs.move("5m")
    await jobs.run_all()
    assert sent == ["later"]
"""


def test_a_project_tests_its_jobs(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(main=MAIN, test_mail=TESTS)
    pytester.makeini("[pytest]")
    pytester.runpytest_subprocess(*QUIET.split()).assert_outcomes(passed=5)
