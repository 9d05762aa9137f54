"""For users' tests: an in-process client, databases that forget, a live server and a pytest plugin."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from velox.testing.client import TestClient
    from velox.testing.factories import Factory, factory
    from velox.testing.isolation import check_test_database, is_test_database, isolated
    from velox.testing.jobs import CapturedJob, Jobs
    from velox.testing.live_server import LiveServer
    from velox.testing.migrations import check_migrations
    from velox.testing.session import TestSession

__all__ = [
    "CapturedJob",
    "Factory",
    "Jobs",
    "LiveServer",
    "TestClient",
    "TestSession",
    "check_migrations",
    "check_test_database",
    "factory",
    "is_test_database",
    "isolated",
]

_HOMES = {
    "CapturedJob": "velox.testing.jobs",
    "Factory": "velox.testing.factories",
    "Jobs": "velox.testing.jobs",
    "LiveServer": "velox.testing.live_server",
    "TestClient": "velox.testing.client",
    "TestSession": "velox.testing.session",
    "check_migrations": "velox.testing.migrations",
    "check_test_database": "velox.testing.isolation",
    "factory": "velox.testing.factories",
    "is_test_database": "velox.testing.isolation",
    "isolated": "velox.testing.isolation",
}


def __getattr__(name: str) -> Any:
    # pytest imports this package in every run on the machine, also of projects that never heard of Velox.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
