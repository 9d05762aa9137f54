"""Every error that Velox raises, as one tree.

The tree, with the status of each problem::

    VeloxError
    ├── ConfigurationError      the developer's mistake: a code, what is wrong, where, and what to do
    └── Problem                 an HTTP answer (RFC 9457, Problem Details for HTTP APIs)
        ├── BadRequest             400
        ├── Unauthorized           401
        ├── Forbidden              403
        ├── NotFound               404
        ├── MethodNotAllowed       405
        ├── NotAcceptable          406
        ├── Conflict               409
        ├── Gone                   410
        ├── PreconditionFailed     412
        ├── ContentTooLarge        413
        ├── UnsupportedMediaType   415
        ├── ValidationProblem      422
        ├── PreconditionRequired   428
        ├── TooManyRequests        429
        ├── InternalServerError    500
        └── ServiceUnavailable     503
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar

__all__ = [
    "CODES",
    "EXIT_CONFIGURATION",
    "EXIT_FAILURE",
    "EXIT_USAGE",
    "BadRequest",
    "ConfigurationError",
    "Conflict",
    "ContentTooLarge",
    "FieldError",
    "Forbidden",
    "Gone",
    "InternalServerError",
    "MethodNotAllowed",
    "NotAcceptable",
    "NotFound",
    "PreconditionFailed",
    "PreconditionRequired",
    "Problem",
    "ServiceUnavailable",
    "TooManyRequests",
    "Unauthorized",
    "UnsupportedMediaType",
    "ValidationProblem",
    "VeloxError",
    "phrase",
]

EXIT_FAILURE = 1
"""The command could not do its work."""
EXIT_USAGE = 2
"""The command line itself was wrong."""
EXIT_CONFIGURATION = 78
"""``EX_CONFIG`` of BSD's sysexits.h: production refuses to start as it is configured."""

CODES: Mapping[str, str] = {
    # VX1xx finding and starting the app
    "VX101": "no app factory was found",
    "VX102": "the port is in use",
    "VX103": "the app could not be imported",
    "VX104": "the app factory failed",
    "VX105": "a start-up step failed",
    "VX106": "an option has a wrong value",
    "VX107": "the workers keep dying",
    "VX108": "no running server was found",
    # VX2xx routes and handler signatures
    "VX201": "a handler's parameter has no source",
    "VX202": "a type is not supported here",
    "VX203": "a table class is used as a request body",
    "VX204": "two handlers answer the same method and path",
    "VX205": "the path and the signature name different parameters",
    "VX206": "a handler reads two bodies",
    "VX207": "a provider is missing, ambiguous or circular",
    "VX208": "a feature folder could not be imported",
    "VX209": "two routes or two blueprints have the same name",
    "VX210": "a security scheme is unknown",
    "VX211": "a route has an option that is none, or with a wrong value",
    "VX212": "a route has a guard, and the app has no accounts",
    # VX3xx settings
    "VX301": "a setting is unknown",
    "VX302": "a setting has a wrong value",
    "VX303": "the secret key is not fit for production",
    "VX304": "a settings file cannot be read",
    "VX305": "the TLS certificate or its key cannot be used",
    # VX4xx the database
    "VX401": "the database URL is not supported",
    "VX402": "the database cannot be reached",
    "VX403": "a model is not fit for its use",
    "VX404": "a migration is missing or cannot be read",
    "VX405": "there are several newest migrations",
    "VX406": "models, migrations and database differ",
    "VX407": "a migration failed",
    "VX408": "a new migration does not work",
    "VX409": "the database is behind its migrations",
    "VX410": "a change of the models needs a decision",
    "VX411": "another process is migrating",
    "VX412": "the database's content is not touched",
    "VX413": "a dump cannot be read or loaded",
    "VX414": "there is no seed",
    "VX415": "a backup failed",
    "VX440": "there is no plan to show",
    "VX441": "a change is not made to see its plan",
    "VX442": "a workload cannot be read",
    "VX443": "no statement was observed",
    "VX444": "a copy of the database cannot be made",
    "VX445": "no valid row can be made up",
    "VX416": "a resource cannot be made of the model",
    "VX417": "a resource names a field or relationship that it cannot use",
    "VX430": "a database that a model or a setting names is not there",
    "VX431": "tables of two databases are to be connected",
    "VX432": "a unit of work would write to two databases",
    "VX433": "a statement does not say which shard it is for",
    "VX434": "a statement cannot be answered from several shards",
    "VX435": "a sharded model is not fit for its use",
    "VX436": "a row does not belong where it is to be written",
    "VX437": "the map of the shards and the settings differ",
    "VX438": "buckets cannot be moved",
    "VX460": "a database cannot be promoted",
    "VX461": "the target of a promotion has other content",
    "VX462": "a row does not fit into another kind of database",
    "VX463": "a copy is not what the database is",
    # VX5xx writing projects and apps
    "VX501": "the name is not valid",
    "VX502": "files are in the way",
    "VX503": "a field is not understood",
    "VX504": "this is not a Velox project",
    "VX505": "a file cannot be written",
    # VX6xx testing
    "VX601": "the database is not a test database",
    # VX7xx what a command needs
    "VX701": "an optional package is missing",
    "VX702": "the OpenAPI document differs from the file",
    "VX703": "no handler answers that URL",
    "VX704": "there is no such account or key, or one already",
    "VX705": "an idempotent route cannot store its answers",
    "VX706": "the table for idempotency keys is missing",
    # VX8xx services beside the app
    "VX801": "the Redis URL cannot be read",
    # VX9xx tasks and jobs
    "VX901": "a task has an option with a wrong value",
    "VX902": "two tasks have the same name",
    "VX903": "a task's parameter cannot be filled",
    "VX904": "a table for jobs is missing",
    "VX905": "the app has no tasks",
    "VX906": "no such job, or not one in such a state",
    # VX81x models
    "VX811": "the model or its version does not exist",
    "VX812": "an artifact is not what was published",
    "VX813": "a model, version or alias has no valid name",
    "VX814": "the installed libraries do not fit the model",
    "VX815": "the data cannot be used",
    "VX816": "the model cannot be used",
    "VX817": "the model takes too long, or too much memory, to be loaded",
    "VX818": "a canary has no valid percentage",
    "VX819": "the rows cannot be scored",
}
"""Every code that a command can print, with its meaning. The reference page is written from this table."""


