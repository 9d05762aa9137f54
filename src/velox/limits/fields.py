"""The header fields of the IETF draft "RateLimit header fields for HTTP" (draft-ietf-httpapi-ratelimit-headers-10), as
structured fields (RFC 9651).

    RateLimit-Policy: "links";q=100;w=60, "create_link";q=30;w=60
    RateLimit: "links";r=87;t=8, "create_link";r=0;t=2
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache

from velox.limits.hit import Decision
from velox.rules.rate import Rate

__all__ = ["current_field", "policy_field", "seconds"]


@lru_cache(1024)
def policy_field(policies: tuple[tuple[str, Rate], ...]) -> str:
    """``RateLimit-Policy`` of policies with these names."""
    return ", ".join(f"{quoted(name)};q={rate.count};{window(rate)}" for name, rate in policies)


def window(rate: Rate) -> str:
    """Of a rate its time, of a number at once the unit (draft, section 3.1.2)."""
    return 'qu="concurrent-requests"' if rate.is_concurrent else f"w={rate.window_s}"


def current_field(decisions: Iterable[tuple[str, Decision]]) -> str:
    """``RateLimit``: what is left of each, and for how long that holds: until it is whole again, or until the refused
    request would fit."""
    return ", ".join(
        f"{quoted(name)};r={each.remaining}"
        if each.allowed and not each.reset_s
        else f"{quoted(name)};r={each.remaining};t={math.ceil(each.reset_s if each.allowed else each.wait_s)}"
        for name, each in decisions
    )


@lru_cache(1024)
def quoted(text: str) -> str:
    """A structured field's string (RFC 9651, section 3.3.3)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def seconds(wait_s: float) -> str:
    """``Retry-After``: whole seconds, and not too early."""
    return str(max(1, math.ceil(wait_s)))
