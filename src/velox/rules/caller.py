"""Who makes a request, as far as limits have to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Caller"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom a limit counts.

    Attributes:
        request: The request.
        ip: The client's address: the peer's, or what a trusted proxy says (``Settings.trusted_proxies``). An IPv6
            address stands for its /64, which is what one customer has: ``2001:db8::/64``.
        identity: What ``app.identify`` says of the request; with accounts, :class:`velox.auth.Identity`, whose
            ``account`` is the project's row. ``None``: nobody that is known.
    """

    request: Any
    ip: str
    identity: Any = None

    @property
    def id(self) -> str:
        """The identity's key, else ``ip:192.0.2.1``."""
        return f"ip:{self.ip}" if self.identity is None else str(self.identity.key)
