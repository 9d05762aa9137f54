"""RabbitMQ quorum queues as the queue.

The connection is the lease: what is not acknowledged goes to another worker when it breaks, so nothing is renewed. As
many messages are prefetched as jobs run at once. The broker counts deliveries; its own limit and its queue of dead
letters are the last resort, for what kills workers before they can say so, and what arrives there is recorded, too.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from velox.errors import ConfigurationError
from velox.tasks.message import Delivery, Message, Outcome
from velox.tasks.recorded import HasQueues, Recorder, handed_back
from velox.tasks.state import State
from velox.tasks.wire import pack, unpack, unreadable

if TYPE_CHECKING:
    from aio_pika.abc import (
        AbstractChannel,
        AbstractConnection,
        AbstractExchange,
        AbstractIncomingMessage,
        AbstractQueue,
    )

__all__ = ["RabbitEngine"]

CONNECT_S = 5.0
SENT_AT_ONCE = 250
"""Messages that wait for their confirmation at the same time."""
BROKER_SLACK = 3
"""The broker's limit of deliveries is so much higher than ours: it is for what never comes to be counted."""


class RabbitEngine:
    """RabbitMQ as the queue.

    Args:
        url: Of the server.
        prefix: What its queues' names begin with: apps that share a server do not share jobs.
        post: Knows the queues of all tasks.
        max_deliveries: How many workers a job may kill.
        recorder: Where outcomes are written.

    Raises:
        ConfigurationError: VX701, the package ``aio-pika`` is missing.
    """

    name = "rabbitmq"
    holds = True

    def __init__(self, url: str, prefix: str, post: HasQueues, max_deliveries: int, recorder: Recorder) -> None:
        self._url = url
        self._prefix = prefix
        self._post = post
        self._max_deliveries = max_deliveries
        self._recorder = recorder
        self._connection: AbstractConnection | None = None
        self._sender: AbstractChannel | None = None
        self._reader: AbstractChannel | None = None
        self._arrived: deque[tuple[str, AbstractIncomingMessage]] = deque()
        self._held: dict[str, tuple[AbstractChannel, AbstractIncomingMessage]] = {}
        self._slots = 1
        self._consumers: list[tuple[AbstractQueue, str]] = []
        self._came = asyncio.Event()
        self._opening = asyncio.Lock()
        try:
            import aio_pika
        except ImportError as error:
            raise ConfigurationError(
                "VX701",
                "queue_url names RabbitMQ, and the package aio-pika is not installed",
                hint="Run: pip install 'velox-framework[rabbitmq]'",
            ) from error
        self._pika = aio_pika

    async def start(self) -> None:
        self._came = asyncio.Event()
        self._opening = asyncio.Lock()

    async def stop(self) -> None:
        self._came.set()
        connection, self._connection = self._connection, None
        self._sender = self._reader = None
        self._arrived.clear()
        self._held.clear()
        self._consumers.clear()
        if connection is not None:
            await connection.close()

    async def ready(self) -> str | None:
        try:
            _ = await self._sending()
        except Exception:  # noqa: BLE001 - whatever it is, it does not answer
            return "the queue does not answer: jobs wait in the database"
        return None

    # Sending

    async def send(self, messages: Sequence[Message]) -> None:
        channel = await self._sending()
        exchange = channel.default_exchange
        # Each is confirmed by the broker once it is on the disks of a majority. In groups: the time to confirm one must
        # not depend on how many are sent, or a large batch fails with most of it in the broker, and is sent twice.
        for first in range(0, len(messages), SENT_AT_ONCE):
            group = messages[first : first + SENT_AT_ONCE]
            await asyncio.gather(*(self._publish(exchange, each) for each in group))

    async def _publish(self, exchange: AbstractExchange, message: Message) -> None:
        await exchange.publish(
            self._pika.Message(pack(message), delivery_mode=self._pika.DeliveryMode.PERSISTENT),
            routing_key=self._name(message.queue),
            timeout=CONNECT_S,
        )

    async def _sending(self) -> AbstractChannel:
        async with self._opening:
            connection = await self._connected()
            if self._sender is None or self._sender.is_closed:
                self._sender = await connection.channel(publisher_confirms=True)
                for queue in self._post.queues:
                    await self._declare(self._sender, queue)
            return self._sender

    async def _connected(self) -> AbstractConnection:
        if self._connection is None or not self._connection.connected.is_set():
            # `is_closed` would only tell whether we have closed it.
            self._connection = await self._pika.connect(self._url, timeout=CONNECT_S)
        return self._connection

    async def _declare(self, channel: AbstractChannel, queue: str) -> AbstractQueue:
        return await channel.declare_queue(
            self._name(queue),
            durable=True,
            arguments={
                "x-queue-type": "quorum",
                "x-delivery-limit": self._max_deliveries + BROKER_SLACK,
                "x-dead-letter-exchange": "",
                "x-dead-letter-routing-key": self._dead,
            },
        )

    # Receiving

    def nudge(self) -> None:
        self._came.set()

    async def wait(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._came.wait()
        except TimeoutError:
            pass
        self._came.clear()

    async def claim(self, queues: Sequence[str], limit: int) -> list[Delivery]:
        channel = await self._reading(queues, limit)
        claimed: list[Delivery] = []
        while self._arrived and len(claimed) < limit:
            queue, message = self._arrived.popleft()
            found = self._delivery(queue, message)
            self._held[found.token] = (channel, message)
            claimed.append(found)
        return claimed

    async def _reading(self, queues: Sequence[str], limit: int) -> AbstractChannel:
        """The channel that messages arrive on; the first to ask has all its slots free, and so tells how many."""
        if self._reader is None or self._reader.is_closed:
            _ = await self._sending()  # declares the queues
            async with self._opening:
                self._arrived.clear()
                self._held.clear()
                self._consumers.clear()
                self._reader = await (await self._connected()).channel()
        channel = self._reader
        if not self._consumers:
            self._slots = max(limit, 1)
            await channel.set_qos(prefetch_count=self._slots)
            dead = await channel.declare_queue(self._dead, durable=True, arguments={"x-queue-type": "quorum"})
            self._consumers.append((dead, await dead.consume(partial(self._arrive, ""))))
            for queue in queues:
                named = await self._declare(channel, queue)
                tag = await named.consume(partial(self._arrive, queue))
                self._consumers.append((named, tag))
        return channel

    async def hold_off(self) -> None:
        consumers, self._consumers = self._consumers, []
        for queue, tag in consumers:
            await queue.cancel(tag)
        fetched, self._arrived = list(self._arrived), deque()
        await self.send([handed_back(self._delivery(*each)) for each in fetched])
        for _, message in fetched:
            await message.ack()
        if self._reader is not None:
            # An answer on the same channel says that the broker has read all that was acknowledged on it.
            await self._reader.set_qos(prefetch_count=self._slots)

    async def _arrive(self, queue: str, message: AbstractIncomingMessage) -> None:
        self._arrived.append((queue, message))
        self._came.set()

    def _delivery(self, queue: str, message: AbstractIncomingMessage) -> Delivery:
        counted: Any = message.headers.get("x-delivery-count", 0)
        token = f"{id(message.channel)}-{message.delivery_tag}"
        fault = None if queue else "the broker gave it up: it was delivered too often, or rejected"
        try:
            job = unpack(message.body)
            return Delivery(job, token, job.deliveries + int(counted) + 1, fault=fault)
        except ValueError as error:
            found = unreadable(message.body, queue or "(dead letters)")
            return Delivery(found, token, int(counted) + 1, fault=f"it cannot be read: {error}")

    async def renew(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        return [each for each in deliveries if not self._is_held(each.token)]

    def _is_held(self, token: str) -> bool:
        channel, _ = self._held.get(token, (None, None))
        return channel is not None and not channel.is_closed

    async def finish(self, outcomes: Sequence[Outcome]) -> None:
        await self._recorder.record(outcomes)
        again = [handed_back(each.delivery) for each in outcomes if each.state is State.QUEUED]
        if again:
            await self.send(again)
        for each in outcomes:
            held = self._is_held(each.delivery.token)
            _, message = self._held.pop(each.delivery.token, (None, None))
            # On a channel that is closed nothing can be acknowledged: the broker has given the job to another worker.
            if held and message is not None:
                await message.ack()

    async def depth(self) -> dict[str, int]:
        channel = await self._sending()
        counts = {queue: await self._declare(channel, queue) for queue in self._post.queues}
        return {queue: int(each.declaration_result.message_count or 0) for queue, each in counts.items()}

    async def oldest(self) -> float | None:
        return None  # the protocol cannot look at a message without taking it

    def _name(self, queue: str) -> str:
        return f"{self._prefix}.{queue}"

    @property
    def _dead(self) -> str:
        return f"{self._prefix}.dead-letters"
