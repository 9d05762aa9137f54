"""Guards: what a route asks of whoever calls it, beyond being signed in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from velox.auth.identity import Identity, Way
from velox.errors import Forbidden

__all__ = ["Guard", "only", "roles", "scopes", "signed_in"]


@dataclass(frozen=True, slots=True)
class Guard:
    """Conditions, all of which have to hold.

    Args:
        scopes: What a key has to be good for.
        roles: Of which the account has to have one; empty: it needs none.
        ways: The ways in that are taken; empty: all.
    """

    scopes: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    ways: frozenset[Way] = frozenset()

    def check(self, identity: Identity) -> None:
        """Let ``identity`` pass.

        Raises:
            Forbidden: It may not; the detail says what it lacks.
        """
        if self.ways and identity.way not in self.ways:
            raise Forbidden(f"This takes {listed(self.ways)}, not {identity.way}.")
        if not identity.may(self.scopes):
            missing = self.scopes.difference(identity.scopes or ())
            raise Forbidden(f"The key lacks the scope {listed(missing)}.")
        if self.roles and self.roles.isdisjoint(identity.account.roles):
            raise Forbidden(f"The account lacks the role {listed(self.roles)}.")


signed_in = Guard()
"""``guard=signed_in``: anybody with an account, in any way."""


def scopes(*names: str) -> Guard:
    """``guard=scopes("links:write")``: an API key needs all of them; who is signed in has them all."""
    return Guard(scopes=frozenset(names))


def roles(*names: str) -> Guard:
    """``guard=roles("admin")``: the account needs one of them."""
    return Guard(roles=frozenset(names))


def only(*ways: str) -> Guard:
    """``guard=only("key")``: one of these ways in: ``"bearer"``, ``"cookie"``, ``"key"``.

    Raises:
        ValueError: There is no such way.
    """
    return Guard(ways=frozenset(map(Way, ways)))


def listed(names: Iterable[str]) -> str:
    return " or ".join(sorted(names))
