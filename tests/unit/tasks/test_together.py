"""Who comes while a round trip is under way shares the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from velox.tasks.message import Message
from velox.tasks.together import Together


class Broker:
    """Takes messages when it is let."""

    def __init__(self) -> None:
        self.trips: list[list[str]] = []
        self.may_answer = asyncio.Event()
        self.is_down = False

    async def send(self, messages: Sequence[Message]) -> None:
        self.trips.append([each.task for each in messages])
        await self.may_answer.wait()
        if self.is_down:
            raise ConnectionError("down")


def message(name: str) -> list[Message]:
    return [Message(name, "default", "{}")]


async def under_way(together: Together, names: str) -> list[asyncio.Task[None]]:
    """The first is on its way, the others came meanwhile."""
    callers = []
    for name in names:
        callers.append(asyncio.create_task(together.put(message(name))))
        for _ in range(3):
            await asyncio.sleep(0)
    return callers


async def test_callers_share_a_round_trip() -> None:
    """All but the first, which waits for nobody."""
    broker = Broker()
    callers = await under_way(Together(broker.send), "abcd")
    assert not any(each.done() for each in callers)
    broker.may_answer.set()
    await asyncio.gather(*callers)
    assert broker.trips == [["a"], ["b", "c", "d"]]


async def test_nobody_waits_for_an_outage_twice() -> None:
    """What came meanwhile fails with the trip that it waited for, and the next one is tried again."""
    broker = Broker()
    together = Together(broker.send)
    callers = await under_way(together, "abc")
    broker.is_down = True
    broker.may_answer.set()
    failures = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(each) for each in failures] == [ConnectionError] * 3
    broker.is_down = False
    await together.put(message("d"))
    assert broker.trips == [["a"], ["d"]]


async def test_who_is_cancelled_leaves_the_others_alone() -> None:
    """A request that is given up."""
    broker = Broker()
    callers = await under_way(Together(broker.send), "abc")
    callers[0].cancel()
    callers[1].cancel()
    broker.may_answer.set()
    await callers[2]
    assert broker.trips == [["a"], ["b", "c"]]


async def test_it_stops_when_all_is_sent() -> None:
    """Nothing that was accepted is lost."""
    broker = Broker()
    together = Together(broker.send)
    callers = await under_way(together, "ab")
    broker.may_answer.set()
    await together.stop()
    assert broker.trips == [["a"], ["b"]]
    await asyncio.gather(*callers)
