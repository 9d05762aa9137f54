"""Results become responses."""

from __future__ import annotations

from sanic.response import BaseHTTPResponse, HTTPResponse

from velox.routing.result import JsonResponse


def test_a_json_response_is_what_sanic_would_have_made() -> None:
    """Every attribute that Sanic's own initialiser sets has the same value."""
    ours, sanics = JsonResponse(b"[1]", 201), HTTPResponse(b"[1]", 201, content_type="application/json")
    names = BaseHTTPResponse.__slots__
    assert {name: getattr(ours, name) for name in names} == {name: getattr(sanics, name) for name in names}
