"""Rows that come together are answered together, and each gets its own answer or its own error."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from velox.errors import InternalServerError, ServiceUnavailable
from velox.ml.batcher import Batcher


class Model:
    """Doubles numbers; fails on negative ones; notes the sizes of its batches."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.free = asyncio.Event()
        self.free.set()

    async def answer(self, rows: Sequence[Any]) -> list[Any]:
        self.batches.append(len(rows))
        await self.free.wait()
        if any(row < 0 for row in rows):
            raise ValueError("a negative number")
        return [row * 2 for row in rows]


def batcher(model: Model, **options: Any) -> Batcher:
    return Batcher(model.answer, **{"max_batch": 8, "max_queue": 100, **options})


async def test_a_row_that_comes_alone_is_answered_alone_and_at_once() -> None:
    model = Model()
    made = batcher(model)
    assert [await made.submit(1), await made.submit(2)] == [2, 4]
    assert model.batches == [1, 1]


async def test_rows_that_come_together_are_one_batch_up_to_the_most() -> None:
    model = Model()
    answers = await asyncio.gather(*map(batcher(model).submit, range(20)))
    assert answers == [row * 2 for row in range(20)]
    assert model.batches == [8, 8, 4]


async def test_what_comes_while_the_model_works_is_the_next_batch() -> None:
    model = Model()
    made = batcher(model)
    model.free.clear()
    first = asyncio.create_task(made.submit(0))
    await until(lambda: model.batches == [1])
    rest = [asyncio.create_task(made.submit(row)) for row in range(1, 6)]
    await until(lambda: made.waiting == 5)
    model.free.set()
    assert [await first, *await asyncio.gather(*rest)] == [0, 2, 4, 6, 8, 10]
    assert model.batches == [1, 5]


async def test_a_row_that_fails_fails_alone() -> None:
    model = Model()
    answers = await asyncio.gather(*map(batcher(model).submit, [1, -1, 3]), return_exceptions=True)
    assert (answers[0], answers[2]) == (2, 6)
    assert isinstance(answers[1], InternalServerError)
    assert isinstance(answers[1].__cause__, ValueError)


async def test_a_full_queue_is_a_503_that_says_when_to_come_back() -> None:
    model = Model()
    made = batcher(model, max_queue=2)
    model.free.clear()
    tasks = [asyncio.create_task(made.submit(0))]
    await until(lambda: model.batches == [1])
    tasks += [asyncio.create_task(made.submit(row)) for row in (1, 2)]
    await until(lambda: made.waiting == 2)
    with pytest.raises(ServiceUnavailable) as caught:
        await made.submit(3)
    assert caught.value.headers["Retry-After"] == "1"
    model.free.set()
    assert await asyncio.gather(*tasks) == [0, 2, 4]


async def test_a_row_that_is_not_answered_in_time_is_a_503_and_is_not_computed_later() -> None:
    model = Model()
    made = batcher(model, timeout_s=0.02)
    model.free.clear()
    first = asyncio.create_task(made.submit(0))
    await until(lambda: model.batches == [1])
    with pytest.raises(ServiceUnavailable):
        await made.submit(1)
    with pytest.raises(ServiceUnavailable):
        await first
    model.free.set()
    assert await made.submit(5) == 10
    assert model.batches == [1, 1]


async def test_a_client_that_went_away_costs_nothing() -> None:
    model = Model()
    made = batcher(model)
    model.free.clear()
    first = asyncio.create_task(made.submit(0))
    await until(lambda: model.batches == [1])
    gone = asyncio.create_task(made.submit(1))
    await until(lambda: made.waiting == 1)
    gone.cancel()
    model.free.set()
    assert await first == 0
    assert await made.submit(2) == 4
    assert model.batches == [1, 1]


async def test_rows_wait_for_others_when_they_are_told_to() -> None:
    model = Model()
    made = batcher(model, max_wait_s=0.02)
    first = asyncio.create_task(made.submit(0))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [await made.submit(1), await first] == [2, 0]
    assert model.batches == [2]


async def until(condition: Any, deadline_s: float = 5.0) -> None:
    async with asyncio.timeout(deadline_s):
        while not condition():  # noqa: ASYNC110 - the batcher tells nobody
            await asyncio.sleep(0)
