"""The wire's settings and budgets are one thing with two names."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest

from velox import Settings
from velox._wire import WireSettings
from velox.errors import ConfigurationError
from velox.http.budgets import Budgets
from velox.http.front import Front
from velox.http.fronted import fronted
from velox.http.protocol import VeloxProtocol

ELSEWHERE = {
    "response_timeout_s": "Sanic's RESPONSE_TIMEOUT, which a Sanic user may set too",
    "websocket_max_bytes": "Sanic's WEBSOCKET_MAX_SIZE",
    "websocket_ping_s": "Sanic's WEBSOCKET_PING_INTERVAL and WEBSOCKET_PING_TIMEOUT",
    "server_header": "the protocol",
    "ssl_certificate": "the listening socket",
    "ssl_key": "the listening socket",
}
OTHER: dict[str, Any] = {
    "max_connections": 7,
    "max_head_bytes": 700,
    "max_url_bytes": 70,
    "max_header_fields": 7,
    "head_timeout_s": 7.0,
    "keep_alive_s": 7.0,
    "min_body_bytes_per_s": 7,
    "body_window_s": 7.0,
    "write_timeout_s": 7.0,
    "write_buffer_bytes": 7000,
    "read_ahead_bytes": 7000,
    "max_framing_bytes": 700,
    "max_discarded_bytes": 7,
    "max_compression_ratio": 7.0,
    "websocket_frames_per_s": 7,
    "websocket_compression": True,
}


def test_the_settings_defaults_are_the_budgets_defaults() -> None:
    assert Budgets() == Budgets.of(Settings())


@pytest.mark.parametrize("name", OTHER)
def test_each_setting_changes_one_budget(name: str) -> None:
    changed = asdict(Budgets.of(Settings(**{name: OTHER[name]})))
    assert [OTHER[name]] == [value for key, value in changed.items() if value != asdict(Budgets())[key]]


def test_no_setting_of_the_wire_is_forgotten() -> None:
    assert set(OTHER) | set(ELSEWHERE) == set(WireSettings.model_fields)


def test_a_protocol_with_budgets_of_its_own_keeps_them() -> None:
    class Patient(VeloxProtocol):
        __slots__ = ()
        budgets = replace(Budgets(), head_s=60.0)
        server_header = ""

    settings = Settings(head_timeout_s=1.0, server_header="shop")
    usual = fronted(VeloxProtocol, Front(settings), settings)
    own = fronted(Patient, Front(settings), settings)
    assert (1.0, "shop") == (usual.budgets.head_s, usual.server_header)
    assert (60.0, "") == (own.budgets.head_s, own.server_header)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("head_timeout_s", 0),
        ("response_timeout_s", 0),
        ("body_window_s", "0s"),
        ("write_timeout_s", float("inf")),
        ("keep_alive_s", -1),
        ("max_head_bytes", 10),
        ("max_url_bytes", "1MiB"),
        ("max_connections", 0),
        ("read_ahead_bytes", 0),
        ("max_compression_ratio", -1),
        ("server_header", "velox\r\nX-Evil: 1"),
    ],
)
def test_a_budget_that_would_refuse_everything_or_nothing_stops_the_start(name: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match="VX302") as mistake:
        Settings.load(**{name: value})
    assert name in mistake.value.message
