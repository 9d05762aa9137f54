"""Redis (or Valkey) Streams as the queue.

One stream a queue, one consumer group, one entry a job. An entry that was read is pending until it is acknowledged, and
its idle time is the lease: who works on it sets that back (``XCLAIM … JUSTID``, which leaves the counter of deliveries
alone), and what is idle for longer than a lease is taken over, on a clock of its own: also in a queue that nothing new
comes into. Acknowledging deletes the entry. Both are scripts, because only the entry's present owner may.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Awaitable, Sequence
from typing import Any

from velox.redis import Client, Target, connect, disconnect
from velox.tasks.message import Delivery, Message, Outcome
from velox.tasks.recorded import HasQueues, Recorder, handed_back
from velox.tasks.state import State
from velox.tasks.together import Together
from velox.tasks.wire import pack, unpack, unreadable

__all__ = ["RedisEngine"]

GROUP = "velox"
FIELD = b"job"
ANSWER_S = 5.0
CONNECTIONS = 8
"""Who waits for new jobs, renews leases and hands in outcomes needs one each; the rest is for those who enqueue."""

# KEYS[1] the stream; ARGV the group, the consumer, then entry ids. Returns those that are another's by now.
RENEW = """
local lost = {}
for i = 3, #ARGV do
  local found = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1)
  if found[1] and found[1][2] == ARGV[2] then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'JUSTID')
  else
    lost[#lost + 1] = ARGV[i]
  end
end
return lost
"""
# The same, with pairs of an entry id and what is to be added again ('' for nothing).
FINISH = """
for i = 3, #ARGV, 2 do
  local found = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1)
  if found[1] and found[1][2] == ARGV[2] then
    if ARGV[i + 1] ~= '' then redis.call('XADD', KEYS[1], '*', 'job', ARGV[i + 1]) end
    redis.call('XACK', KEYS[1], ARGV[1], ARGV[i])
    redis.call('XDEL', KEYS[1], ARGV[i])
  end
