"""Where the cache meets the app: what a route's answers depend on is read from its plan."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

from sanic import Request
from sanic.response import BaseHTTPResponse, HTTPResponse

from velox.app.sharing import Sharing
from velox.cache.cache import Cache
from velox.cache.engine import Engine
from velox.cache.generations import SIZE_BYTES
from velox.cache.loading import Times
from velox.cache.route import Reads, RouteCache
from velox.cache.store import CacheStore
from velox.errors import ConfigurationError
from velox.http.prepared import PreparedResponse, prepared_lines
from velox.routing.identity import reads_nothing, reads_only
from velox.routing.layer import Endpoint, Layer
from velox.routing.plan import Parameter, Plan, ResponseHeader, Source
from velox.routing.planning import path_names
from velox.routing.stream import stream_of
from velox.rules.cache import CacheOption, CachePolicy
from velox.units import parse_duration

__all__ = ["Caching"]

SECURITY: Final = frozenset(
    {"X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy"}
    | {"Strict-Transport-Security"}
)
"""What is in every answer, unless a handler has set one of its own."""


class Caching:
    """The cache of an app.

    Args:
        app: The app.
        sharing: What its workers share.
    """

    def __init__(self, app: Any, sharing: Sharing) -> None:
        settings = app.settings
        self._app = app
        self._store = CacheStore(memory_bytes=settings.cache_memory_bytes, redis=app.redis)
        self._store.shared_file = sharing.want("cache", SIZE_BYTES)
        status = settings.cache_status
        self._tells_status = status if status is not None else not settings.production
        app.add_extension(self._store)
        app.provide(self.cache)

    def whole(self) -> Cache:
        """The cache for who is in no request."""
        return Cache(self._store.engine)

    @reads_nothing
    def cache(self, request: Request | None = None) -> Cache:
        """What a handler is given: its invalidations are repeated when its transaction has committed. A job has no
        request, and is told by :class:`~velox.cache.Cache` what that means.
        """
        if request is None:
            return self.whole()
        again: list[tuple[tuple[str, ...], bool]] = []
        request.ctx.velox_out_of_date = again
        return Cache(self._store.engine, lambda names, are_keys: again.append((tuple(names), are_keys)))

    def layer(self, plan: Plan) -> Layer | None:
        """Around a route with ``cache=``.

        Raises:
            ConfigurationError: VX211, its answers cannot be used again, or not with what is known of it.
        """
        policy = policy_of(option_of(plan), plan)
        if policy is None:
            return None
        check_route(plan, policy)
        reads = reads_of(plan, policy)
        answers = RouteCache(
            plan.name,
            reads,
            Times(parse_duration(policy.ttl), parse_duration(policy.stale)),
            tags=tuple(policy.tags),
            negative_s=parse_duration(policy.negative),
            engine=self._store.engine,
            identify=self._app.identify,
            answers=PreparedAnswers(),
            tells_status=self._tells_status,
        )
        headers = tuple(headers_of(reads, tells_status=self._tells_status))
        return Layer(answers.wrap, headers=headers, answers={"304": "What If-None-Match names is still good."})

    def repeating(self, plan: Plan) -> Layer | None:
        """Around a route whose handler, or something it needs, has the cache."""
        has_cache = any(provider.fn == self.cache for provider in plan.providers())
        return Layer(repeats(self._store.engine)) if has_cache else None


def repeats(engine: Callable[[], Engine]) -> Callable[[Endpoint], Endpoint]:
    def wrap(inner: Endpoint) -> Endpoint:
        async def committed(request: Request, **path: Any) -> BaseHTTPResponse | None:
            try:
                return await inner(request, **path)
            finally:
                for names, are_keys in getattr(request.ctx, "velox_out_of_date", ()):
                    await (engine().remove(names) if are_keys else engine().invalidate(names))

        return committed

    return wrap


class PreparedAnswers:
    """Responses for the cache, whose header fields are made once a second."""

    lines = staticmethod(prepared_lines)

    def whole(self, body: bytes, content_type: str | None, fields: Mapping[str, str], lines: bytes) -> HTTPResponse:
        if SECURITY.isdisjoint(fields):
            return PreparedResponse(body, 200, content_type, fields, lines)
        return HTTPResponse(body, 200, dict(fields), content_type)

    def not_modified(self, fields: Mapping[str, str]) -> HTTPResponse:
        return HTTPResponse(b"", 304, dict(fields))


def option_of(plan: Plan) -> CacheOption:
    """The route's own, else its blueprint's, else the app's; what holds for many is meant for what can be cached."""
    own = plan.options.cache
    if own is not None or plan.methods != ("GET",) or stream_of(plan.returns) is not None:
        return own
    return next((shared.cache for shared in reversed(plan.shared) if shared.cache is not None), None)


