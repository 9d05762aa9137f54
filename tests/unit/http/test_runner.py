"""``Runner``: a first step at once, the rest in a real Task."""

from __future__ import annotations

import asyncio
import inspect
from contextvars import ContextVar
from typing import Any

import pytest

from velox.http.runner import Runner, Work

NAME: ContextVar[str] = ContextVar("name", default="none")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Ends:
    """What coroutines ended with, and what to run next."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.following: list[Work] = []
        self.changed = asyncio.Event()

    def __call__(self, value: Any, error: BaseException | None) -> Work | None:
        self.seen.append(value if error is None else error)
        self.changed.set()
        return self.following.pop(0) if self.following else None

    async def wait_for(self, count: int) -> list[Any]:
        async with asyncio.timeout(2):
            while len(self.seen) < count:
                self.changed.clear()
                await self.changed.wait()
        return self.seen


def start(runner: Runner, work: Work) -> None:
    """Start ``work`` outside of any task, as the loop does when bytes come."""
    asyncio.get_running_loop().call_soon(runner.start, work)


async def test_a_coroutine_that_waits_for_nothing_is_done_at_once() -> None:
    """With a current task, and before anything else runs."""
    ends, order = Ends(), []

    async def work() -> str:
        order.append("work")
        return type(asyncio.current_task()).__name__

    runner = Runner(asyncio.get_running_loop(), ends)
    start(runner, work())
    asyncio.get_running_loop().call_soon(order.append, "next")
    await asyncio.sleep(0)
    assert (["Task"], ["work", "next"]) == (ends.seen, order)
    runner.end()


async def test_one_that_waits_goes_on_in_the_same_task_and_context() -> None:
    """Also one that yields without waiting for anything."""
    ends = Ends()

    async def work() -> list[Any]:
        NAME.set("mine")
        before = asyncio.current_task()
        await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        return [asyncio.current_task() is before, NAME.get()]

    runner = Runner(asyncio.get_running_loop(), ends)
    for _ in range(3):
        runner.renew_context()
        start(runner, work())
        await asyncio.sleep(0.01)
    assert [[True, "mine"]] * 3 == await ends.wait_for(3)
    assert "none" == runner.renew_context().get(NAME, "none")
    runner.end()


async def test_what_follows_is_run_without_a_turn_of_the_loop() -> None:
    """A hundred of them do not pile up on the stack."""
    ends, depths = Ends(), set()

    async def work() -> int:
        depth = len(inspect.stack(0))
        depths.add(depth)
        return depth

    ends.following = [work() for _ in range(100)]
    runner = Runner(asyncio.get_running_loop(), ends)
    start(runner, work())
    assert 101 == len(await ends.wait_for(101))
    assert 1 == len(depths)
    runner.end()


async def test_timeouts_work_from_the_first_step_on() -> None:
    """asyncio.timeout() cancels the task that it was entered in."""
    ends = Ends()

    async def work() -> str:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(5)
        except TimeoutError:
            await asyncio.sleep(0)
            return "timeout"
        return "none"

    runner = Runner(asyncio.get_running_loop(), ends)
    start(runner, work())
    await ends.wait_for(1)
    start(runner, work())
    assert ["timeout", "timeout"] == await ends.wait_for(2)
    runner.end()


async def test_task_groups_work_from_the_first_step_on() -> None:
    """A failing child cancels its siblings and its parent."""
    ends = Ends()

    async def fails() -> None:
        raise LookupError

    async def work() -> str:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(fails())
                group.create_task(asyncio.sleep(5))
        except ExceptionGroup as errors:
            return repr(errors.exceptions)
        return "none"

    runner = Runner(asyncio.get_running_loop(), ends)
    start(runner, work())
    assert ["(LookupError(),)"] == await ends.wait_for(1)
    runner.end()


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
async def test_a_cancellation_reaches_the_coroutine_at_any_time(turns: int) -> None:
    """Before its Task took over, too; what it waits for is cancelled with it."""
    ends = Ends()
    loop = asyncio.get_running_loop()
    waited_for = loop.create_future()

    async def work() -> str:
        try:
            await waited_for
        except asyncio.CancelledError:
            return "cancelled"
        return "done"

    runner = Runner(loop, ends)

    def start_and_cancel() -> None:
        runner.start(work())
        if turns == 0:
            runner.cancel()

    loop.call_soon(start_and_cancel)
    for _ in range(turns):
        await asyncio.sleep(0)
    if turns:
        await asyncio.sleep(0)
        runner.cancel()
    assert ["cancelled"] == await ends.wait_for(1)
    assert waited_for.cancelled()
    runner.end()


async def test_it_ends_with_its_connection() -> None:
    """Parked or not, no Task is left."""
    loop, ends = asyncio.get_running_loop(), Ends()
    before = asyncio.all_tasks()

    async def waits() -> None:
        await asyncio.sleep(60)

    async def quick() -> None:
        return None

    for work in (waits, quick):
        runner = Runner(loop, ends)
        start(runner, work())
        await asyncio.sleep(0.01)
        runner.end()
        await asyncio.sleep(0.01)
    assert before == asyncio.all_tasks()
    assert [asyncio.CancelledError, type(None)] == [type(end) for end in ends.seen]


async def test_errors_are_handed_on() -> None:
    """Those of the first step and later ones."""
    ends = Ends()

    async def fails(turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        raise LookupError(str(turns))

    runner = Runner(asyncio.get_running_loop(), ends)
    for turns in (0, 2):
        start(runner, fails(turns))
        await ends.wait_for(len(ends.seen) + 1)
    assert ["0", "2"] == [str(error) for error in ends.seen]
    runner.end()
