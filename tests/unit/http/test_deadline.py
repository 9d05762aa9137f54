"""``Sweep``: one timer for all."""

from __future__ import annotations

import asyncio
import logging

import pytest

from velox.http.deadline import Sweep


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Member:
    """Notes when it was looked at, and leaves after three looks."""

    def __init__(self, members: set[Member], *, fails: bool = False) -> None:
        self.seen_s: list[float] = []
        self._members = members
        self._fails = fails
        members.add(self)

    def check_deadlines(self, now_s: float) -> None:
        self.seen_s.append(now_s)
        if len(self.seen_s) == 3:
            self._members.discard(self)
        if self._fails:
            raise LookupError


async def test_every_member_is_looked_at_until_none_is_left(caplog: pytest.LogCaptureFixture) -> None:
    """One that fails harms nobody else, and without members there is no timer."""
    loop = asyncio.get_running_loop()
    members: set[Member] = set()
    first, failing = Member(members), Member(members, fails=True)
    sweep = Sweep(loop, members, 0.01)
    with caplog.at_level(logging.CRITICAL, "sanic.error"):
        sweep.start()
        sweep.start()
        async with asyncio.timeout(2):
            while members:  # noqa: ASYNC110 - the sweep's own timer is what is tested
                await asyncio.sleep(0.005)
    assert 3 == len(first.seen_s) == len(failing.seen_s)
    assert sorted(set(first.seen_s)) == first.seen_s
    await asyncio.sleep(0.02)
    assert sweep.now_s == first.seen_s[-1]
