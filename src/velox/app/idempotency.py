"""Where ``Idempotency-Key`` meets the app: the claim around a route, and the answer in its handler's transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sanic import Request
from sanic.response import BaseHTTPResponse, HTTPResponse

from velox.app.declared import reads_stream
from velox.app.jobs import DatabaseConnections, open_session
from velox.errors import BadRequest, ConfigurationError, FieldError, Problem
from velox.idempotency.answer import Answer, is_kept
from velox.idempotency.key import digest_of, read_key
from velox.idempotency.problems import KeyInUse, KeyReused
from velox.routing.layer import Endpoint, Layer
from velox.routing.plan import Plan, ResponseHeader
from velox.routing.stream import stream_of

if TYPE_CHECKING:
    from velox.app.storage import Storage
    from velox.idempotency.ledger import Claim, Ledger

__all__ = ["Idempotency"]

REPLAYED: Final = "Idempotent-Replayed"
HEADER: Final = ResponseHeader(
    REPLAYED, '"true" when it is the stored answer of an earlier request.', statuses=("200", "201", "202", "204")
)


class Idempotency:
    """The keys of an app.

    Args:
        app: The app.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self._ledger: Ledger | None = None

    def want(self) -> None:
        """There is a route with keys, so the database needs their table. Called when the route is declared: the
        commands that compare models and database look before anything is compiled.
        """
        if self._ledger is None:
            from velox.db import Model
            from velox.idempotency.ledger import Ledger
            from velox.idempotency.table import table_in

            writing = DatabaseConnections(self._app.database).writing
            keep_s = self._app.settings.idempotency_keep_s
            self._ledger = Ledger(writing, table_in(Model.metadata), keep_s)

    async def check(self) -> None:
        """Refuse to start without the table.

        Raises:
            ConfigurationError: VX706, it is missing.
        """
        if self._ledger is not None and not await self._ledger.is_there():
            raise ConfigurationError(
                "VX706",
                "a route is idempotent, and the database has no table velox_idempotency",
                hint="Create it: velox makemigrations, then velox migrate; or VELOX_CREATE_TABLES=true for one start",
            )

    def layer(self, plan: Plan) -> Layer | None:
        """Around a route with ``idempotent=``.

        Raises:
            ConfigurationError: VX211 or VX705, its answers cannot be stored with what it does.
        """
        option = plan.options.idempotent
        if option is False:
            return None
        check_route(plan, self._app.storage)
        self.want()
        assert self._ledger is not None
        keyed = Keyed(plan.name, self._ledger, self._app.identify, is_required=option == "required")
        parameter = {
            "name": "Idempotency-Key",
            "in": "header",
            "required": option == "required",
            "description": "The same for each attempt at one request, and no other's: a UUID, for one.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[A-Za-z0-9_-]+$"},
        }
        return Layer(keyed.wrap, (BadRequest, KeyInUse, KeyReused), headers=(HEADER,), parameters=(parameter,))


class Keyed:
    """One route that honours keys.

    Args:
        name: The route's name.
        ledger: The keys.
        identify: Who asks.
        is_required: Whether a request without a key is refused.
    """

    def __init__(self, name: str, ledger: Ledger, identify: Any, *, is_required: bool) -> None:
        self._name = name
        self._ledger = ledger
        self._identify = identify
        self._is_required = is_required

    def wrap(self, inner: Endpoint) -> Endpoint:
        """``inner``, asked once for each key."""

        async def once(request: Request, **path: Any) -> BaseHTTPResponse | None:
            key = read_key(request.headers.getall("idempotency-key", []))
            if key is None:
                if self._is_required:
                    raise missing()
                return await inner(request, **path)
            name = digest_of(await self._caller(request), self._name, key)
            found = await self._ledger.claim(name, fingerprint_of(request))
            if isinstance(found, Answer):
                return replayed(found)
            request.ctx.velox_keep = partial(self._keep, found)
            is_done = False
            try:
                answer = await inner(request, **path)
                is_done = answer is not None and answer.status < 400
                return answer
            finally:
                if not is_done:
                    # What was refused has changed nothing: its key is free. Also when the client went away.
                    await asyncio.shield(asyncio.create_task(self._ledger.release(found)))

        return once

    async def _caller(self, request: Request) -> str:
        if self._identify is None:
            return ""
        try:
            identity = await self._identify(request)
        except Problem:  # credentials that are no good, on a route that asks for none
            return ""
        return "" if identity is None else str(identity.key)

    async def _keep(self, claim: Claim, build: Callable[[], BaseHTTPResponse]) -> BaseHTTPResponse:
        """The response, stored in the transaction that the handler's Session is about to commit."""
        session = open_session()
        if session is None:
            raise RuntimeError(f"{self._name}: the Session was closed before the handler's end")
        await session.complete()
        response = build()
        if response.status < 400:
            await self._ledger.keep(await session.connection(), claim, stored(response, self._name))
        return response


def stored(response: BaseHTTPResponse, name: str) -> Answer:
    body = getattr(response, "body", None)
    if body is None and not isinstance(response, HTTPResponse):
        raise TypeError(f"{name} is idempotent and answers with {type(response).__name__}, which cannot be stored")
    headers = tuple((field.title(), str(value)) for field, value in response.headers.items() if is_kept(field))
    return Answer(response.status, response.content_type, headers, body or b"")


def replayed(answer: Answer) -> HTTPResponse:
    response = HTTPResponse(answer.body, answer.status, None, answer.content_type)
    for name, value in answer.headers:
        response.headers.add(name, value)
    response.headers[REPLAYED] = "true"
    return response


def fingerprint_of(request: Request) -> str:
    """The same for the same path, query and body, byte for byte."""
    return digest_of(request.path, request.query_string, request.body)


def missing() -> BadRequest:
    return BadRequest(
        "This request needs the header field Idempotency-Key: a new UUID, for one, and the same in each attempt.",
        title="Idempotency-Key is missing",
        errors=[FieldError("It is required", "missing", parameter="header.idempotency-key")],
    )


def check_route(plan: Plan, storage: Storage | None) -> None:
    """Raises: ConfigurationError: VX211 or VX705, the route's answers cannot be stored with what it does."""
    if plan.options.idempotent not in (True, "required"):
        raise ConfigurationError(
            "VX211",
            f"{plan.location}: idempotent={plan.options.idempotent!r}",
            hint='Write idempotent=True, or idempotent="required" to refuse requests without a key',
        )
    if not set(plan.methods) <= {"POST", "PATCH"}:
        raise ConfigurationError(
            "VX211",
            f"{plan.location}: idempotent= on {', '.join(plan.methods)}",
            hint="Only POST and PATCH have keys; GET, PUT and DELETE are idempotent by themselves",
        )
    if stream_of(plan.returns) is not None or reads_stream(plan):
        raise ConfigurationError(
            "VX705",
            f"{plan.location}: an idempotent route reads a form or answers with a stream, neither of which is kept",
            hint="Take JSON and return a value, or remove idempotent=",
        )
    made = {provider.fn for provider in plan.providers()}
    if storage is None or storage.session not in made:
        raise ConfigurationError(
            "VX705",
            f"{plan.location}: an idempotent route has no Session with whose transaction its answer could be stored",
            hint="Give the handler a parameter db: Session, and write with that",
        )
    if storage.writer in made:
        raise ConfigurationError(
            "VX705",
            f"{plan.location}: an idempotent route has a Writer, which commits by itself: an attempt that fails"
            " afterwards frees the key, and what was written stays",
            hint="Write with the Session, whose transaction holds the answer, too; or remove idempotent=",
        )
