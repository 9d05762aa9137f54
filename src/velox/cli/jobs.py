"""``velox jobs``: what waits, runs, is done or dead; and doing something about it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from velox.cli.console import json_line, note, style

if TYPE_CHECKING:
    from velox.tasks.message import Found
    from velox.tasks.post import Post

__all__ = ["jobs"]

T = TypeVar("T")

STATES = ("scheduled", "queued", "running", "retrying", "succeeded", "dead", "cancelled")
_COLOURS = {"succeeded": "green", "dead": "red", "retrying": "yellow", "running": "cyan"}


@click.group(short_help="List, retry, cancel and delete jobs; look at dead ones.")
def jobs() -> None:
    """Look at the jobs of the project's app, and do something about them.

    \b
    Example:
      velox jobs list
      velox jobs retry --all-dead
    """


@jobs.command("list")
@click.option("--state", "-s", type=click.Choice(STATES), multiple=True, help="Only in this state; can be repeated.")
@click.option("--queue", "-q", help="Only of this queue.")
@click.option("--task", "-t", help="Only of this task.")
@click.option("--limit", "-n", type=click.IntRange(1, 10_000), default=20, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(state: tuple[str, ...], queue: str | None, task: str | None, limit: int, as_json: bool) -> None:
    """How many jobs there are, and the newest ones.

    What a broker holds is counted, but cannot be listed.
    """
    from velox.tasks.state import State

    wanted = [State(name) for name in state or STATES]

    async def ask(post: Post) -> tuple[dict[Any, int], dict[str, int], list[Found]]:
        async with post.connections.reading() as connection:
            counts = await post.store.counts(connection)
            found = await post.store.newest(connection, wanted, queue, task, limit)
        return counts, await post.engine.depth(), found

    counts, held, found = with_post(ask)
    if as_json:
        totals = [{"queue": name, "state": each, "count": count} for (name, each), count in sorted(counts.items())]
        json_line({"counts": totals, "broker": held, "jobs": [described(job) for job in found]})
        return
    for (name, each), count in sorted(counts.items()):
        click.echo(f"{count:>8}  {name}  {style(each, _COLOURS.get(each, 'white'))}")
    for name, count in sorted(held.items()):
        click.echo(f"{count:>8}  {name}  in the broker")
    print_jobs(found)


@jobs.command("dead")
@click.option("--limit", "-n", type=click.IntRange(1, 10_000), default=20, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def dead(limit: int, as_json: bool) -> None:
    """The dead letters, newest first, with the last line of why."""
    from velox.tasks.state import State

    async def ask(post: Post) -> list[Found]:
        async with post.connections.reading() as connection:
            return await post.store.newest(connection, [State.DEAD], None, None, limit)

    found = with_post(ask)
    if as_json:
        json_line([described(job) for job in found])
    else:
        print_jobs(found)


@jobs.command("show")
@click.argument("id")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(id: str, as_json: bool) -> None:
    """Everything about one job, its arguments and errors included."""
    found = with_post(lambda post: find(post, id))
    if as_json:
        json_line(described(found))
        return
    for name, value in described(found).items():
        if value is not None:
            click.echo(f"{style(f'{name:<12}', 'cyan')}{value}")


@jobs.command("retry")
@click.argument("ids", nargs=-1)
@click.option("--all-dead", is_flag=True, help="All dead ones.")
def retry(ids: tuple[str, ...], all_dead: bool) -> None:
    """Queue dead or cancelled jobs again, as if they had never run."""
    if bool(ids) == all_dead:
        raise click.UsageError("name jobs, or say --all-dead")

    async def work(post: Post) -> int:
        async with post.connections.writing() as connection:
            return await post.store.retry(connection, None if all_dead else ids, time.time())

    count = with_post(work)
    note(f"queued {count} job{'' if count == 1 else 's'}")
    if count < len(ids):
        raise nothing("is dead or cancelled")


@jobs.command("cancel")
@click.argument("id")
def cancel(id: str) -> None:
    """Take out a job that has not started."""

    async def work(post: Post) -> bool:
        async with post.connections.writing() as connection:
            return await post.store.cancel(connection, id, time.time())

    if not with_post(work):
        raise nothing("waits in the database under that id")
    note(f"cancelled {id}")


@jobs.command("purge")
@click.option(
    "--state",
    "-s",
    type=click.Choice(("succeeded", "dead", "cancelled")),
    multiple=True,
    required=True,
    help="In which state; can be repeated.",
)
@click.option("--older-than", default="0s", show_default=True, help="Only what ended so long ago, as 7d.")
def purge(state: tuple[str, ...], older_than: str) -> None:
    """Delete jobs that have ended."""
    from velox.tasks.state import State
    from velox.units import parse_duration

    try:
        before_s = time.time() - parse_duration(older_than)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--older-than") from None

    async def work(post: Post) -> int:
        async with post.connections.writing() as connection:
            return await post.store.delete(connection, [State(name) for name in state], before_s)

    count = with_post(work)
    note(f"deleted {count} job{'' if count == 1 else 's'}")


def with_post(work: Callable[[Post], Awaitable[T]]) -> T:
    """What ``work`` returns, called with the post of the project's app: its database is open, nothing else."""
    from velox.cli.loading import load_app
    from velox.errors import ConfigurationError

    app = load_app()
    if not app.jobs.tasks:
        raise ConfigurationError(
            "VX905", "the app has no tasks", hint="Put @task on a function that the app discovers."
        )

    async def run() -> T:
        async with opened(app) as post:
            return await work(post)

    return asyncio.run(run())


@asynccontextmanager
async def opened(app: Any) -> AsyncIterator[Post]:
    await app.database.start()
    try:
        await app.jobs.check()
        await app.jobs.start()
        try:
            yield app.jobs
        finally:
            await app.jobs.stop()
    finally:
        await app.database.stop()


async def find(post: Post, id: str) -> Found:
    async with post.connections.reading() as connection:
        found = await post.store.find(connection, id)
    if found is None:
        raise nothing(f"is known under the id {id!r}")
    return found


def nothing(what: str) -> Exception:
    from velox.errors import ConfigurationError

    return ConfigurationError("VX906", f"no job {what}", hint="'velox jobs list' shows ids and states.")


def described(job: Found) -> dict[str, Any]:
    return {
        "id": job.id,
        "task": job.task,
        "queue": job.queue,
        "state": job.state,
        "failures": job.failures,
        "enqueued": moment(job.created_at_s),
        "due": moment(job.due_at_s) if job.state in ("scheduled", "retrying") else None,
        "ended": moment(job.ended_at_s),
        "arguments": job.payload,
        "result": job.result,
        "error": job.error,
    }


def print_jobs(found: list[Found]) -> None:
    for job in found:
        state = style(f"{job.state:<9}", _COLOURS.get(job.state, "white"))
        why = (job.error or "").strip().rpartition("\n")[2][:100]
        click.echo(f"{job.id}  {state}  {moment(job.created_at_s)}  {job.task}  {job.payload[:60]}  {why}".rstrip())


def moment(time_s: float | None) -> str | None:
    return None if time_s is None else datetime.fromtimestamp(time_s, UTC).isoformat(timespec="seconds")
