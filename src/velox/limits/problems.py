"""What a client is told that may not."""

from __future__ import annotations

from velox.errors import ServiceUnavailable, TooManyRequests

__all__ = ["QuotaExceeded", "ReducedCapacity"]


class QuotaExceeded(TooManyRequests):
    """429: more than a limit allows. ``violated-policies`` names it, ``Retry-After`` says when to come back."""

    title = "Quota exceeded"
    type = "https://iana.org/assignments/http-problem-types#quota-exceeded"


class ReducedCapacity(ServiceUnavailable):
    """503: it cannot be known whether a limit is kept, and this one may not be passed without."""

    title = "Temporary reduced capacity"
    type = "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity"
