"""Who makes a request, as far as limits and caches have to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Caller", "Identity"]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a request says it is from, and has proved.

    Attributes:
        user_id: The user's id.
        api_key_id: The API key's id (not the key).
        user: The user, for limits that depend on more than the id, such as a plan.
    """

    user_id: str | None = None
    api_key_id: str | None = None
    user: Any = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom a limit counts.

    Attributes:
        request: The request.
        ip: The client's address: the peer's, or what a trusted proxy says (``Settings.trusted_proxies``). An IPv6
            address stands for its /64, which is what one customer has: ``2001:db8::/64``.
        user_id, api_key_id, user: As in :class:`Identity`; ``None`` for nobody that is known.
    """

    request: Any
    ip: str
    user_id: str | None = None
    api_key_id: str | None = None
    user: Any = None

    @property
    def id(self) -> str:
        """``user:7``, else ``key:7``, else ``ip:192.0.2.1``."""
        if self.user_id is not None:
            return f"user:{self.user_id}"
        return f"key:{self.api_key_id}" if self.api_key_id is not None else f"ip:{self.ip}"
