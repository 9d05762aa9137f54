"""Who asks, and how far that way in reaches."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from velox.auth.tables import Account

__all__ = ["Identity", "Way"]


class Way(StrEnum):
    """How somebody proved who they are."""

    BEARER = "bearer"
    """An access token (RFC 6750), of a sign-in that is not over."""
    COOKIE = "cookie"
    """A browser's session."""
    KEY = "key"
    """An API key."""


@dataclass(frozen=True, slots=True)
class Identity:
    """An account at the other end of a request.

    Args:
        account: The project's row, read with the request.
        way: How it got in.
        scopes: What the way in is limited to; ``None``: nothing, as when its owner is signed in.
        sign_in: The id of the sign-in, for a bearer or a cookie.
    """

    account: Account
    way: Way
    scopes: frozenset[str] | None = None
    sign_in: str | None = None

    @property
    def key(self) -> str:
        """The same for every request of the account: what limits and caches keep apart."""
        return f"account:{self.account.id}"

    def may(self, scopes: Collection[str]) -> bool:
        """Whether its way in reaches to all of ``scopes``."""
        return self.scopes is None or self.scopes.issuperset(scopes)
