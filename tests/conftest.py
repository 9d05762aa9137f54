"""What every test may use."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from velox import Velox

SECRET_KEY = "x0Vt7bJq2mZr9LwKc4Hs8PdYfG1nUeAa"  # random enough for production


@pytest.fixture
def require() -> Callable[[object, str], None]:
    """``require(condition, reason)``: skip when the machine lacks something, but fail where ``CI=true``.

    A gate that skips what it cannot check is green for the wrong reason.
    """

    def check(condition: object, reason: str) -> None:
        if condition:
            return
        if os.environ.get("CI") == "true":
            pytest.fail(f"needed in CI: {reason}")
        pytest.skip(reason)

    return check


@pytest.fixture
def make_app() -> Callable[..., Velox]:
    """``make_app(env=..., name=..., **settings)``: an app without routes, with a database of its own in memory."""
    from velox import Settings, Velox

    def make(name: str = "tested", **settings: Any) -> Velox:
        given = {"env": "test", "database_url": "sqlite:///:memory:", "secret_key": SECRET_KEY, **settings}
        return Velox(name, Settings(**given))

    return make


@pytest.fixture(autouse=True)
def _no_project_is_left() -> Iterator[None]:
    """Every project that a test writes calls its modules ``app`` or ``main``; the next one has its own."""
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] in {"app", "main"}]:
        del sys.modules[name]
