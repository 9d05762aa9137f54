"""``FairQueue``: whoever has waited longest is served first."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.util import greenlet_spawn
from sqlalchemy.util.queue import Empty, Full

from velox.db.pool import FairQueue


def test_what_is_handed_to_somebody_who_gives_up_goes_to_the_next() -> None:
    """Cancelled in the very moment of the hand-over: nothing is lost."""

    async def story() -> tuple[object, bool]:
        queue = FairQueue(1)
        first, second = (asyncio.create_task(greenlet_spawn(queue.get, True, 30)) for _ in range(2))
        await asyncio.sleep(0)
        queue.put_nowait("connection")
        first.cancel()
        found = await second
        return found, first.cancelled()

    assert asyncio.run(story()) == ("connection", True)


def test_who_waits_too_long_hears_that_there_is_none() -> None:
    """And is no longer in the line."""

    async def story() -> object:
        queue = FairQueue(1)
        with pytest.raises(Empty):
            await greenlet_spawn(queue.get, True, 0.001)
        queue.put_nowait("connection")
        return queue.get_nowait()

    assert asyncio.run(story()) == "connection"


def test_a_queue_holds_no_more_than_its_size() -> None:
    """As SQLAlchemy's does."""
    queue = FairQueue(1)
    with pytest.raises(Empty):
        queue.get(block=False)
    queue.put("one")
    assert (queue.full(), queue.empty(), queue.qsize()) == (True, False, 1)
    with pytest.raises(Full):
        queue.put("two")
