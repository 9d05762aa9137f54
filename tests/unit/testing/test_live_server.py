"""A live server that cannot serve says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from velox.errors import ConfigurationError
from velox.testing import LiveServer


def test_a_server_that_ends_at_once_tells_what_it_printed(tmp_path: Path) -> None:
    """No app factory in the directory: VX105, with the command's own message inside."""
    server = LiveServer(directory=tmp_path)
    with pytest.raises(ConfigurationError, match=r"VX105 the live server ended with exit code 1(?s:.*)VX101") as caught:
        server.__enter__()
    assert caught.value.code == "VX105"


def test_a_server_that_never_gets_ready_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And its process is gone afterwards."""
    monkeypatch.setattr("velox.testing.live_server.START_TIMEOUT_S", 0.0)
    (tmp_path / "main.py").write_text(
        "from velox import Settings, Velox\n"
        "def create_app(settings: Settings | None = None) -> Velox:\n"
        "    return Velox('slow', settings or Settings(database_url='sqlite://'))\n"
    )
    server = LiveServer(directory=tmp_path)
    with pytest.raises(ConfigurationError, match="was not ready within 0 s"):
        server.__enter__()
    assert server.process.poll() is not None