def policy_of(option: CacheOption, plan: Plan) -> CachePolicy | None:
    if option is None or option is False:
        return None
    if isinstance(option, CachePolicy):
        return option
    try:
        return CachePolicy(option)
    except (TypeError, ValueError, AttributeError) as error:
        raise wrong(plan, f"cache={option!r} is no time: {error}", 'Write cache="30s"') from None


def wrong(plan: Plan, what: str, hint: str) -> ConfigurationError:
    return ConfigurationError("VX211", f"{plan.location}: {what}", hint=hint)


def check_route(plan: Plan, policy: CachePolicy) -> None:
    """Raises: ConfigurationError: VX211, the route's answers cannot be used again."""
    if plan.methods != ("GET",):
        methods = ", ".join(plan.methods)
        raise wrong(plan, f"cache= on {methods}", "Only GET may be cached; declare the other methods apart")
    if stream_of(plan.returns) is not None:
        raise wrong(plan, "a stream cannot be cached", "Remove cache=, or return the whole list")
    if policy.public and plan.rules:
        raise wrong(
            plan,
            "a function guards the route, and public=True would give what it allowed one caller to all",
            "Remove public=True, or guard with scopes(...) or roles(...), which are asked each time",
        )
    names = path_names(plan.path)
    for tag in policy.tags:
        try:
            tag.format_map(dict.fromkeys(names, ""))
        except (KeyError, ValueError, IndexError):
            raise wrong(plan, f"the tag {tag!r} names no part of the path", f"Known are: {', '.join(names)}") from None
    if policy.vary is None and takes_request(plan):
        raise wrong(
            plan,
            "the handler, or something it needs, takes the whole request: nobody knows what its answer depends on",
            "Say which request headers it reads, or none: cache=CachePolicy(..., vary=[]); or cache=False",
        )


def takes_request(plan: Plan) -> bool:
    """Whether the handler, a guard or something that they need can read what it likes."""
    groups = [plan.parameters, *(rule.parameters for rule in plan.rules)]
    return any(parameter.source is Source.REQUEST for group in groups for parameter in unknown_reads(group))


def unknown_reads(parameters: Collection[Parameter]) -> Iterator[Parameter]:
    """What is read of the request, but for that by which the caller is known."""
    for parameter in parameters:
        if parameter.provider is None:
            yield parameter
        elif reads_only(parameter.provider.fn) is None:
            yield from unknown_reads(parameter.provider.parameters)


def reads_of(plan: Plan, policy: CachePolicy) -> Reads:
    """What the answers depend on."""
    inputs = plan.inputs()
    knows_caller = bool(plan.guards) or any(reads_only(provider.fn) == "caller" for provider in plan.providers())
    whole_query = any(p.source is Source.QUERY and p.group is not None for p in inputs)
    named = {
        source: tuple(dict.fromkeys(p.alias for p in inputs if p.source is source and p.group is None))
        for source in (Source.QUERY, Source.HEADER, Source.COOKIE)
    }
    groups = [p for p in inputs if p.group is not None and p.source in (Source.HEADER, Source.COOKIE)]
    if groups:
        raise wrong(plan, "a cached handler reads a model of headers or cookies", "Name each as a parameter of its own")
    return Reads(
        query=None if whole_query or takes_request(plan) else named[Source.QUERY],
        headers=tuple(dict.fromkeys([*named[Source.HEADER], *(policy.vary or ())])),
        cookies=named[Source.COOKIE],
        caller=knows_caller and not policy.public,
    )


def headers_of(reads: Reads, *, tells_status: bool) -> Iterator[ResponseHeader]:
    """What the documentation says of the header fields."""
    good = ("200", "304")
    yield ResponseHeader("ETag", "Names this version; send it back as If-None-Match.", statuses=good)
    yield ResponseHeader("Cache-Control", "For how long the answer is good.", statuses=good)
    yield ResponseHeader("Age", "Seconds since it was made.", schema={"type": "integer"}, statuses=good)
    if reads.vary:
        yield ResponseHeader("Vary", f"The answer depends on: {reads.vary}.", statuses=good)
    if tells_status:
        yield ResponseHeader("Cache-Status", "Where it came from (RFC 9211).", statuses=good)
