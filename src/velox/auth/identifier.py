"""From a request to who asks: the credentials that it brings, and the account that they are good for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from velox.auth.apikeys import KeySecret
from velox.auth.csrf import CrossSite
from velox.auth.identity import Identity, Way
from velox.auth.signins import alive
from velox.auth.tables import Account, ApiKey, SignIn
from velox.auth.tokens import InvalidToken, TokenSigner
from velox.db import Database, col, select
from velox.errors import Unauthorized

__all__ = ["ACCESS", "COOKIE", "Identifier"]

ACCESS: Final = "access"
COOKIE: Final = "cookie"
"""Purposes of tokens."""
NOTED_EVERY: Final = timedelta(minutes=1)
"""How exact ``last_used_at`` of a key is: a write for each request would be dearer than most requests."""


class Identifier:
    """Finds the account behind a request, once for each request.

    Args:
        account: The project's table.
        database: Where it is.
        signer: Reads tokens.
        cross_site: Checks requests with a cookie.
        cookie: The name of the session's cookie.
        realm: The app's name.
        scheme: The word before a token.
    """

    def __init__(
        self,
        account: type[Account],
        database: Database,
        signer: TokenSigner,
        cross_site: CrossSite,
        *,
        cookie: str,
        realm: str,
        scheme: str,
    ) -> None:
        self._account = account
        self._database = database
        self._signer = signer
        self._cross_site = cross_site
        self._cookie = cookie
        self._realm = realm
        self.scheme = scheme

    async def __call__(self, request: Any) -> Identity | None:
        """Who asks; ``None``: nobody who says so.

        Raises:
            Unauthorized: Credentials that are no good: somebody believes to be signed in, and has to learn otherwise.
            Forbidden: The request came from another site's page.
        """
        context = request.ctx
        if not hasattr(context, "velox_identity"):
            context.velox_identity = await self._identify(request)
        identity: Identity | None = context.velox_identity
        return identity

    async def required(self, request: Any) -> Identity:
        """Who asks.

        Raises:
            Unauthorized: Nobody says so, or as above.
        """
        identity = await self(request)
        if identity is None:
            challenge = f'{self.scheme} realm="{self._realm}"'
            raise Unauthorized("Sign in, or send an API key.", headers={"www-authenticate": challenge})
        return identity

    def refusal(self, detail: str, error: str = "invalid_token") -> Unauthorized:
        """The answer to credentials that are no good; ``error`` is a code of RFC 6750, section 3.1."""
        return Unauthorized(detail, headers={"www-authenticate": f'{self.scheme} error="{error}"'})

    async def _identify(self, request: Any) -> Identity | None:
        headers = request.headers
        authorization, key = headers.get("authorization"), headers.get("x-api-key")
        if authorization is not None:
            scheme, _, token = authorization.partition(" ")
            if scheme.lower() != self.scheme.lower():
                raise self.refusal(f"The Authorization field is none of the scheme {self.scheme}.")
            token = token.strip()
            return await (self._of_key(token) if token.startswith("vx_") else self._of_token(token))
        if key is not None:
            return await self._of_key(key.strip())
        cookie = request.cookies.get(self._cookie)
        return await self._of_cookie(request, cookie) if cookie else None

    async def _of_token(self, token: str) -> Identity:
        try:
            claims = self._signer.read(ACCESS, token)
        except InvalidToken:
            raise self.refusal("The access token is not valid, or no longer.") from None
        account = await self._signed_in(claims)
        if account is None:
            raise self.refusal("The sign-in is over.")
        return Identity(account, Way.BEARER, sign_in=claims["sid"])

    async def _of_cookie(self, request: Any, cookie: str) -> Identity | None:
        """As for a token; one that is no good is as none: a browser sends it whether its owner wants or not."""
        try:
            claims = self._signer.read(COOKIE, cookie)
        except InvalidToken:
            return None
        account = await self._signed_in(claims)
        if account is None:
            return None
        self._cross_site.check(request, claims["sid"])
        return Identity(account, Way.COOKIE, sign_in=claims["sid"])

    async def _signed_in(self, claims: Any) -> Account | None:
        """The account of a sign-in that is not over: a log-out works at once, not when its access tokens run out."""
        statement = (
            select(self._account)
            .join(SignIn, col(SignIn.account_id) == self._account.id)
            .where(SignIn.id == claims.get("sid"), *alive(), col(self._account.is_active))
        )
        async with self._database.reader() as db:
            return (await db.exec(statement)).one_or_none()

    async def _of_key(self, text: str) -> Identity:
        secret = KeySecret.parse(text)
        found = await self._key_and_account(secret.prefix) if secret is not None else None
        # One without the form of a key, or with an unknown prefix, is compared too: the time says nothing.
        known = found[0].digest if found else KeySecret("", "").digest
        if secret is None or not secret.matches(known) or found is None:
            raise self.refusal("The API key is not valid, or no longer.")
        key, account = found
        await self._note(key)
        return Identity(account, Way.KEY, scopes=frozenset(key.scopes))

    async def _key_and_account(self, prefix: str) -> tuple[ApiKey, Account] | None:
        now = datetime.now(UTC)
        statement = (
            select(ApiKey, self._account)
            .join(self._account, col(ApiKey.account_id) == self._account.id)
            .where(
                ApiKey.prefix == prefix,
                col(ApiKey.revoked_at).is_(None),
                col(ApiKey.expires_at).is_(None) | (col(ApiKey.expires_at) > now),
                col(self._account.is_active),
            )
        )
        async with self._database.reader() as db:
            return (await db.exec(statement)).one_or_none()

    async def _note(self, key: ApiKey) -> None:
        now = datetime.now(UTC)
        if key.last_used_at is None or now - key.last_used_at > NOTED_EVERY:
            async with self._database.session() as db:
                row = await db.get(ApiKey, key.id)
                if row is not None:
                    row.last_used_at = now
