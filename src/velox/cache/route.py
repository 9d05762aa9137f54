"""A route whose answers are used again."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_plus

from velox.cache.engine import Engine
from velox.cache.loading import Found, Loaded, Status, Times
from velox.cache.memory import Held
from velox.cache.stored import Stored, decode, encode, is_known, storable
from velox.errors import NotFound

__all__ = ["Reads", "RouteCache"]

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
        respond: Makes a response: body, status, header fields, content type.
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
        respond: Callable[[bytes, int, dict[str, str], str | None], Any],
        tells_status: bool,
    ) -> None:
        self._name = name
        self._reads = reads
        self._times = times
        self._tags = tuple(tags)
        self._negative_s = negative_s
        self._engine = engine
        self._identify = identify
        self._respond = respond
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
        stored: Stored | None = held.prepared
        if stored is None:
            stored = held.prepared = decode(held.entry.payload)
        if stored.missing is not None:
            raise NotFound(stored.missing or None)
        headers = self._fields(held, stored, found.status)
        headers.update(stored.headers)
        if "if-none-match" in request.headers and is_known(request.headers, stored.etag):
            return self._respond(b"", 304, headers, None)
        return self._respond(stored.body, 200, headers, stored.content_type)

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
