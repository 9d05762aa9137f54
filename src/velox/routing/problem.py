"""Every error → one problem document (RFC 9457), whoever raised it."""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic_core import to_json
from sanic import Request
from sanic.constants import HTTP_METHODS
from sanic.exceptions import NotFound as SanicNotFound
from sanic.exceptions import RequestCancelled, SanicException
from sanic.handlers import ErrorHandler
from sanic.http import Http
from sanic.response import BaseHTTPResponse, HTTPResponse

from velox._request_id import HEADER, request_id
from velox.errors import (
    BadRequest,
    ContentTooLarge,
    Forbidden,
    Gone,
    InternalServerError,
    MethodNotAllowed,
    NotFound,
    Problem,
    ServiceUnavailable,
    Unauthorized,
    UnsupportedMediaType,
    phrase,
)
from velox.routing import error_page
from velox.routing.layer import carried

__all__ = ["PROBLEM_JSON", "ProblemHandler", "problem_of", "problem_response"]

PROBLEM_JSON = "application/problem+json"
KINDS: Mapping[int, type[Problem]] = {
    kind.status: kind
    for kind in (
        BadRequest,
        Unauthorized,
        Forbidden,
        NotFound,
        MethodNotAllowed,
        Gone,
        ContentTooLarge,
        UnsupportedMediaType,
        InternalServerError,
        ServiceUnavailable,
    )
}
LINE_BREAKS = re.compile(r"[\r\n\0]+")

logger = logging.getLogger("velox.error")


def problem_of(error: BaseException, *, reveal: bool) -> Problem:
    """``error`` as a problem.

    Args:
        error: Anything that was raised.
        reveal: Whether the client may read what an unexpected error says (only in ``dev``).
    """
    if isinstance(error, Problem):
        return error
    if isinstance(error, SanicException):
        status = getattr(error, "status_code", 500) or 500
        detail = str(error) or None
        headers = {str(name): str(value) for name, value in (getattr(error, "headers", None) or {}).items()}
        if status >= 500 and not reveal:
            detail = None
        return kind_of(status)(detail, headers=headers)
    detail = f"{type(error).__name__}: {error}" if reveal else "The server made an error. Its log has the request id."
    return InternalServerError(detail)


@cache
def kind_of(status: int) -> type[Problem]:
    """The problem class for ``status``; for one that has none a class without a name of its own."""
    if status in KINDS:
        return KINDS[status]
    try:
        title = phrase(status)
    except ValueError:  # no status that HTTP knows
        title = "Error"
    return type("SanicProblem", (Problem,), {"status": status, "title": title})


def problem_response(problem: Problem, request: Request) -> HTTPResponse:
    """The response that carries ``problem``."""
    identity = request_id(request)
    document = problem.to_dict(instance=request.path, request_id=identity)
    return HTTPResponse(
        to_json(document, inf_nan_mode="null", fallback=str),
        problem.status,
        headers=safe_headers(problem, identity),
        content_type=PROBLEM_JSON,
    )


def safe_headers(problem: Problem, identity: str) -> dict[str, str]:
    """The problem's own headers and ``X-Request-ID``; a line break in a value would begin another header."""
    own = {name: LINE_BREAKS.sub(" ", value) for name, value in problem.headers.items()}
    return {HEADER: identity, **own}


class ProblemHandler(ErrorHandler):
    """Sanic's error handler, answering with problem documents.

    A project's own ``@app.exception`` handlers still come first.

    Args:
        reveal: Show what unexpected errors say, and to browsers a page with the code (only in ``dev``).
    """

    def __init__(self, *, reveal: bool) -> None:
        super().__init__()
        self._reveal = reveal

    def response(self, request: Request, exception: Exception) -> Any:
        """What answers ``exception``, a project's handler or :meth:`default`, with what layers want in every answer."""
        answer = super().response(request, exception)  # type: ignore[no-untyped-call]
        headers = carried(request)
        return with_headers(answer, headers) if headers else answer

    def default(self, request: Request, exception: Exception) -> HTTPResponse:
        """The answer to an exception that no handler was registered for."""
        problem = problem_of(exception, reveal=self._reveal)
        if request.route is None and isinstance(exception, SanicNotFound):
            problem.detail = f"Nothing answers {request.path}."
        if problem.status == MethodNotAllowed.status:
            problem.headers.setdefault("Allow", ", ".join(allowed_methods(request)))
        if problem.status >= 500 and not isinstance(exception, RequestCancelled):  # nobody is there for an answer
            log(request, problem, exception)
        close_if_unread(request)
        if self._reveal and wants_html(request):
            return self._page(request, problem, exception)
        return problem_response(problem, request)

    def _page(self, request: Request, problem: Problem, exception: Exception) -> HTTPResponse:
        identity = request_id(request)
        document: dict[str, Any] = problem.to_dict(instance=request.path, request_id=identity)
        unexpected = None if isinstance(exception, Problem) else exception
        body = error_page.render(document, unexpected, f"{request.method} {request.path}")
        headers = safe_headers(problem, identity)
        headers["Content-Security-Policy"] = error_page.CONTENT_SECURITY_POLICY
        return HTTPResponse(body, problem.status, headers=headers, content_type="text/html; charset=utf-8")


def with_headers(answer: Any, headers: Mapping[str, str]) -> Any:
    """``answer``, or what an async handler is going to answer, with ``headers`` where it has none of that name."""
    if inspect.isawaitable(answer):

        async def later() -> Any:
            return with_headers(await answer, headers)

        return later()
    if isinstance(answer, BaseHTTPResponse):
        for name, value in headers.items():
            answer.headers.setdefault(name, value)
    return answer


def close_if_unread(request: Request) -> None:
    """Let the answer say ``Connection: close`` when the body was not read to its end: what is left of it would be taken
    for the next request, or reset the connection under it (RFC 9112, section 9.3)."""
    stream = request.stream
    if isinstance(stream, Http) and stream.request_body:
        stream.keep_alive = False


def log(request: Request, problem: Problem, exception: Exception) -> None:
    """One record for a failed request: with the traceback, unless the handler itself raised the problem."""
    where, identity = f"{request.method} {request.path}", request_id(request)
    if exception is problem and not isinstance(problem, InternalServerError):
        logger.info("%s answered %d [request %s]: %s", where, problem.status, identity, problem.detail)
    else:
        logger.error("%s failed [request %s]", where, identity, exc_info=exception)
        scope = getattr(request.transport, "scope", None)  # ASGI: whoever calls the app, a test say, may look there
        if scope is not None:
            scope["velox.exception"] = exception


def allowed_methods(request: Request) -> list[str]:
    """What ``Allow`` lists (RFC 9110, section 10.2.1): Sanic's router forgets it for paths with parameters."""
    return [method for method in sorted(HTTP_METHODS) if _answers(request, method)]


def _answers(request: Request, method: str) -> bool:
    try:
        request.app.router.get(request.path, method, request.headers.getone("host", ""))
    except SanicException:
        return False
    return True


def wants_html(request: Request) -> bool:
    """Whether the client asked for HTML by name, as browsers do when they navigate."""
    return "text/html" in request.headers.get("accept", "")
