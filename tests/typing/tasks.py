"""What a user writes with tasks; type checkers must have nothing to say, and know what `enqueue` takes."""

from datetime import UTC, datetime
from typing import Any, assert_type

from velox.db import Session
from velox.tasks import Attempt, Job, Task, enqueue_many, provided, task


@task
def double(n: int, *, fast: bool = False) -> int:
    return 2 * n


@task(queue="mail", retries=3, backoff="30s", timeout="10s", unique_for="1h", priority=5)
async def send(to: str, db: Session = provided, attempt: Attempt = provided) -> str:
    await db.commit()
    return to


@task(schedule="*/5 * * * *", timezone="Europe/Berlin")
async def report() -> None: ...


async def use(db: Session) -> None:
    assert_type(double(3), int)
    assert_type(double(3, fast=True), int)
    assert_type(await send("ada", db), str)
    job = await send.enqueue("ada")
    assert_type(job, Job[str])
    assert_type(await job.wait("5s"), str)
    assert_type(await job.result(), str | None)
    assert_type(await double.enqueue(n=3), Job[int])
    assert_type(await double.with_options(delay="5m", key="order-42").enqueue(3), Job[int])
    assert_type(await report.with_options(at=datetime.now(UTC)).enqueue(), Job[None])
    assert_type(await enqueue_many(double.draft(n) for n in range(3)), list[Job[int]])
    await double.enqueue("three")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    await double.enqueue()  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


def takes(any_task: Task[[str], Any, Any]) -> None: ...
