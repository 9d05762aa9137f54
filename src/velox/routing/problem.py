"""Every error → one problem document (RFC 9457), whoever raised it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from pydantic_core import to_json
from sanic import Request
from sanic.constants import HTTP_METHODS
from sanic.exceptions import SanicException
from sanic.handlers import ErrorHandler
from sanic.response import HTTPResponse

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
MAX_REQUEST_ID_CHARS = 128

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
        return _of_status(status, detail, headers)
    detail = f"{type(error).__name__}: {error}" if reveal else "The server made an error. Its log has the request id."
    return InternalServerError(detail)


def _of_status(status: int, detail: str | None, headers: dict[str, str]) -> Problem:
    kind = KINDS.get(status)
    if kind is None:
        kind = type("SanicProblem", (Problem,), {"status": status, "title": phrase(status)})
    return kind(detail, headers=headers)


def problem_response(problem: Problem, request: Request | None) -> HTTPResponse:
    """The response that carries ``problem``."""
    document = problem.to_dict(
        instance=request.path if request is not None else None,
        request_id=request_id(request) if request is not None else None,
    )
    return HTTPResponse(
        to_json(document, inf_nan_mode="null"), problem.status, headers=problem.headers, content_type=PROBLEM_JSON
    )


def request_id(request: Request) -> str:
    """The request's id: the client's ``X-Request-ID``, else a new one."""
    return str(request.id)[:MAX_REQUEST_ID_CHARS]


class ProblemHandler(ErrorHandler):
    """Sanic's error handler, answering with problem documents.

    A project's own ``@app.exception`` handlers still come first.

    Args:
        reveal: Show what unexpected errors say, and to browsers a page with the code (only in ``dev``).
    """

    def __init__(self, *, reveal: bool) -> None:
        super().__init__()
        self._reveal = reveal

    def default(self, request: Request, exception: Exception) -> HTTPResponse:
        """The answer to an exception that no handler was registered for."""
        problem = problem_of(exception, reveal=self._reveal)
        if problem.status == MethodNotAllowed.status and request is not None:
            problem.headers.setdefault("Allow", ", ".join(allowed_methods(request)))
        if problem.status >= 500:
            where = f"{request.method} {request.path}" if request is not None else "a request that could not be read"
            identity = request_id(request) if request is not None else "-"
            logger.error("%s failed [request %s]", where, identity, exc_info=exception)
        if self._reveal and request is not None and wants_html(request):
            return self._page(request, problem, exception)
        return problem_response(problem, request)

    def _page(self, request: Request, problem: Problem, exception: Exception) -> HTTPResponse:
        document: dict[str, Any] = problem.to_dict(instance=request.path, request_id=request_id(request))
        unexpected = None if isinstance(exception, Problem) else exception
        body = error_page.render(document, unexpected, f"{request.method} {request.path}")
        headers = {**problem.headers, "Content-Security-Policy": error_page.CONTENT_SECURITY_POLICY}
        return HTTPResponse(body, problem.status, headers=headers, content_type="text/html; charset=utf-8")


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
