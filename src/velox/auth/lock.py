"""``Lock``: what the accounts of one app do while it runs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import BaseModel

from velox.auth.bodies import Tokens
from velox.auth.csrf import CrossSite
from velox.auth.delivery import Delivery, Letter
from velox.auth.identifier import ACCESS, COOKIE, Identifier
from velox.auth.passwords import PasswordHasher
from velox.auth.signins import SignIns
from velox.auth.tables import Account, SignIn
from velox.auth.tokens import InvalidToken, TokenSigner
from velox.db import Database, select
from velox.errors import ConfigurationError, Conflict, Forbidden

__all__ = ["Lock", "lock_of"]

RESET: Final = "reset"
RESET_LIFETIME_S: Final = 3600.0
VERIFY: Final = "verify"
VERIFY_LIFETIME_S: Final = 3 * 86_400.0
"""Purposes of the tokens in letters, and how long they are good."""


@dataclass(frozen=True, slots=True)
class Lock:
    """The parts of :class:`~velox.auth.Accounts`, put together for one app."""

    account: type[Account]
    database: Database
    hasher: PasswordHasher
    signer: TokenSigner
    sign_ins: SignIns
    cross_site: CrossSite
    identify: Identifier
    delivery: Delivery
    cookie_name: str
    cookie_is_secure: bool
    access_lifetime_s: float

    async def find(self, email: str) -> Account | None:
        """The account with that address."""
        async with self.database.reader() as db:
            return (await db.exec(select(self.account).where(self.account.email == email.lower()))).one_or_none()

    async def get(self, id_: str) -> Account | None:
        """The account with that id, as tokens have it."""
        async with self.database.reader() as db:
            return await db.get(self.account, int(id_))

    async def create(self, email: str, password: str, **columns: Any) -> Account:
        """Make an account and hash its password.

        Raises:
            Conflict: The address is taken, or another unique value; ``errors`` names it.
        """
        digest = await self.hasher.hash(password)
        async with self.database.session() as db:
            return await db.add(self.account(**columns, email=email.lower(), password_digest=digest))

    async def register(self, body: BaseModel) -> None:
        """Make the account of a registration, or write to whoever has the address.

        Raises:
            Conflict: A unique value of the project's own columns is taken.
        """
        columns = {name: getattr(body, name) for name in body.model_fields_set - {"email", "password"}}
        email: str = getattr(body, "email")  # noqa: B009 - of a model made at run time
        try:
            account = await self.create(email, getattr(body, "password"), **columns)  # noqa: B009 - as above
        except Conflict:
            owner = await self.find(email)
            if owner is None:  # another column's value is taken
                raise
            self.delivery.post(Letter("taken", owner))
        else:
            token = self.signer.issue(VERIFY, str(account.id), VERIFY_LIFETIME_S, email=account.email)
            self.delivery.post(Letter("verify", account, token))

    async def verify(self, token: str) -> None:
        """Note that an address is its owner's.

        Raises:
            Forbidden: The token is not good.
        """
        account, claims = await self._of_letter(VERIFY, token)
        if claims["email"] != account.email:
            raise unusable()
        await self.change(account, verified_at=datetime.now(UTC))

    async def forgot(self, email: str) -> None:
        """Write to the owner of ``email``, if it has one."""
        account = await self.find(email)
        if account is not None and account.is_active:
            token = self.signer.issue(RESET, str(account.id), RESET_LIFETIME_S, fits=fingerprint(account))
            self.delivery.post(Letter("reset", account, token))

    async def reset(self, token: str, password: str) -> None:
        """Set a new password, which makes ``token`` useless, and end all sign-ins.

        Raises:
            Forbidden: The token is not good.
        """
        account, claims = await self._of_letter(RESET, token)
        if claims["fits"] != fingerprint(account) or not account.is_active:
            raise unusable()
        await self.set_password(account, password)
        await self.sign_ins.end_all(account)

    async def authenticated(self, email: str, password: str) -> Account:
        """The account that ``password`` opens.

        Raises:
            Unauthorized: It does not, or there is no such account, or it is not active: which one is not said, and
                takes the same time.
        """
        account = await self.find(email)
        fits = await self.hasher.verify(account.password_digest if account else None, password)
        if account is None or not fits or not account.is_active:
            raise self.identify.refusal("The address or the password is wrong.", "invalid_grant")
        if self.hasher.is_outdated(account.password_digest):
            await self.set_password(account, password)
        return account

    async def set_password(self, account: Account, password: str) -> None:
        """Store the digest of ``password``."""
        await self.change(account, password_digest=await self.hasher.hash(password))

    def tokens(self, sign_in: SignIn, refresh_token: str) -> Tokens:
        """What a client of ``sign_in`` gets."""
        access = self.signer.issue(ACCESS, str(sign_in.account_id), self.access_lifetime_s, sid=sign_in.id)
        return Tokens(
            access_token=access,
            refresh_token=refresh_token,
            token_type=self.identify.scheme,
            expires_in=int(self.access_lifetime_s),
        )

    def cookie(self, sign_in: SignIn) -> str:
        """The value of a browser's cookie for ``sign_in``."""
        return self.signer.issue(COOKIE, str(sign_in.account_id), self.sign_ins.lifetime_s, sid=sign_in.id)

    async def _of_letter(self, purpose: str, token: str) -> tuple[Account, Any]:
        try:
            claims = self.signer.read(purpose, token)
        except InvalidToken:
            raise unusable() from None
        account = await self.get(claims["sub"])
        if account is None:
            raise unusable()
        return account, claims

    async def change(self, account: Account, **columns: Any) -> None:
        async with self.database.session() as db:
            row = await db.get(self.account, account.id)
            for name, value in columns.items() if row is not None else ():
                setattr(row, name, value)


def lock_of(app: Any) -> Lock:
    """The lock of a Velox app.

    Raises:
        ConfigurationError: VX212, it has no accounts.
    """
    lock = getattr(app.ctx, "lock", None)
    if not isinstance(lock, Lock):
        raise ConfigurationError(
            "VX212", f"the app {app.name} has no accounts", hint="Add them: velox makeapp users --auth"
        )
    return lock


def unusable() -> Forbidden:
    return Forbidden("The token is not valid, or no longer. Ask for another letter.")


def fingerprint(account: Account) -> str:
    """What a token that sets a password is bound to: the password before, so that it is good once."""
    return hashlib.sha256(account.password_digest.encode()).hexdigest()[:32]
