"""A route whose answers are used again."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import unquote_plus

from velox.cache.engine import Engine
from velox.cache.loading import Found, Loaded, Status, Times
from velox.cache.memory import Held
from velox.cache.stored import Stored, decode, encode, is_known, storable
from velox.errors import NotFound

__all__ = ["Answers", "Reads", "RouteCache"]

Endpoint = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Reads:
    """What of a request an answer depends on.

    Attributes:
        query: Names of query parameters; ``None``: all of them.
        headers, cookies: Names.
        caller: Whether it depends on who asks.
    """

    query: tuple[str, ...] | None = ()
    headers: tuple[str, ...] = ()
    cookies: tuple[str, ...] = ()
    caller: bool = False

    @property
    def vary(self) -> str:
        """``Vary``: what a cache on the way has to look at (RFC 9110, section 12.5.5)."""
        names = [*self.headers, *(["Cookie"] if self.cookies or self.caller else [])]
        return ", ".join(dict.fromkeys([*names, *(["Authorization"] if self.caller else [])]))


class Answers(Protocol):
    """How responses are made: the cache knows nothing of what sends them."""

    def lines(self, fields: Mapping[str, str]) -> bytes:
        """``fields`` as they are sent, made once for many responses."""

    def whole(self, body: bytes, content_type: str | None, fields: Mapping[str, str], lines: bytes) -> Any:
        """A response of status 200."""

    def not_modified(self, fields: Mapping[str, str]) -> Any:
        """One of status 304."""


class RouteCache:
    """The answers of one route.

    Args:
        name: The route's name.
        reads: What its answers depend on.
        times: How long they are good.
        tags: What they are made of; path values in braces.
        negative_s: How long a ``NotFound`` is good.
        engine: The cache; it is looked up for each request, since it is made when the worker starts.
        identify: Who asks: something with a ``key``, or ``None``.
        answers: Makes responses.
        tells_status: Whether answers have ``Cache-Status``.
    """

    def __init__(
        self,
        name: str,
        reads: Reads,
        times: Times,
        *,
        tags: Sequence[str],
        negative_s: float,
        engine: Callable[[], Engine],
        identify: Callable[[Any], Awaitable[Any]] | None,
        answers: Answers,
        tells_status: bool,
    ) -> None:
        self._name = name
        self._reads = reads
        self._times = times
        self._tags = tuple(tags)
        self._negative_s = negative_s
        self._engine = engine
        self._identify = identify
        self._answers = answers
        self._tells_status = tells_status
        self._is_plain = reads == Reads()
        scope = "private" if reads.caller or reads.cookies else "public"
        # Who holds an answer with tags cannot be told when it is out of date: it has to ask.
        self._control = f"{scope}, no-cache" if self._tags else f"{scope}, max-age="
        self._vary = frozenset(name.strip().lower() for name in reads.vary.split(","))
        self._common = {"Vary": reads.vary} if reads.vary else {}

    def wrap(self, inner: Endpoint) -> Endpoint:
        """``inner``, asked only for what is not known."""

        async def remembered(request: Any, **path: Any) -> Any:
            engine = self._engine()
            key = f"{self._name}|{path}" if self._is_plain else await self._key(request, path)
            held = engine.near(key)
            if held is not None and not engine.is_due(held):
                return self._answer(request, Found(held, Status.HIT))
            own: list[Any] = []

            async def load() -> Loaded:
                return await self._load(inner, request, path, own)

            tags = [tag.format_map(path) for tag in self._tags]
            found = await engine.find(key, tags, self._times, load, anew=held is not None)
            # What is for its maker alone goes out as it is.
            return self._answer(request, found) if found.held.until_s else own[-1]

        return remembered

    async def _load(self, inner: Endpoint, request: Any, path: dict[str, Any], own: list[Any]) -> Loaded:
        try:
            answer = await inner(request, **path)
        except NotFound as missing:
            if not self._negative_s:
                raise
            return Loaded(encode(Stored.not_found(missing.detail)), self._negative_s)
        own.append(answer)
        if not storable(answer, private=self._reads.caller, vary=self._vary):
            return Loaded(b"", 0.0)
        return Loaded(encode(Stored.of(answer)))

    async def _key(self, request: Any, path: dict[str, Any]) -> str:
        reads = self._reads
        caller = None
        if reads.caller and self._identify is not None:
            identity = await self._identify(request)
            caller = None if identity is None else identity.key
        query = request.query_string
        if reads.query is not None and query:
            query = named_only(query, reads.query)
        headers = [request.headers.getall(name, ()) for name in reads.headers]
        cookies = request.headers.getall("cookie", ()) if reads.cookies else ()
        return f"{self._name}|{path}|{query}|{headers}|{cookies}|{caller!r}"

    def _answer(self, request: Any, found: Found) -> Any:
        held = found.held
        ready: Ready = held.prepared or self._prepare(held)
        stored = ready.stored
        if stored.missing is not None:
            raise NotFound(stored.missing or None)
        now_s = int(time.time())
        if ready.made_s != now_s or found.status is not ready.status:
            ready.made_s, ready.status = now_s, found.status
            ready.fields = {**self._fields(held, stored, found.status), **dict(stored.headers)}
            ready.lines = self._answers.lines(ready.fields)
        if is_conditional(request) and is_known(request.headers, stored.etag):
            return self._answers.not_modified(ready.fields)
        return self._answers.whole(stored.body, stored.content_type, ready.fields, ready.lines)

    def _prepare(self, held: Held) -> Ready:
        ready = held.prepared = Ready(decode(held.entry.payload))
        return ready

    def _fields(self, held: Held, stored: Stored, status: Status) -> dict[str, str]:
        now_s, entry = time.time(), held.entry
        fields = {"ETag": stored.etag, **self._common}
        if self._tags:
            fields["Cache-Control"] = self._control
        else:
            fields["Cache-Control"] = f"{self._control}{max(0, int(entry.fresh_s - now_s))}"
        age_s = int(now_s - entry.made_s)
        if age_s > 0:
            fields["Age"] = str(age_s)
        if self._tells_status:
            fields["Cache-Status"] = CACHE_STATUS[status].format(int(entry.fresh_s - now_s))
        return fields


class Ready:
    """A stored answer, and what was made of it for this second."""

    __slots__ = ("fields", "lines", "made_s", "status", "stored")

    def __init__(self, stored: Stored) -> None:
        self.stored = stored
        self.made_s = 0
        self.status = Status.HIT
        self.fields: dict[str, str] = {}
        self.lines = b""


def is_conditional(request: Any) -> bool:
    """Whether ``If-None-Match`` may be there: a look at the head's bytes costs a tenth of reading its fields."""
    head = request.head
    return not head or b"if-none-match" in head.lower()


@lru_cache(4096)
def named_only(query: str, names: tuple[str, ...]) -> str:
    """The parts of ``query`` that have one of ``names``, as they came: what nobody reads makes no difference."""
    return "&".join(part for part in query.split("&") if unquote_plus(part.partition("=")[0]) in names)


CACHE_STATUS = {
    Status.HIT: "velox; hit; ttl={}",
    Status.STALE: "velox; hit; ttl={}; detail=stale",
    Status.MISS: "velox; fwd=miss; stored; ttl={}",
}
"""The field of RFC 9211."""
