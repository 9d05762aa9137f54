"""One attempt at a job: from the message to its outcome. Whatever a task does, there is an outcome."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable
from typing import Any

from velox.tasks.backoff import delay_s
from velox.tasks.job import Attempt
from velox.tasks.message import Delivery, Outcome
from velox.tasks.parameters import Plan, WrongArguments
from velox.tasks.post import Post
from velox.tasks.state import State

__all__ = ["UNKNOWN_RETRIES", "attempt"]

logger = logging.getLogger("velox")

UNKNOWN_RETRIES = 8
"""How often a job of an unknown task is put back, with growing waits (about four minutes in all): during a rolling
deployment old workers meet new tasks."""
ERROR_CHARACTERS = 4_000
"""The end of a traceback, which is what is kept of it."""


class AlreadyDone(Exception):
    """An earlier attempt has committed: this one's work is rolled back."""


async def attempt(post: Post, delivery: Delivery, interrupted: Callable[[], bool]) -> Outcome:
    """Run a job once.

    Args:
        post: The app's tasks.
        delivery: The job.
        interrupted: Whether a cancellation comes from the worker, which then hands the job back.
    """
    message, plan = delivery.message, post.plans.get(delivery.message.task)
    if delivery.fault is not None:
        return dead(post, delivery, delivery.fault)
    if delivery.deliveries > post.rules.max_deliveries:
        return dead(post, delivery, f"its worker died {delivery.deliveries - 1} times while it ran")
    if plan is None:
        error = f"no task of this app is named {message.task!r}"
        return failed(post, delivery, error, UNKNOWN_RETRIES, delay_s("exponential", message.failures + 1))
    try:
        arguments = plan.decode(message.payload)
    except WrongArguments as error:
        return dead(post, delivery, str(error))
    try:
        result = await run(post, delivery, plan, arguments)
    except AlreadyDone:
        return Outcome(delivery, State.SUCCEEDED, post.now_s())
    except BaseException as error:  # noqa: BLE001 - not even sys.exit() in a task may end the worker
        if interrupted() and isinstance(error, asyncio.CancelledError):
            return Outcome(delivery, State.QUEUED, post.now_s())
        options = post.tasks[message.task].options
        return failed(post, delivery, in_words(error), options.retries, delay_s(options.backoff, message.failures + 1))
    return Outcome(delivery, State.SUCCEEDED, post.now_s(), result=result, failures=message.failures)


async def run(post: Post, delivery: Delivery, plan: Plan, arguments: dict[str, Any]) -> str | None:
    """Call the task; its result as JSON."""
    message, once = delivery.message, plan.signature.has_session
    task = post.tasks[message.task]
    if once and delivery.deliveries > 1:
        async with post.connections.reading() as connection:
            if await post.store.has_effect(connection, message.id):
                raise AlreadyDone

    async def before_commit(connection: Any) -> None:
        if not await post.store.take_effect(connection, message.id):
            raise AlreadyDone

    told = Attempt(message.id, message.task, message.failures + 1)
    limit = asyncio.timeout(task.options.timeout_s)
    try:
        async with limit:
            result = await post.callings.call(task, plan, arguments, told, before_commit)
    except TimeoutError as error:
        if limit.expired():
            raise TimeoutError(f"it took longer than its timeout of {task.options.timeout_s:g} s") from error
        raise
    return plan.encode_result(result)


def failed(post: Post, delivery: Delivery, error: str, retries: int, wait_s: float) -> Outcome:
    failures, now_s = delivery.message.failures + 1, post.now_s()
    if failures > retries:
        return dead(post, delivery, error)
    logger.warning(
        "job %s of %s failed, attempt %d of %d, again in %.1f s: %s",
        delivery.message.id,
        delivery.message.task,
        failures,
        retries + 1,
        wait_s,
        error.rpartition("\n")[2],
    )
    return Outcome(delivery, State.RETRYING, now_s, due_at_s=now_s + wait_s, error=error, failures=failures)


def dead(post: Post, delivery: Delivery, error: str) -> Outcome:
    message = delivery.message
    logger.error("job %s of %s is dead: %s", message.id, message.task, error.rpartition("\n")[2])
    return Outcome(delivery, State.DEAD, post.now_s(), error=error, failures=message.failures + 1)


def in_words(error: BaseException) -> str:
    """The end of the traceback."""
    lines = traceback.format_exception(error)
    return "".join(lines).strip()[-ERROR_CHARACTERS:]
