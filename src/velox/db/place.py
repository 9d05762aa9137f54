"""Where in the user's own code something is done, however many libraries lie between."""

from __future__ import annotations

import asyncio
import sys
from functools import cache
from pathlib import Path
from types import CodeType, FrameType

import greenlet
import sqlalchemy
import sqlmodel

from velox.location import shortened

__all__ = ["caller", "is_library", "place_of", "user_place"]

# Frames of these are not where the user has written something.
_LIBRARIES = (
    str(Path(__file__).parent.parent),
    *(str(Path(module.__file__ or "").parent) for module in (sqlalchemy, sqlmodel, asyncio)),
)


def caller() -> FrameType:
    """The innermost frame that no library wrote, or the outermost of all."""
    frame = sys._getframe(2)
    while frame.f_back is not None and is_library(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def user_place() -> str | None:
    """``file:line`` of the innermost frame that no library wrote; ``None`` when only libraries are at work.

    SQLAlchemy runs drivers in a greenlet, whose stack begins anew: the rest of it is its parent's.
    """
    frame: FrameType | None = sys._getframe(1)
    current: greenlet.greenlet | None = greenlet.getcurrent()
    while frame is not None:
        while frame is not None:
            if not is_library(frame.f_code.co_filename):
                return place_of(frame.f_code, frame.f_lineno)
            frame = frame.f_back
        current = current.parent if current is not None else None
        frame = current.gr_frame if current is not None else None
    return None


@cache
def is_library(file: str) -> bool:
    """Whether ``file`` is Velox's, a dependency's or Python's own; of the latter only what calls for others."""
    return (
        file.startswith((*_LIBRARIES, "<"))
        or "site-packages" in file
        or file.endswith(("contextlib.py", "functools.py", "runpy.py", "/bin/velox", "/bin/pytest"))
    )


def place_of(code: CodeType, line: int) -> str:
    """``file:line``, short."""
    return f"{shortened(code.co_filename)}:{line}"
