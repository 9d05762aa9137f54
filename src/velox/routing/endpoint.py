"""A plan, compiled: the function that Sanic calls for each request of a route."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from urllib.parse import unquote

from pydantic import ValidationError
from sanic import Request
from sanic.response import BaseHTTPResponse

from velox.errors import ConfigurationError, FieldError, ValidationProblem
from velox.routing.annotation import display_name
from velox.routing.binding import Binder, adapter_for
from velox.routing.body import JsonBody
from velox.routing.form import Form, read_form
from velox.routing.layer import Endpoint
from velox.routing.plan import Limits, Parameter, Plan, Source
from velox.routing.result import ResultEncoder
from velox.routing.scope import Answered, Scope, provided
from velox.routing.stream import break_off, send_stream, stream_of

__all__ = ["compile_endpoint", "decoded"]

PARAMETERS = frozenset({Source.PATH, Source.QUERY, Source.HEADER, Source.COOKIE})
FORMS = frozenset({Source.FORM, Source.FILE})


def compile_endpoint(plan: Plan, *, limits: Limits, validate: bool, app_scope: Scope) -> Endpoint:
    """The function ``async (request, **path) -> response`` that does all of ``plan``.

    What a request does not need is not in its function: a route without providers has no scope, one without
    parameters no binder.

    Args:
        plan: The route.
        limits: Budgets of the body.
        validate: Check results against the return annotation.
        app_scope: What the worker has made once.

    Raises:
        ConfigurationError: VX202 when a type cannot be checked.
    """
    where = f"{plan.location}: {display_name(plan.handler)}"
    bind = compile_arguments(plan, limits, where)
    call = caller(plan)
    stream = stream_of(plan.returns, where)
    if stream is None and is_generator(plan.handler):
        raise ConfigurationError(
            "VX202",
            f"{where} yields, but its return annotation names no stream",
            hint="Write `async def` and annotate -> EventStream[T], -> JsonLines[T], or -> AsyncIterator[bytes]",
        )
    if stream is not None:
        encoder = ResultEncoder(stream.item, status=plan.status, validate=validate, where=where)

        async def answer_stream(request: Request, arguments: dict[str, Any]) -> BaseHTTPResponse:
            items = plan.handler(**arguments)
            if inspect.isawaitable(items):
                items = await items
            return await send_stream(request, aiter(items), stream, encoder.encode, plan.status)

        return unbroken(with_scope(plan, bind, answer_stream, respond=None, limits=limits, app_scope=app_scope))
    encoder = ResultEncoder(plan.returns, status=plan.status, validate=validate, where=where)
    if (
        not plan.rules
        and not any(p.provider for p in plan.parameters)
        and not any(p.source in FORMS for p in plan.inputs())
    ):
        return without_scope(bind, call, encoder)

    async def answer(request: Request, arguments: dict[str, Any]) -> Any:
        return await call(**arguments)

    return with_scope(plan, bind, answer, respond=encoder.respond, limits=limits, app_scope=app_scope)


def unbroken(endpoint: Endpoint) -> Endpoint:
    """``endpoint``, whose answer is never half: an error after its start breaks the connection."""

    async def stream(request: Request, **path: Any) -> BaseHTTPResponse | None:
        try:
            return await endpoint(request, **path)
        except Exception as error:
            if request.responded:
                break_off(request, error)
            raise

    return stream


def decoded(endpoint: Endpoint) -> Endpoint:
    """``endpoint`` with percent-decoded path values, for paths that are matched by a regular expression: Sanic decodes
    all others.
    """

    async def with_decoded_path(request: Request, **path: Any) -> BaseHTTPResponse | None:
        values = {name: unquote(value) if isinstance(value, str) else value for name, value in path.items()}
        return await endpoint(request, **values)

    return with_decoded_path


def caller(plan: Plan) -> Callable[..., Awaitable[Any]]:
    """The handler as something to await: itself, or with what its decorators or a thread need around it."""
    handler = plan.handler
    if inspect.iscoroutinefunction(handler):
        return handler
    if plan.is_async:
        # Not async by itself: an object's __call__, or a decorator's plain wrapper around an async handler.
        async def on_loop(**arguments: Any) -> Any:
            result = handler(**arguments)
            return await result if inspect.isawaitable(result) else result

        return on_loop

    async def in_thread(**arguments: Any) -> Any:
        result = await asyncio.to_thread(handler, **arguments)  # copies the context variables
        return await result if inspect.isawaitable(result) else result

    return in_thread


def is_generator(handler: Callable[..., Any]) -> bool:
    found = inspect.unwrap(handler)
    return inspect.isasyncgenfunction(found) or inspect.isgeneratorfunction(found)


def without_scope(
    bind: Callable[[Request, dict[str, Any]], dict[str, Any]] | None,
    call: Callable[..., Awaitable[Any]],
    encoder: ResultEncoder,
) -> Endpoint:
    """The short way, for a handler that needs nothing made for it."""
    respond = encoder.respond
    if bind is None:

        async def call_without_arguments(request: Request, **path: Any) -> BaseHTTPResponse:
            return respond(await call())

        return call_without_arguments

    async def call_with_arguments(request: Request, **path: Any) -> BaseHTTPResponse:
        return respond(await call(**bind(request, path)))

    return call_with_arguments


def with_scope(
    plan: Plan,
    bind: Callable[[Request, dict[str, Any]], dict[str, Any]] | None,
    answer: Callable[[Request, dict[str, Any]], Awaitable[Any]],
    *,
    respond: Callable[[Any], BaseHTTPResponse] | None,
    limits: Limits,
    app_scope: Scope,
) -> Endpoint:
    """The whole way: read the form, make what the handler needs, call it, give back what was made, then answer.

    The order is the promise: providers finish (a session commits) *before* the response is built, so a failing commit
    can never be answered with a 2xx. ``respond`` is ``None`` for streams: they answer while they run, and only their
    end is sent afterwards. Whoever keeps answers (``request.ctx.velox_keep``) is given the response before that, to
    write it with what the handler wrote.
    """
    own = tuple(p.name for p in plan.parameters if p.provider is None)
    providers = provided(plan.parameters)
    forms = [p for p in plan.inputs() if p.source in FORMS]
    check_form = Binder(forms, f"{plan.location}: {display_name(plan.handler)}") if forms else None
    is_kept = plan.options.idempotent is not False
    if plan.options.max_body_bytes is not None:
        limits = dataclasses.replace(limits, form_body_bytes=plan.options.max_body_bytes)

    async def endpoint(request: Request, **path: Any) -> BaseHTTPResponse | None:
        scope = Scope(app_scope)
        form: Form | None = None
        try:
            values = bind(request, path) if bind is not None else {}
            if check_form is not None:
                form = await read_form(request, limits)
                values.update(bind_form(check_form, form))
            for rule in plan.rules:
                await scope.get(rule, request, values)
            arguments = {name: values[name] for name in own if name in values}
            for name, provider in providers:
                arguments[name] = await scope.get(provider, request, values)
            result = await answer(request, arguments)
            if is_kept and (keep := getattr(request.ctx, "velox_keep", None)) is not None and respond is not None:
                result = await keep(partial(respond, result))
        except BaseException as error:
            await scope.close(error)
            raise
        else:
            status = result.status if isinstance(result, BaseHTTPResponse) else 200
            await scope.close(Answered(status) if status >= 400 else None)
            if respond is not None:
                return respond(result)
            await result.eof()
            return None
        finally:
            if form is not None:
                form.close()

    return endpoint


def bind_form(binder: Binder, form: Form) -> dict[str, Any]:
    try:
        return binder.check(form.values)
    except ValidationError as error:
        raise ValidationProblem(errors=binder.explain(error)) from None


def compile_arguments(
    plan: Plan, limits: Limits, where: str
) -> Callable[[Request, dict[str, Any]], dict[str, Any]] | None:
    """The function from a request to the checked values by key, all wrong fields in one problem."""
    inputs = plan.inputs()
    requests = [p.key for p in plan.parameters if p.source is Source.REQUEST]
    parameters = [p for p in inputs if p.source in PARAMETERS]
    binder = Binder(parameters, where) if parameters else None
    body = next((p for p in inputs if p.source is Source.BODY), None)
    if body is not None:
        everything = bind_all(binder, json_body(body, plan, limits, where), body)
    elif binder is not None:
        everything = bind_parameters(binder)
    else:
        return bind_request(requests[0]) if requests else None

    def bind_with_request(request: Request, path: dict[str, Any]) -> dict[str, Any]:
        values = everything(request, path)
        for key in requests:
            values[key] = request
        return values

    return bind_with_request if requests else everything


def bind_request(key: str) -> Callable[[Request, dict[str, Any]], dict[str, Any]]:
    """For a handler that takes the request and path values just as Sanic has them."""

    def bind(request: Request, path: dict[str, Any]) -> dict[str, Any]:
        return {key: request, **path}

    return bind


def json_body(body: Parameter, plan: Plan, limits: Limits, where: str) -> JsonBody:
    adapter = adapter_for(body.annotation, f"{where}: parameter {body.name!r}")
    own_limit = plan.options.max_body_bytes
    return JsonBody(adapter, limits.json_body_bytes if own_limit is None else own_limit)


def bind_parameters(binder: Binder) -> Callable[[Request, dict[str, Any]], dict[str, Any]]:
    def bind(request: Request, path: dict[str, Any]) -> dict[str, Any]:
        try:
            return binder(request, path)
        except ValidationError as error:
            raise ValidationProblem(errors=binder.explain(error)) from None

    return bind


def bind_all(
    binder: Binder | None, reader: JsonBody, body: Parameter
) -> Callable[[Request, dict[str, Any]], dict[str, Any]]:
    """Parameters and JSON body; both are read before the problem is raised, so it names every wrong field."""

    def bind(request: Request, path: dict[str, Any]) -> dict[str, Any]:
        errors: list[FieldError] = []
        values: dict[str, Any] = {}
        if binder is not None:
            try:
                values = binder(request, path)
            except ValidationError as error:
                errors = binder.explain(error)
        if body.required or request.body:
            if not request.body:
                errors.append(FieldError("A JSON body is required", "missing", pointer=""))
            else:
                try:
                    values[body.key] = reader.read(request)
                except ValidationError as error:
                    errors += reader.explain(error, request.body)
        if errors:
            raise ValidationProblem(errors=errors)
        return values

    return bind
