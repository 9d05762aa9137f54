"""Who gets to see ``/metrics``, in an app without a server."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from velox import Velox
from velox.app.metering import is_near
from velox.testing import TestClient

MakeApp = Callable[..., Velox]


def asked(ip: str, **headers: str) -> Any:
    return SimpleNamespace(headers=headers, conn_info=SimpleNamespace(client_ip=ip))


@pytest.mark.parametrize(
    ("ip", "near"),
    [("127.0.0.1", True), ("10.1.2.3", True), ("::1", True), ("fe80::1%eth0", True), ("", True), ("1.2.3.4", False)],
)
def test_the_internet_is_not_near(ip: str, *, near: bool) -> None:
    """Private networks, this machine and its Unix sockets are."""
    assert near == is_near(asked(ip))


@pytest.mark.parametrize("name", ["forwarded", "via", "x-forwarded-for", "x-real-ip"])
def test_who_comes_through_a_proxy_is_not_near(name: str) -> None:
    """However near the proxy is."""
    assert not is_near(asked("127.0.0.1", **{name: "1.2.3.4"}))


async def test_metrics_are_not_documented(make_app: MakeApp) -> None:
    """They are the operator's; without a server there are figures too, of this process."""
    app = make_app(metrics=True)
    async with TestClient(app) as client:
        assert "http_requests_total" in (await client.get("/metrics")).text
        assert 404 == (await client.get("/metrics", headers={"X-Forwarded-For": "1.2.3.4"})).status_code
        assert "/metrics" not in app.openapi()["paths"]


async def test_an_outage_of_redis_is_one_more_whatever_happens_in_it(make_app: MakeApp) -> None:
    """Limits and caches share the client, and its breaker."""
    app = make_app(metrics=True, redis_url="redis://127.0.0.1:1/0")  # nobody listens there

    @app.get("/", limit="100/minute", cache="30s")
    async def root() -> int:
        return 1

    async with TestClient(app) as client:
        assert "velox_redis_outages_total 0" in (await client.get("/metrics")).text
        assert [(await client.get("/")).status_code for _ in range(3)] == [200] * 3
        assert "velox_redis_outages_total 1" in (await client.get("/metrics")).text
