"""Velox: from nothing to a production API service, on Sanic and SQLModel.

The names here are what most apps import. They load on first use, so that ``import velox`` and the command line stay
light.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sanic import HTTPResponse as Response
    from sanic import Request

    from velox.app import Velox
    from velox.errors import (
        BadRequest,
        ConfigurationError,
        Conflict,
        FieldError,
        Forbidden,
        NotFound,
        Problem,
        ServiceUnavailable,
        Unauthorized,
        ValidationProblem,
    )
    from velox.extension import Extension
    from velox.http.preconditions import Preconditions
    from velox.routing.blueprint import Blueprint
    from velox.routing.markers import Body, Cookie, File, Form, Header, Path, Provide, Query
    from velox.routing.stream import EventStream, JsonLines, ServerSentEvent
    from velox.routing.upload import UploadFile
    from velox.settings import Settings

__all__ = [
    "BadRequest",
    "Blueprint",
    "Body",
    "ConfigurationError",
    "Conflict",
    "Cookie",
    "EventStream",
    "Extension",
    "FieldError",
    "File",
    "Forbidden",
    "Form",
    "Header",
    "JsonLines",
    "NotFound",
    "Path",
    "Preconditions",
    "Problem",
    "Provide",
    "Query",
    "Request",
    "Response",
    "ServerSentEvent",
    "ServiceUnavailable",
    "Settings",
    "Unauthorized",
    "UploadFile",
    "ValidationProblem",
    "Velox",
]

_HOMES = {
    "velox.app": ["Velox"],
    "velox.errors": [
        "BadRequest",
        "ConfigurationError",
        "Conflict",
        "FieldError",
        "Forbidden",
        "NotFound",
        "Problem",
        "ServiceUnavailable",
        "Unauthorized",
        "ValidationProblem",
    ],
    "velox.extension": ["Extension"],
    "velox.http.preconditions": ["Preconditions"],
    "velox.routing.blueprint": ["Blueprint"],
    "velox.routing.markers": ["Body", "Cookie", "File", "Form", "Header", "Path", "Provide", "Query"],
    "velox.routing.stream": ["EventStream", "JsonLines", "ServerSentEvent"],
    "velox.routing.upload": ["UploadFile"],
    "velox.settings": ["Settings"],
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name == "Request":
        value = import_module("sanic").Request
    elif name == "Response":
        value = import_module("sanic").HTTPResponse
    elif name in _HOME_OF:
        value = getattr(import_module(_HOME_OF[name]), name)
    else:
        raise AttributeError(f"module 'velox' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
