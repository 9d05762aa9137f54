"""Sign-ins: begun with a password, kept alive by refresh tokens of which each is good once, and ended.

begin                     refresh with the newest token
  │   ┌──────────────────────────────────────┐
  ▼   ▼                                      │
 alive ──────────────────────────────────────┘
  │ logout · new password · out of time · an older token comes again: somebody has a copy
  ▼
 ended
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from velox.auth.tables import Account, SignIn
from velox.db import Database, col, select

__all__ = ["SignIns"]


class SignIns:
    """The sign-ins of one app's accounts.

    Args:
        database: Where they are. Each step is a transaction of its own: what ends a stolen sign-in must stay written
            although the request ends with a problem.
        lifetime_s: How long one lasts after it was last refreshed.
    """

    def __init__(self, database: Database, lifetime_s: float) -> None:
        self._database = database
        self.lifetime_s = lifetime_s

    async def begin(self, account: Account) -> tuple[SignIn, str]:
        """A new sign-in and its first refresh token."""
        secret = secrets.token_urlsafe(32)
        sign_in = SignIn(
            id=secrets.token_hex(16), account_id=account.stored_id, digest=digest(secret), expires_at=self._end()
        )
        async with self._database.session() as db:
            await db.add(sign_in)
        return sign_in, f"{sign_in.id}.{secret}"

    async def refresh(self, token: str) -> tuple[SignIn, str] | None:
        """The sign-in of ``token``, which is used up, and the next one; ``None`` when it is not good.

        A token that was used before ends its sign-in: its owner and a thief have the same one, and nobody can tell
        which of them came first (RFC 9700, section 4.14.2).
        """
        id_, _, secret = token.partition(".")
        async with self._database.session() as db:
            sign_in = (await db.exec(select(SignIn).where(SignIn.id == id_, *alive()).with_for_update())).one_or_none()
            if sign_in is None:
                return None
            if not hmac.compare_digest(sign_in.digest, digest(secret)):
                sign_in.ended_at = datetime.now(UTC)
                await db.add(sign_in)
                return None
            secret = secrets.token_urlsafe(32)
            sign_in.digest = digest(secret)
            sign_in.refreshed_at = datetime.now(UTC)
            sign_in.expires_at = self._end()
            await db.add(sign_in)
        return sign_in, f"{id_}.{secret}"

    async def end(self, id_: str) -> None:
        """End one; its access tokens are over with it."""
        await self._end_where(SignIn.id == id_)

    async def end_all(self, account: Account, *, but: str | None = None) -> None:
        """End all of an account's, except the one with the id ``but``."""
        await self._end_where(SignIn.account_id == account.id, col(SignIn.id) != (but or ""))

    async def _end_where(self, *conditions: Any) -> None:
        async with self._database.session() as db:
            for sign_in in await db.exec(select(SignIn).where(*conditions, *alive())):
                sign_in.ended_at = datetime.now(UTC)

    def _end(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.lifetime_s)


def alive() -> tuple[Any, ...]:
    """The conditions that a sign-in is not over."""
    return col(SignIn.ended_at).is_(None), SignIn.expires_at > datetime.now(UTC)


def digest(secret: str) -> str:
    """SHA-256: the secret has 256 bits, and needs no slow digest."""
    return hashlib.sha256(secret.encode()).hexdigest()
