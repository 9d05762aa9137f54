"""Sending in groups: whoever comes while one round trip to a broker is under way shares the next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from velox.tasks.message import Message

__all__ = ["Together"]


class Together:
    """Sends the messages of many callers at once.

    Args:
        send: Sends messages; when it returns, they are safe. It raises when they may not be.
    """

    def __init__(self, send: Callable[[Sequence[Message]], Awaitable[None]]) -> None:
        self._send = send
        self._waiting: list[tuple[Sequence[Message], asyncio.Future[None]]] = []
        self._sender: asyncio.Task[None] | None = None

    async def put(self, messages: Sequence[Message]) -> None:
        """Returns when ``messages`` are safe; raises when they may not be."""
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((messages, sent))
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._work(), name="velox-send")
        await sent

    async def stop(self) -> None:
        """Wait until all is sent."""
        if self._sender is not None and not self._sender.done():
            await asyncio.wait([self._sender])

    async def _work(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            error: Exception | None = None
            try:
                await self._send([message for messages, _ in group for message in messages])
            except Exception as failure:  # noqa: BLE001 - raised where the jobs were enqueued
                error = failure
                # Nor will it take what came meanwhile: nobody waits for an outage twice.
                group, self._waiting = [*group, *self._waiting], []
            for _, sent in group:
                if sent.done():  # its caller was cancelled
                    continue
                if error is None:
                    sent.set_result(None)
                else:
                    sent.set_exception(error)
