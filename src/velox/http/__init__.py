"""The wire: a strict and fast HTTP/1.1 protocol for Sanic applications, and the processes that serve it.

The names load on first use: a server hears signals before it imports anything heavy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from velox.http.budgets import Budgets
    from velox.http.protocol import VeloxProtocol

__all__ = ["Budgets", "VeloxProtocol"]

_HOMES = {"Budgets": "velox.http.budgets", "VeloxProtocol": "velox.http.protocol"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
