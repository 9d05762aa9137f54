"""Where a function is written, for messages."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from typing import Any

__all__ = ["location_of"]


def location_of(fn: Callable[..., Any]) -> str:
    """``file:line`` of ``fn``'s definition, relative to the working directory when it lies below it."""
    code = getattr(inspect.unwrap(fn), "__code__", None)
    if code is None:
        return repr(fn)
    path = os.path.relpath(code.co_filename)
    return f"{code.co_filename if path.startswith('..') else path}:{code.co_firstlineno}"
