"""Where a function is written, for messages."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from typing import Any

__all__ = ["location_of", "shortened"]


def location_of(fn: Callable[..., Any]) -> str:
    """``file:line`` of the definition of ``fn`` (a function, a class, a partial or a callable object), relative to the
    working directory when it lies below it.
    """
    while hasattr(fn, "func"):  # functools.partial
        fn = fn.func
    found = inspect.unwrap(fn)
    code = getattr(found, "__code__", None)
    if code is not None:
        return f"{shortened(code.co_filename)}:{code.co_firstlineno}"
    cls = found if inspect.isclass(found) else type(found)
    try:
        return f"{shortened(inspect.getfile(cls))}:{inspect.getsourcelines(cls)[1]}"
    except (OSError, TypeError):
        return repr(fn)


def shortened(path: str) -> str:
    """``path``, relative to the working directory when it lies below it."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative
