"""Rows that are got by key in the same turn of the event loop are read by one statement.

A lone read waits for nobody: the statement is sent in the next turn, with the keys that are there by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Any, NamedTuple

from sqlalchemy.exc import DataError

from velox.db.asker import Asker, asker, behalf

__all__ = ["Together"]

_MOST = 128
"""The most keys in one statement."""


class _Waiting(NamedTuple):
    key: Any
    found: asyncio.Future[Any]
    asker: Asker | None


class Together:
    """Gets rows by their keys.

    Args:
        get: Reads one row of a model by its key.
        get_many: Reads the rows that there are of several different keys: by key, what makes a model for one
            who asked.
    """

    def __init__(
        self,
        get: Callable[[type[Any], Any], Awaitable[Any]],
        get_many: Callable[[type[Any], Sequence[Any]], Awaitable[dict[Any, Callable[[], Any]]]],
    ) -> None:
        self._get = get
        self._get_many = get_many
        self._waiting: dict[type[Any], list[_Waiting]] = {}
        self._reading: set[asyncio.Task[None]] = set()
        self.is_observed = False
        """Whether somebody wants to know who asked; a statement for several was asked by the first."""

    async def get(self, model: type[Any], key: Any) -> Any:
        """The row of ``model`` with the key ``key``, or ``None``."""
        loop = asyncio.get_running_loop()
        one = _Waiting(key, loop.create_future(), asker() if self.is_observed else None)
        waiting = self._waiting.get(model)
        if waiting is None:
            self._waiting[model] = [one]
            loop.call_soon(self._start, model, context=Context())
        else:
            waiting.append(one)
        return await one.found

    async def close(self) -> None:
        """Wait for what is being read."""
        await asyncio.gather(*self._reading)

    def _start(self, model: type[Any]) -> None:
        waiting = [one for one in self._waiting.pop(model) if not one.found.done()]
        for start in range(0, len(waiting), _MOST):
            # It works for all, so that the end of none is its own.
            task = asyncio.create_task(self._read(model, waiting[start : start + _MOST]))
            self._reading.add(task)
            task.add_done_callback(self._reading.discard)

    async def _read(self, model: type[Any], waiting: Sequence[_Waiting]) -> None:
        try:
            with behalf(waiting[0].asker):
                if len(waiting) == 1:
                    _settle(waiting[0], await self._get(model, waiting[0].key))
                    return
                rows = await self._get_many(model, list({one.key: None for one in waiting}))
            for one in waiting:
                make = rows.get(one.key)
                _settle(one, None if make is None else make())
        except asyncio.CancelledError:
            for one in waiting:
                one.found.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - it is raised in the task that asked
            if len(waiting) > 1 and isinstance(error, DataError):
                # One key is to blame, and the only one to hear of it. Whatever else fails would fail for each.
                for one in waiting:
                    await self._read(model, [one])
                return
            for one in waiting:
                if not one.found.done():
                    one.found.set_exception(error)


def _settle(one: _Waiting, row: Any) -> None:
    if not one.found.done():
        one.found.set_result(row)
