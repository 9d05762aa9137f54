"""The header fields that tell a browser to be careful, in every answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sanic.compat import Header

from velox.settings import Settings

__all__ = ["SECURITY_FIELDS", "SecurityHeaders", "security_fields"]

SECURITY_FIELDS: Final = (
    "Cross-Origin-Opener-Policy",
    "Referrer-Policy",
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
)
"""What an answer may have from here, unless it has it itself."""


def security_fields(settings: Settings) -> dict[str, str]:
    """What ``settings`` want in every answer, by name; ``Strict-Transport-Security`` is not among it."""
    fields = {
        "X-Content-Type-Options": settings.content_type_options,
        "X-Frame-Options": settings.frame_options,
        "Referrer-Policy": settings.referrer_policy,
        "Cross-Origin-Opener-Policy": settings.opener_policy,
    }
    return {name: value for name, value in fields.items() if value}


def transport_security(settings: Settings) -> dict[str, str]:
    """``Strict-Transport-Security`` (RFC 6797, section 6.1): production only, where a certificate is there to stay."""
    if not settings.production or not settings.hsts_s:
        return {}
    scope = "; includeSubDomains" if settings.hsts_subdomains else ""
    return {"Strict-Transport-Security": f"max-age={settings.hsts_s:.0f}{scope}"}


class SecurityHeaders:
    """The fields as bytes, made once.

    Args:
        settings: What is wanted.

    Attributes:
        looks_at_scheme: Whether it matters if a request came over TLS.
    """

    __slots__ = ("_plain", "_secure", "looks_at_scheme")

    def __init__(self, settings: Settings) -> None:
        plain = security_fields(settings)
        strict = transport_security(settings)
        self._plain = _Block(plain)
        # Over plain HTTP the field must not be sent (RFC 6797, section 7.2).
        self._secure = _Block(plain | strict)
        self.looks_at_scheme = bool(strict)

    def lines(self, headers: Mapping[str, Any] | None, *, secure: bool) -> bytes:
        """The lines of a head, without those that ``headers``, the response's own, have themselves.

        Args:
            headers: The response's own; ``None``: it has none of these.
            secure: Whether the request came over TLS.
        """
        block = self._secure if secure else self._plain
        return block.without(headers) if headers else block.whole

    def add_to(self, headers: Header, *, secure: bool) -> None:
        """Add them to ``headers``, for servers that write a head themselves."""
        block = self._secure if secure else self._plain
        for name, value in block.fields.items():
            headers.setdefault(name, value)


class _Block:
    """Fields, ready to be sent."""

    __slots__ = ("_lines", "_names", "fields", "whole")

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields = fields
        self._names = frozenset(map(str.lower, fields))
        self._lines = [(name, f"{name}: {value}\r\n".encode()) for name, value in fields.items()]
        self.whole = b"".join(line for _, line in self._lines)

    def without(self, headers: Mapping[str, Any]) -> bytes:
        if self._names.isdisjoint(map(str.lower, headers)):
            return self.whole
        return b"".join([line for name, line in self._lines if name not in headers])
