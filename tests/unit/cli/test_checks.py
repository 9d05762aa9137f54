"""What doctor says of hosts and proxies."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from velox.cli.checks import examine

MAIN = """
from velox import Settings, Velox

def create_app(settings=None):
    return Velox("shop", settings or Settings())
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "main.py").write_text(MAIN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VELOX_PORT", "0")


def said(*, prod: bool = True) -> dict[str, str]:
    return {finding.text: finding.level for finding in examine(prod=prod)}


@pytest.mark.usefixtures("project")
def test_production_without_hosts_is_a_warning() -> None:
    findings = said()

    assert findings["the app answers to any host"] == "warn"
    assert findings["no proxy is trusted: a client is who has connected"] == "ok"


@pytest.mark.usefixtures("project")
def test_in_development_it_is_none() -> None:
    assert not any("host" in text and level != "ok" for text, level in said(prod=False).items())


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("name", "value", "text", "level"),
    [
        (
            "ALLOWED_HOSTS",
            "shop.example.com,*.shop.example.com",
            "answers to shop.example.com, *.shop.example.com",
            "ok",
        ),
        ("TRUSTED_PROXIES", "2", "trusted proxies: the last 2", "ok"),
        ("TRUSTED_PROXIES", "10.0.0.0/8", "trusted proxies: 10.0.0.0/8", "ok"),
        ("TRUSTED_PROXIES", "0.0.0.0/0", "anybody may say who the client is: 0.0.0.0/0 is trusted", "warn"),
        ("HSTS_S", "0", "browsers are not told to use HTTPS only (hsts_s is 0)", "warn"),
    ],
)
def test_each_setting_is_judged(monkeypatch: pytest.MonkeyPatch, name: str, value: str, text: str, level: str) -> None:
    monkeypatch.setenv(f"VELOX_{name}", value)

    assert level == said()[text]


@pytest.mark.usefixtures("project")
def test_budgets_that_cannot_be_had_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """More connections than a process may have files, a URL longer than its head, a certificate that is not there."""
    assert said(prod=False)["a worker may have 10000 connections"] == "ok"
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    for name, value in {
        "MAX_CONNECTIONS": "5000",
        "MAX_URL_BYTES": "9000",
        "SSL_CERTIFICATE": "nowhere.pem",
    }.items():
        monkeypatch.setenv(f"VELOX_{name}", value)
    findings = said(prod=False)
    assert findings["max_connections (5000) needs 5200 open files; a process may have 4096"] == "warn"
    assert findings["max_url_bytes (9000) is never reached: a head has 8192 bytes"] == "warn"
    assert findings["VX305 ssl_certificate nowhere.pem cannot be read: No such file or directory"] == "fail"