end
"""


class RedisEngine:
    """Redis Streams as the queue.

    Args:
        url: Of the server.
        prefix: What its keys begin with: apps that share a server do not share jobs. In braces, so that a cluster has
            all of an app's streams in one place, where they can be waited for together.
        post: Knows the queues of all tasks.
        lease_s: How long a worker holds a job without renewing, in seconds.
        recorder: Where outcomes are written.

    Raises:
        ConfigurationError: VX801, the URL cannot be read.
    """

    name = "redis"
    holds = True

    def __init__(self, url: str, prefix: str, post: HasQueues, lease_s: float, recorder: Recorder) -> None:
        self._target = Target.parse(url)
        self._prefix = prefix
        self._post = post
        self._lease_s = lease_s
        self._recorder = recorder
        self._consumer = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}".encode()
        self._client: Client | None = None
        self._next_reclaim_s = 0.0
        self._together = Together(self._send)

    async def start(self) -> None:
        self._client = connect(self._target, connections=CONNECTIONS, timeout_s=ANSWER_S)

    async def stop(self) -> None:
        await self._together.stop()
        if self._client is not None:
            client, self._client = self._client, None
            await disconnect(client)

    async def ready(self) -> str | None:
        try:
            await answer(self._redis().ping())
        except Exception:  # noqa: BLE001 - whatever it is, it does not answer
            return "the queue does not answer: jobs wait in the database"
        return None

    async def send(self, messages: Sequence[Message]) -> None:
        await self._together.put(messages)

    async def _send(self, messages: Sequence[Message]) -> None:
        async with self._redis().pipeline(transaction=False) as pipeline:
            for message in messages:
                _ = pipeline.xadd(self._key(message.queue), {FIELD: pack(message)})
            await pipeline.execute()

    def nudge(self) -> None:
        """Nothing to do: whoever waits, waits at the server."""

    async def wait(self, timeout_s: float) -> None:
        streams: Any = {self._key(queue): "$" for queue in self._post.queues}
        await self._redis().xread(streams, count=1, block=max(1, int(timeout_s * 1000)))

    async def claim(self, queues: Sequence[str], limit: int) -> list[Delivery]:
        claimed: list[Delivery] = []
        now_s = asyncio.get_running_loop().time()
        if now_s >= self._next_reclaim_s:
            for queue in queues:
                claimed += await self._with_group(queue, self._take_over(queue, limit - len(claimed)))
            if len(claimed) < limit:
                self._next_reclaim_s = now_s + min(1.0, self._lease_s / 3)
        for queue in queues:
            if len(claimed) < limit:
                claimed += await self._with_group(queue, self._read(queue, limit - len(claimed)))
        return claimed

    async def _with_group(self, queue: str, ask: Awaitable[list[Delivery]]) -> list[Delivery]:
        from redis.exceptions import ResponseError

        try:
            return await ask
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
        try:
            # From the very first entry: what was sent before any worker came is not to be skipped.
            await self._redis().xgroup_create(self._key(queue), GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        return []

    async def _read(self, queue: str, limit: int) -> list[Delivery]:
        streams: Any = {self._key(queue): ">"}
        found: Any = await self._redis().xreadgroup(GROUP, self._consumer, streams, count=limit)  # type: ignore[arg-type]
        entries = [entry for _, entries in pairs(found) for entry in entries]
        return [delivery(queue, entry_id, fields, 1) for entry_id, fields in entries]

    async def _take_over(self, queue: str, limit: int) -> list[Delivery]:
        """What nobody has renewed for a lease."""
        if limit <= 0:
            return []
        idle_ms = int(self._lease_s * 1000)
        found: Any = await self._redis().xautoclaim(
            self._key(queue), GROUP, self._consumer.decode(), min_idle_time=idle_ms, count=limit
        )
        taken = []
        for entry_id, fields in found[1]:
            state: Any = await self._redis().xpending_range(self._key(queue), GROUP, entry_id, entry_id, 1)
            times = int(state[0]["times_delivered"]) if state else 1
            taken.append(delivery(queue, entry_id, fields, times))
        return taken

    async def hold_off(self) -> None:
        """Nothing is fetched ahead."""

    async def renew(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        lost: list[Delivery] = []
        for queue, ours in by_queue(deliveries).items():
            ids = {each.token: each for each in ours}
            answered: Any = await answer(self._redis().eval(RENEW, 1, self._key(queue), GROUP, self._consumer, *ids))
            lost += [ids[entry_id.decode()] for entry_id in answered]
        return lost

    async def finish(self, outcomes: Sequence[Outcome]) -> None:
        await self._recorder.record(outcomes)
        by_delivery = {each.delivery: each for each in outcomes}
        for queue, ours in by_queue(list(by_delivery)).items():
            arguments: list[Any] = []
            for each in ours:
                again = by_delivery[each].state is State.QUEUED
                arguments += [each.token, pack(handed_back(each)) if again else b""]
            await answer(self._redis().eval(FINISH, 1, self._key(queue), GROUP, self._consumer, *arguments))

    async def depth(self) -> dict[str, int]:
        return {queue: int(await answer(self._redis().xlen(self._key(queue)))) for queue in self._post.queues}

    async def oldest(self) -> float | None:
        times = [time_s for queue in self._post.queues if (time_s := await self._oldest(queue)) is not None]
        return min(times, default=None)

    async def _oldest(self, queue: str) -> float | None:
        """When the first entry was added that no worker has read; its id begins with that."""
        key = self._key(queue)
        if not await answer(self._redis().exists(key)):
            return None
        groups: Any = await self._redis().xinfo_groups(key)
        read = next((group["last-delivered-id"].decode() for group in groups if group["name"] == GROUP.encode()), "0")
        entries: Any = await self._redis().xrange(key, min=f"({read}", count=1)
        return int(entries[0][0].partition(b"-")[0]) / 1000 if entries else None

    def _key(self, queue: str) -> str:
        return f"{self._prefix}:{queue}"

    def _redis(self) -> Client:
        if self._client is None:
            raise RuntimeError("the queue is not open")
        return self._client


async def answer(asked: Any) -> Any:
    """redis-py says of many commands that they may answer at once or later; with asyncio it is always later."""
    return await asked


def pairs(found: Any) -> list[tuple[Any, Any]]:
    """The streams of an answer: RESP 2 has a list of pairs, RESP 3 a map, whose entries lie one level deeper."""
    if isinstance(found, dict):
        return [(key, entries[0] if entries else []) for key, entries in found.items()]
    return list(found or [])


def delivery(queue: str, entry_id: bytes, fields: Any, deliveries: int) -> Delivery:
    data: bytes = (fields or {}).get(FIELD, b"")
    token = entry_id.decode()
    try:
        message = unpack(data)
        return Delivery(message, token, message.deliveries + deliveries)
    except ValueError as error:
        return Delivery(unreadable(data, queue), token, deliveries, fault=f"it cannot be read: {error}")


def by_queue(deliveries: Sequence[Delivery]) -> dict[str, list[Delivery]]:
    sorted_: dict[str, list[Delivery]] = {}
    for each in deliveries:
        sorted_.setdefault(each.message.queue, []).append(each)
    return sorted_
