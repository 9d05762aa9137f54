"""``velox.testing`` hands its names on, lazily."""

from __future__ import annotations

import sys

import pytest

import velox.testing
from velox.errors import ConfigurationError


@pytest.mark.parametrize("name", velox.testing.__all__)
def test_each_public_name_is_there(name: str) -> None:
    assert getattr(velox.testing, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Clientele'"):
        velox.testing.Clientele  # noqa: B018


def test_without_httpx_the_client_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """VX701 instead of an ImportError from the depths."""
    monkeypatch.setitem(sys.modules, "httpx", None)
    monkeypatch.delitem(sys.modules, "velox.testing.client", raising=False)
    with pytest.raises(ConfigurationError, match=r"VX701 .*pip install 'velox-framework\[test\]'"):
        velox.testing.TestClient  # noqa: B018


def test_pytest_does_not_collect_the_client() -> None:
    assert velox.testing.TestClient.__test__ is False
