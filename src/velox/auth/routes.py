"""The routes of accounts: register, sign in, stay signed in, leave, and get back in."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from sanic import HTTPResponse as Response

from velox.auth.apikeys import KeySecret
from velox.auth.bodies import (
    AddressBody,
    Credentials,
    KeyBody,
    NewKey,
    PublicKey,
    RefreshBody,
    SessionAnswer,
    TokenBody,
    Tokens,
    bodies,
)
from velox.auth.guards import only
from velox.auth.identity import Identity, Way
from velox.auth.lock import Lock
from velox.auth.tables import Account, ApiKey
from velox.db import Public, Reader, Session, col, select
from velox.errors import NotFound
from velox.routing.blueprint import Blueprint
from velox.rules import Caller, Policy

__all__ = ["auth_routes"]

OWNER = only("bearer", "cookie")
"""Keys do not make keys, and do not change passwords: what leaked must not dig itself in."""


def auth_routes(
    account: type[Account], url_prefix: str, ways: Collection[Way], min_password_length: int, limit: str
) -> Blueprint:
    """The blueprint ``auth``.

    Args:
        account: The project's table.
        url_prefix: What its paths begin with.
        ways: Which ways in there are: only their routes are made.
        min_password_length: Of a new password.
        limit: How often one address may try to get in, by all of these routes together.
    """
    auth = Blueprint("auth", url_prefix=url_prefix, cache=False)
    # When nobody can count, nobody gets in: an outage must not be the hour for trying passwords.
    attempts = Policy(limit, name="auth", by=by_address, on_store_failure="deny")
    add_passwords(auth, account, min_password_length, attempts)
    if Way.BEARER in ways:
        add_tokens(auth, attempts)
    if Way.COOKIE in ways:
        add_session(auth, attempts)
    if Way.KEY in ways:
        add_keys(auth)
    return auth


def by_address(caller: Caller) -> str:
    return f"ip:{caller.ip}"


def add_passwords(auth: Blueprint, account: type[Account], min_password_length: int, attempts: Policy) -> None:
    """Everything about the account itself."""
    registration, change, reset = bodies(account, min_password_length)

    @auth.post("/register", status=202, limit=attempts)
    async def register(body: registration, lock: Lock) -> None:  # type: ignore[valid-type]
        """Make an account.

        The answer is the same when the address has one already: its owner gets a letter instead.
        """
        await lock.register(body)

    @auth.get("/me")
    async def me(identity: Identity) -> Public[account]:  # type: ignore[valid-type]
        """The account that asks."""
        return identity.account

    @auth.post("/logout", guard=OWNER)
    async def logout(identity: Identity, lock: Lock) -> Response:
        """End this sign-in, at once and everywhere it is used."""
        await lock.sign_ins.end(identity.sign_in or "")
        response = Response(status=204)
        if identity.way is Way.COOKIE:
            set_cookie(response, lock, "", lifetime_s=0)
        return response

    @auth.post("/password", guard=OWNER, limit=attempts)
    async def change_password(body: change, identity: Identity, lock: Lock) -> None:  # type: ignore[valid-type]
        """Set a new password; all other sign-ins end."""
        given: Any = body
        account = await lock.authenticated(identity.account.email, given.password)
        await lock.set_password(account, given.new_password)
        await lock.sign_ins.end_all(account, but=identity.sign_in)

    @auth.post("/password/forgot", status=202, limit=attempts)
    async def forgot_password(body: AddressBody, lock: Lock) -> None:
        """Have a letter sent with which a new password can be set; if there is such an account."""
        await lock.forgot(body.email)

    @auth.post("/password/reset", limit=attempts)
    async def reset_password(body: reset, lock: Lock) -> None:  # type: ignore[valid-type]
        """Set a new password with the token of a letter, which is good once; all sign-ins end."""
        given: Any = body
        await lock.reset(given.token, given.password)

    @auth.post("/verify", limit=attempts)
    async def verify_address(body: TokenBody, lock: Lock) -> None:
        """Prove with the token of a letter that the address is yours."""
        await lock.verify(body.token)


def add_tokens(auth: Blueprint, attempts: Policy) -> None:
    @auth.post("/login", limit=attempts)
    async def login(body: Credentials, lock: Lock) -> Tokens:
        """Sign in with a password."""
        account = await lock.authenticated(body.email, body.password)
        return lock.tokens(*await lock.sign_ins.begin(account))

    @auth.post("/refresh")
    async def refresh(body: RefreshBody, lock: Lock) -> Tokens:
        """The next pair of tokens; a refresh token that was used before ends the sign-in."""
        found = await lock.sign_ins.refresh(body.refresh_token)
        if found is None:
            raise lock.identify.refusal("The refresh token is not valid, or no longer.", "invalid_grant")
        return lock.tokens(*found)


def add_session(auth: Blueprint, attempts: Policy) -> None:
    @auth.post("/session", limit=attempts)
    async def sign_in(body: Credentials, lock: Lock) -> Response:
        """Sign a browser in: the session is its cookie."""
        account = await lock.authenticated(body.email, body.password)
        started, _ = await lock.sign_ins.begin(account)
        answer = SessionAnswer(csrf_token=lock.cross_site.token(started.id))
        response = Response(answer.model_dump_json(), content_type="application/json")
        set_cookie(response, lock, lock.cookie(started), lifetime_s=lock.sign_ins.lifetime_s)
        return response


def add_keys(auth: Blueprint) -> None:
    @auth.get("/keys", guard=OWNER)
    async def list_keys(identity: Identity, db: Reader) -> list[PublicKey]:
        """Your API keys."""
        mine = select(ApiKey).where(ApiKey.account_id == identity.account.id, col(ApiKey.revoked_at).is_(None))
        return [shown(key) for key in await db.exec(mine.order_by(col(ApiKey.id)))]

    @auth.post("/keys", status=201, guard=OWNER)
    async def create_key(body: KeyBody, identity: Identity, db: Session) -> NewKey:
        """Make an API key; its text is in this answer, and nowhere else."""
        secret = KeySecret.new()
        days = body.expires_in_days
        key = ApiKey(
            account_id=identity.account.stored_id,
            prefix=secret.prefix,
            digest=secret.digest,
            name=body.name,
            scopes=body.scopes,
            expires_at=datetime.now(UTC) + timedelta(days=days) if days is not None else None,
        )
        return NewKey(key=secret.text, **shown(await db.add(key)).model_dump())

    @auth.delete("/keys/<key_id>", status=204, guard=OWNER)
    async def revoke_key(key_id: int, identity: Identity, db: Session) -> None:
        """End an API key, at once."""
        mine = select(ApiKey).where(ApiKey.id == key_id, ApiKey.account_id == identity.account.id)
        key = await db.one(mine.where(col(ApiKey.revoked_at).is_(None)), missing=NotFound("no such key"))
        key.revoked_at = datetime.now(UTC)


def set_cookie(response: Response, lock: Lock, value: str, lifetime_s: float) -> None:
    response.add_cookie(
        lock.cookie_name,
        value,
        secure=lock.cookie_is_secure,
        httponly=True,  # no script needs it, so none that got in can take it
        samesite="Lax",
        max_age=int(lifetime_s),
    )


def shown(key: ApiKey) -> PublicKey:
    return PublicKey.model_validate(key, from_attributes=True)
