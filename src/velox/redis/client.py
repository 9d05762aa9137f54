"""Redis as an extension of the app, with a circuit breaker: who depends on it learns at once that it is down.

    closed ──an error, or 3 late answers in a row──▶ open ──PING answered──▶ half-open
      ▲                                               ▲                          │
      │                                               └──── a command fails ─────┤
      └────────────────────────────── a command succeeds ────────────────────────┘

While it is open no command is tried and nobody waits; a task beside the requests asks with ``PING``. An outage lasts
until a command succeeds, and is one line in the log, whatever happens in between.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from velox.errors import VeloxError
from velox.redis.connecting import Client, Target, connect, disconnect, require_package

__all__ = ["Redis", "RedisDown"]

T = TypeVar("T")

LATE_IN_A_ROW: Final = 3
"""So many answers that did not come in time are an outage; one may be bad luck."""
PROBE_EVERY_S: Final = 0.25
PROBE_TIMEOUT_S: Final = 1.0
STALLED: Final = 3
"""A command that is over only after so many times its timeout was held up by this process, not by Redis."""

logger = logging.getLogger("velox.redis")


class RedisDown(VeloxError):
    """Redis did not do it: it cannot be reached, is too slow, or refused. Go on without, or say so to the client."""


class _Outage:
    """From the first failure to the next success."""

    __slots__ = ("began_s", "is_answering", "reason")

    def __init__(self, reason: str, began_s: float) -> None:
        self.reason = reason
        self.began_s = began_s
        self.is_answering = False
        """Whether it has answered a PING: half-open."""


class Redis:
    """The worker's Redis, open between :meth:`start` and :meth:`stop`.

    Args:
        url: See :class:`~velox.redis.connecting.Target`.
        prefix: What the app's keys begin with; apps that share a server have different ones.
        timeout_s: Seconds that a command may take, the wait for a connection included.
        connections: The most that the worker opens.
        required: Whether the app is not ready while Redis is down.

    Attributes:
        outages: How often it was down since the start.
        on_outage: Called when an outage begins.

    Raises:
        ConfigurationError: VX801, the URL cannot be read; VX701, the package ``redis`` is missing.
    """

    name = "redis"

    def __init__(
        self, url: str, *, prefix: str = "velox", timeout_s: float = 0.05, connections: int = 32, required: bool = False
    ) -> None:
        require_package()
        self.prefix = prefix
        self.timeout_s = timeout_s
        self.outages = 0
        self.on_outage: Callable[[], None] = lambda: None
        self._target = Target.parse(url)
        self._connections = connections
        self._required = required
        self._client: Client | None = None
        self._outage: _Outage | None = None
        self._late = 0
        self._probe: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Make the client. A server that is down is no reason not to start: it may come back."""
        self._client = connect(self._target, connections=self._connections, timeout_s=PROBE_TIMEOUT_S)

    async def stop(self) -> None:
        """Close every connection."""
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.wait([self._probe])
        if self._client is not None:
            client, self._client = self._client, None
            await disconnect(client)
        self._outage, self._probe, self._late = None, None, 0

    async def ready(self) -> str | None:
        """``None`` when it answers, or when the app can do without; else why not."""
        if not self._required:
            return None
        try:
            await self.run(lambda client: client.ping())
        except RedisDown:
            return "Redis does not answer"
        return None

    def key(self, *parts: str) -> str:
        """``prefix:part:part``."""
        return ":".join((self.prefix, *parts))

    @property
    def is_up(self) -> bool:
        """Whether :meth:`run` would try."""
        return self._client is not None and (self._outage is None or self._outage.is_answering)

    def open_client(self, *, connections: int = 1, timeout_s: float | None = None) -> Client:
        """A client apart, without breaker, for what waits on purpose: subscriptions and blocking commands. Close it."""
        return connect(self._target, connections=connections, timeout_s=timeout_s)

    async def run(self, command: Callable[[Client], Awaitable[T]], *, timeout_s: float | None = None) -> T:
        """What ``command(client)`` returns.

        Args:
            command: What to do; its keys begin with :attr:`prefix`, see :meth:`key`.
            timeout_s: Instead of the client's own.

        Raises:
            RedisDown: It was not done, or it is not known whether it was. While Redis is down: at once.
        """
        outage = self._outage
        if outage is not None and not outage.is_answering:
            raise RedisDown(f"Redis is down: {outage.reason}")
        if self._client is None:
            raise RedisDown("Redis is not started")
        clock = asyncio.get_running_loop().time
        limit_s, began_s = timeout_s or self.timeout_s, clock()
        try:
            async with asyncio.timeout(limit_s):
                answer = await command(self._client)
        except TimeoutError:
            if clock() - began_s < STALLED * limit_s:
                self._note_late(limit_s)
            raise RedisDown(f"Redis did not answer within {limit_s * 1000:g} ms") from None
        except Exception as error:
            if not is_failure(error):
                raise
            self._note_failure(f"{type(error).__name__}: {error}")
            raise RedisDown(f"Redis failed: {error}") from error
        self._late = 0
        if self._outage is not None:
            self._note_success()
        return answer

    def _note_late(self, limit_s: float) -> None:
        self._late += 1
        if self._late >= LATE_IN_A_ROW or self._outage is not None:
            self._note_failure(f"no answer within {limit_s * 1000:g} ms")

    def _note_failure(self, reason: str) -> None:
        loop = asyncio.get_running_loop()
        if self._outage is None:
            self._outage = _Outage(reason, loop.time())
            self.outages += 1
            self.on_outage()
            logger.warning("Redis is down: %s", reason)
        self._outage.is_answering = False
        if self._probe is None or self._probe.done():
            self._probe = loop.create_task(self._ask(), name="velox.redis.probe")

    def _note_success(self) -> None:
        assert self._outage is not None
        lasted_s = asyncio.get_running_loop().time() - self._outage.began_s
        self._outage = None
        logger.warning("Redis is back after %.1f s", lasted_s)

    async def _ask(self) -> None:
        """Until it answers."""
        while self._client is not None and (outage := self._outage) is not None:
            await asyncio.sleep(PROBE_EVERY_S)
            try:
                async with asyncio.timeout(PROBE_TIMEOUT_S):
                    await self._client.ping()
            except Exception as error:
                if not is_failure(error):
                    raise
                continue
            outage.is_answering = True
            return


def is_failure(error: Exception) -> bool:
    """Whether ``error`` is Redis' or the network's, and not a mistake in our own code."""
    from redis.exceptions import DataError, RedisError

    return isinstance(error, (OSError, EOFError, RedisError)) and not isinstance(error, DataError)
