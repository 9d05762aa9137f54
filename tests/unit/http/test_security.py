"""Headers that tell a browser to be careful."""

from __future__ import annotations

from typing import Any

import pytest
from sanic.compat import Header

from velox import Settings
from velox.http.security import SecurityHeaders

PLAIN = (
    b"X-Content-Type-Options: nosniff\r\n"
    b"X-Frame-Options: DENY\r\n"
    b"Referrer-Policy: same-origin\r\n"
    b"Cross-Origin-Opener-Policy: same-origin\r\n"
)


def headers(**settings: Any) -> SecurityHeaders:
    return SecurityHeaders(Settings.load(**settings))


def test_every_answer_has_them() -> None:
    assert PLAIN == headers().lines(Header(), secure=False)
    assert PLAIN == headers().lines(Header({"X-Other": "1"}), secure=False)


def test_a_response_keeps_its_own() -> None:
    own = Header({"x-frame-options": "SAMEORIGIN", "REFERRER-POLICY": "no-referrer"})

    assert (
        headers().lines(own, secure=False)
        == b"X-Content-Type-Options: nosniff\r\nCross-Origin-Opener-Policy: same-origin\r\n"
    )


def test_each_can_be_another_or_none() -> None:
    changed = headers(content_type_options="", frame_options="SAMEORIGIN", referrer_policy="", opener_policy="")

    assert changed.lines(Header(), secure=True) == b"X-Frame-Options: SAMEORIGIN\r\n"


def test_https_only_is_said_over_tls_in_production() -> None:
    production = headers(env="prod")

    assert production.looks_at_scheme
    assert PLAIN == production.lines(Header(), secure=False)
    assert production.lines(Header(), secure=True) == PLAIN + b"Strict-Transport-Security: max-age=31536000\r\n"
    assert PLAIN == production.lines(Header({"Strict-Transport-Security": "max-age=1"}), secure=True)


@pytest.mark.parametrize("settings", [{}, {"env": "test"}, {"env": "prod", "hsts_s": 0}])
def test_elsewhere_it_is_not(settings: dict[str, Any]) -> None:
    other = headers(**settings)

    assert not other.looks_at_scheme
    assert PLAIN == other.lines(Header(), secure=True)


def test_it_may_include_the_names_below() -> None:
    lines = headers(env="prod", hsts_s="2h", hsts_subdomains=True).lines(Header(), secure=True)

    assert lines.endswith(b"\r\nStrict-Transport-Security: max-age=7200; includeSubDomains\r\n")


def test_they_can_be_added_to_headers() -> None:
    own = Header({"x-frame-options": "SAMEORIGIN"})

    headers().add_to(own, secure=False)

    assert {
        "x-frame-options": "SAMEORIGIN",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
    } == dict(own)
