"""Marks that say where a handler's parameter comes from, when its type alone does not.

Where they are written::

    async def read(
        item_id: int,                                        # in the path template: path
        q: str = "",                                         # a scalar: query
        token: Annotated[str, Header("X-Token")] = "",       # marked
        theme: Annotated[str | None, Cookie()] = None,       # marked
    ) -> Item: ...
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from velox.errors import ConfigurationError
from velox.location import shortened

__all__ = ["Body", "Cookie", "File", "Form", "Header", "Marker", "Path", "Provide", "Query"]


@dataclass(frozen=True, slots=True)
class Marker:
    """The common part of all marks.

    Args:
        name: The name on the wire. Default: the parameter's own (for a header, with ``-`` for ``_``).
    """

    name: str | None = None

    def __new__(cls, name: str | None = None, **more: Any) -> Self:
        """Refuse what other frameworks write into the mark: ConfigurationError VX201."""
        if more or not (name is None or isinstance(name, str)):
            caller = sys._getframe(1)
            file = caller.f_code.co_filename
            # A postponed annotation is no file's; who reads it knows its handler.
            place = "" if file.startswith("<") else f"{shortened(file)}:{caller.f_lineno}: "
            raise ConfigurationError(
                "VX201",
                f"{place}{cls.__name__} takes a name on the wire only, not {', '.join(more) or repr(name)}",
                hint=f"Write constraints beside it: Annotated[str, {cls.__name__}(), Field(min_length=3)], with"
                f" pydantic's Field; and a default behind it: q: Annotated[str, {cls.__name__}()] = 'x'",
            )
        return object.__new__(cls)


@dataclass(frozen=True, slots=True)
class Path(Marker):
    """A piece of the path, percent-decoded."""


@dataclass(frozen=True, slots=True)
class Query(Marker):
    """A query parameter, or with a pydantic model a group of them."""


@dataclass(frozen=True, slots=True)
class Header(Marker):
    """A request header; its name is not case-sensitive (RFC 9110, section 5.1)."""


@dataclass(frozen=True, slots=True)
class Cookie(Marker):
    """A cookie (RFC 6265)."""


@dataclass(frozen=True, slots=True)
class Body(Marker):
    """The whole JSON body."""


@dataclass(frozen=True, slots=True)
class Form(Marker):
    """A field of a form body (``application/x-www-form-urlencoded`` or ``multipart/form-data``), or a group of them."""


@dataclass(frozen=True, slots=True)
class File(Marker):
    """A file of a ``multipart/form-data`` body; implied by the type :class:`~velox.UploadFile`."""


@dataclass(frozen=True, slots=True)
class Provide:
    """What this parameter gets is made by ``fn``, whatever is registered for its type.

    Args:
        fn: A provider: a function or generator function, sync or async (see :meth:`velox.Velox.provide`).
    """

    fn: Callable[..., Any]
