"""Hosts, proxies and security headers on a real socket, under Velox's protocol and under Sanic's."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.http.front.conftest import Server, Start

PLAIN = {
    "x-content-type-options": ["nosniff"],
    "x-frame-options": ["DENY"],
    "referrer-policy": ["same-origin"],
    "cross-origin-opener-policy": ["same-origin"],
    "strict-transport-security": [],
}


@pytest.fixture(scope="module", params=["velox", "sanic"])
def server(request: pytest.FixtureRequest, start: Start, folder: Path) -> Server:
    """In production, behind proxies of two networks, under two names."""
    return start(
        request.param,
        folder,
        VELOX_ENV="prod",
        VELOX_ALLOWED_HOSTS="127.0.0.1, *.example.com",
        VELOX_TRUSTED_PROXIES="127.0.0.0/8, 10.0.0.0/8",
    )


@pytest.fixture(scope="module", params=["velox", "sanic"])
def bare(request: pytest.FixtureRequest, start: Start, folder: Path) -> Server:
    """With no settings at all."""
    return start(request.param, folder)


@pytest.mark.parametrize(
    "target", ["/who", "/missing", "/fail", "/static/hello.txt", "/static/big.bin", "/health/live"]
)
def test_every_answer_has_the_security_headers_once(bare: Server, target: str) -> None:
    answer = bare.get(target)

    assert PLAIN == {name: answer.all(name) for name in PLAIN}


def test_a_handlers_own_header_wins(server: Server) -> None:
    own, pieces = server.get("/own", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https"), server.get("/pieces")

    assert ["SAMEORIGIN"] == own.all("x-frame-options")
    assert ["max-age=1"] == own.all("strict-transport-security")
    assert ["nosniff"] == own.all("x-content-type-options")
    assert ["no-referrer"] == pieces.all("referrer-policy")
    assert ["DENY"] == pieces.all("x-frame-options")


def test_https_only_is_told_to_clients_that_came_over_tls(server: Server) -> None:
    secure = ("X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https")

    for target in ("/who", "/missing", "/static/hello.txt"):
        assert ["max-age=31536000"] == server.get(target, *secure).all("strict-transport-security")
        assert [] == server.get(target, secure[0], "X-Forwarded-Proto: http").all("strict-transport-security")
        assert [] == server.get(target).all("strict-transport-security")


@pytest.mark.parametrize("target", ["/who", "/missing", "/static/hello.txt"])
@pytest.mark.parametrize("host", ["evil.net", "example.com", "127.0.0.1.evil.net", "xexample.com:80"])
def test_another_host_is_a_400_problem(server: Server, target: str, host: str) -> None:
    answer = server.get(target, f"Host: {host}")

    assert answer.status == 400
    assert ["application/problem+json"] == answer.all("content-type")
    assert "host" in answer.json()["detail"]


@pytest.mark.parametrize("host", ["A.example.com", "a.b.example.com:8443", "127.0.0.1:1"])
def test_the_apps_own_hosts_are_served(server: Server, host: str) -> None:
    assert host == server.get("/who", f"Host: {host}").json()["host"]


def test_probes_come_by_address(server: Server) -> None:
    assert server.get("/health/ready", "Host: 10.1.2.3:8000").status == 200


def test_all_that_sanic_says_of_the_client_agrees(server: Server) -> None:
    sent = (
        "X-Forwarded-For: 6.6.6.6, 1.2.3.4, 10.1.1.1",
        "X-Forwarded-Proto: ftp, https, http",
        "X-Forwarded-Host: evil.net, a.example.com, inner",
    )

    assert {
        "ip": "127.0.0.1",
        "remote_addr": "1.2.3.4",
        "client_ip": "1.2.3.4",
        "scheme": "https",
        "host": "a.example.com",
    } == server.get("/who", *sent).json()


def test_without_settings_nobody_is_believed_and_any_host_is_right(bare: Server) -> None:
    sent = (
        "Host: any.net",
        "X-Forwarded-For: 6.6.6.6",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: evil.net",
        "X-Real-IP: 6.6.6.6",
        "Forwarded: for=6.6.6.6;proto=https;host=evil.net",
    )

    assert {
        "ip": "127.0.0.1",
        "remote_addr": "",
        "client_ip": "127.0.0.1",
        "scheme": "http",
        "host": "any.net",
    } == bare.get("/who", *sent).json()


def test_direct_tls_is_seen(
    start: Start, tmp_path_factory: pytest.TempPathFactory, require: Callable[[object, str], None]
) -> None:
    require(shutil.which("openssl"), "openssl makes the certificate")
    folder = tmp_path_factory.mktemp("tls") / "www"
    folder.mkdir()
    (folder / "hello.txt").write_text("hello")
    names = ["-keyout", str(folder.parent / "key.pem"), "-out", str(folder.parent / "cert.pem")]
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run([*make, *names, "-subj", "/CN=localhost"], check=True, capture_output=True)
    server = start("tls", folder, VELOX_ENV="prod")

    answer = server.get("/who", "X-Forwarded-Proto: http")

    assert answer.json()["scheme"] == "https"
    assert ["max-age=31536000"] == answer.all("strict-transport-security")
