"""What every test may use."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest


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
