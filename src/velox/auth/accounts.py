"""``Accounts``: everything about signing in, for a project's own table of users."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from velox.auth.csrf import CrossSite
from velox.auth.delivery import Delivery, Letter
from velox.auth.identifier import Identifier
from velox.auth.identity import Way
from velox.auth.keys import KeyRing
from velox.auth.layers import SCHEMES, guarding
from velox.auth.lock import Lock
from velox.auth.passwords import MIN_PASSWORD_LENGTH, PasswordHasher
from velox.auth.providers import current_identity
from velox.auth.routes import auth_routes
from velox.auth.signins import SignIns
from velox.auth.tables import Account
from velox.auth.tokens import TokenSigner
from velox.units import parse_duration

__all__ = ["Accounts"]

Deliver = TypeVar("Deliver", bound=Callable[[Letter], Awaitable[None] | None])


class Accounts:
    """Registration, passwords, sign-ins and API keys of ``account``, a table of the project's own.

    One object at module level of a feature folder is found by ``app.discover(...)``, and serves any number of apps::

        class User(Account, table=True):
            name: str = Field(default="", max_length=100)

        accounts = Accounts(User)

    Args:
        account: The table.
        url_prefix: Where its routes are. ``None``: it has none, and the project's own handlers ask for the
            :class:`~velox.auth.Lock`.
        scheme: The word before an access token in the ``Authorization`` field (RFC 9110, section 11.4).
        ways: The ways in: ``"bearer"``, ``"cookie"``, ``"key"``. Default: all three.
        access_lifetime: How long an access token is good. Default: 10 minutes.
        sign_in_lifetime: How long a sign-in lasts after its last refresh. Default: 30 days.
        min_password_length: Characters of a new password. Default 10.
        limit: How often one IP address may try to get in: to sign in, register, or use a letter. Default: 20 a minute.
    """

    def __init__(
        self,
        account: type[Account],
        *,
        url_prefix: str | None = "/auth",
        scheme: str = "Bearer",
        ways: Sequence[str] = ("bearer", "cookie", "key"),
        access_lifetime: str | timedelta = "10m",
        sign_in_lifetime: str | timedelta = "30d",
        min_password_length: int = MIN_PASSWORD_LENGTH,
        limit: str = "20/minute",
    ) -> None:
        self.account = account
        self.ways = tuple(map(Way, ways))
        self._access_lifetime_s = parse_duration(access_lifetime)
        self._sign_in_lifetime_s = parse_duration(sign_in_lifetime)
        self._send: Callable[[Letter], Awaitable[None] | None] | None = None
        self._scheme = scheme
        self._routes = (
            auth_routes(account, url_prefix, self.ways, min_password_length, limit) if url_prefix is not None else None
        )

    def deliver(self, fn: Deliver) -> Deliver:
        """Send letters with ``fn(letter)``, sync or async: a decorator.

        Without it, development logs the tokens, and production a warning.
        """
        self._send = fn
        return fn

    def install(self, app: Any) -> None:
        """Give ``app`` the routes, the guards' layer and what handlers ask for. See ``app.install``."""
        settings = app.settings
        secrets = [settings.secret_key, *settings.previous_secret_keys]
        keys = KeyRing([secret.get_secret_value() for secret in secrets], "velox.auth")
        signer, cross_site = TokenSigner(keys, app.name), CrossSite(keys)
        cookie = "__Host-session" if settings.production else "session"
        identify = Identifier(
            self.account,
            app.database,
            signer,
            cross_site,
            cookie=cookie,
            realm=app.name,
            scheme=self._scheme,
        )
        lock = Lock(
            account=self.account,
            database=app.database,
            hasher=PasswordHasher(),
            signer=signer,
            sign_ins=SignIns(app.database, self._sign_in_lifetime_s),
            cross_site=cross_site,
            identify=identify,
            delivery=Delivery(self._send, reveal=settings.env == "dev"),
            cookie_name=cookie,
            cookie_is_secure=settings.production,
            access_lifetime_s=self._access_lifetime_s,
        )

        def the_lock() -> Lock:
            return lock

        app.ctx.lock = lock
        app.provide(the_lock)
        app.provide(current_identity)
        app.add_extension(lock.delivery)
        app.identify = identify
        app.add_guard(guarding(lock, self.ways))
        for way in self.ways:
            app.add_security_scheme(SCHEMES[way], security_scheme(way, cookie, self._scheme))
        if self._routes is not None:
            app.blueprint(self._routes)


def security_scheme(way: Way, cookie: str, scheme: str) -> dict[str, Any]:
    """OpenAPI's Security Scheme Object of a way in."""
    if way is Way.BEARER and scheme.lower() != "bearer":  # OpenAPI knows the schemes that are registered
        written = f'"{scheme} " and an access token.'
        return {"type": "apiKey", "in": "header", "name": "Authorization", "description": written}
    if way is Way.BEARER:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "An access token."}
    if way is Way.KEY:
        return {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key."}
    return {"type": "apiKey", "in": "cookie", "name": cookie, "description": "A browser's session."}