class VeloxError(Exception):
    """The root of everything that Velox raises on purpose."""


class ConfigurationError(VeloxError):
    """The developer's mistake, found at start-up or by a command.

    Args:
        code: A key of :data:`CODES`.
        message: What is wrong and where (a setting's name, or ``file:line``), without a full stop.
        hint: What to do about it.
        exit_code: What a command exits with because of it.
    """

    def __init__(self, code: str, message: str, *, hint: str, exit_code: int = EXIT_FAILURE) -> None:
        super().__init__(f"{code} {message}. {hint}")
        self.code = code
        self.message = message
        self.hint = hint
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong input of a request: either inside the body or a parameter.

    Exactly one of ``pointer`` (a JSON Pointer into the body, RFC 6901; ``""`` is the whole body) and
    ``parameter`` (``"query.limit"``, ``"path.id"``, ``"header.x-token"``, ``"cookie.theme"``) is set.
    """

    message: str
    code: str
    pointer: str | None = None
    parameter: str | None = None

    def to_dict(self) -> dict[str, str]:
        place = {"pointer": self.pointer} if self.pointer is not None else {"parameter": self.parameter or ""}
        return {**place, "message": self.message, "code": self.code}


class Problem(VeloxError):
    """An error answer: raise it in a handler and the client gets ``application/problem+json`` (RFC 9457).

    Args:
        detail: What went wrong this time, for the client to read. ``None`` leaves it out.
        title: A short summary of the kind of problem. Default: the status' own phrase.
        type: A URI that names the kind of problem. Default ``"about:blank"``: the status says it all.
        errors: The wrong fields, for a problem of validation.
        headers: Headers to send along (``Retry-After``, ``WWW-Authenticate``, ...).
        extensions: Further members of the problem document (RFC 9457, section 3.2).

    Subclasses set :attr:`status`; a project's own problems subclass these.
    """

    status: ClassVar[int] = 500
    title: str = ""
    type: str = "about:blank"

    def __init__(
        self,
        detail: str | None = None,
        *,
        title: str | None = None,
        type: str | None = None,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        extensions: Mapping[str, Any] | None = None,
    ) -> None:
        self.title = title or self.title or phrase(self.status)
        self.type = type or self.type
        super().__init__(detail or self.title)
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.extensions = dict(extensions or {})

    def to_dict(self, *, instance: str | None = None, request_id: str | None = None) -> dict[str, Any]:
        """The problem document's members, in RFC 9457's order; absent ones are left out."""
        document: dict[str, Any] = {"type": self.type, "title": self.title, "status": self.status}
        optional = {"detail": self.detail, "instance": instance, "request_id": request_id}
        document.update((name, value) for name, value in optional.items() if value is not None)
        if self.errors:
            document["errors"] = [error.to_dict() for error in self.errors]
        return {**self.extensions, **document}


def phrase(status: int) -> str:
    """The reason phrase of ``status`` in RFC 9110's words, which CPython 3.11 does not use for all yet."""
    return {413: "Content Too Large", 422: "Unprocessable Content"}.get(status) or HTTPStatus(status).phrase


class BadRequest(Problem):
    """400: the request cannot be understood (malformed JSON, for one)."""

    status = 400


class Unauthorized(Problem):
    """401: the client has to say who it is. RFC 9110 wants a ``WWW-Authenticate`` header with it."""

    status = 401


class Forbidden(Problem):
    """403: we know who it is, and it may not."""

    status = 403


class NotFound(Problem):
    """404: there is nothing here."""

    status = 404


class MethodNotAllowed(Problem):
    """405: there is something here, but not for this method; ``Allow`` names those that work."""

    status = 405


class NotAcceptable(Problem):
    """406: none of the media types that the client accepts can be made."""

    status = 406


class Conflict(Problem):
    """409: the request does not fit the present state (a taken name, a lost race)."""

    status = 409


class Gone(Problem):
    """410: it was here and will not come back."""

    status = 410


class PreconditionFailed(Problem):
    """412: a precondition (``If-Match``, ``If-Unmodified-Since``) does not hold."""

    status = 412


class ContentTooLarge(Problem):
    """413: the body is over its size limit."""

    status = 413


class UnsupportedMediaType(Problem):
    """415: the body's media type or coding is not one that the handler reads."""

    status = 415


class ValidationProblem(Problem):
    """422: the request was understood, and its ``errors`` say which fields are wrong and why."""

    status = 422
    title = "Validation failed"


class PreconditionRequired(Problem):
    """428: the request has to say which version it changes (``If-Match``)."""

    status = 428


class TooManyRequests(Problem):
    """429: over a rate limit; ``Retry-After`` says when to come back."""

    status = 429


class InternalServerError(Problem):
    """500: our fault. The client learns the request id, the log the rest."""

    status = 500


class ServiceUnavailable(Problem):
    """503: not now (starting, draining, or an engine is down)."""

    status = 503
