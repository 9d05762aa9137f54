"""Rows one after the other, without ever having all of them in memory."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import Any, Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncResult

__all__ = ["Stream"]

T = TypeVar("T")


class Stream(Generic[T]):
    """What ``db.stream(...)`` answers: ``async for row in db.stream(select(Link))``.

    Awaited, it is SQLAlchemy's own ``AsyncResult``. Leave the loop early, and the rest is let go of when the loop's
    iterator is closed: ``async with contextlib.aclosing(aiter(stream))`` says when.
    """

    def __init__(self, start: Callable[[], Awaitable[AsyncResult[Any]]], *, single: bool) -> None:
        self._start = start
        self._single = single

    def __await__(self) -> Generator[Any, None, AsyncResult[Any]]:
        return self._start().__await__()

    async def __aiter__(self) -> AsyncGenerator[T, None]:
        result = await self._start()
        rows: Any = result.scalars() if self._single else result
        try:
            async for row in rows:
                yield row
        finally:
            await result.close()
