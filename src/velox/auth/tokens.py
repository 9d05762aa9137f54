"""Signed tokens (JSON Web Tokens, RFC 7519): for one purpose, one app and a limited time.

RFC 8725, JSON Web Token Best Current Practices, is followed throughout: one algorithm, which the token cannot choose
(3.1); an explicit type, so that a token for one purpose is none for another (3.11); issuer and expiry always checked.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from velox.auth.keys import KeyRing
from velox.errors import ConfigurationError

try:
    import jwt
except ImportError:
    raise ConfigurationError(
        "VX701", "velox.auth needs PyJWT, which is not installed", hint="Run: pip install 'velox-framework[auth]'"
    ) from None

__all__ = ["InvalidToken", "TokenSigner"]

ALGORITHM: Final = "HS256"
MAX_TOKEN_LENGTH: Final = 4096
"""Characters; ours have about 300."""


class InvalidToken(Exception):
    """A token that is not ours, not for this purpose, or over."""


class TokenSigner:
    """Issues and reads tokens.

    Args:
        keys: What to sign with.
        issuer: The app's name; a token of another app is not read.
    """

    def __init__(self, keys: KeyRing, issuer: str) -> None:
        self._keys = keys
        self._issuer = issuer

    def issue(self, purpose: str, subject: str, lifetime_s: float, **claims: Any) -> str:
        """A token that says ``subject`` to whoever reads it for ``purpose`` within ``lifetime_s`` seconds."""
        now = datetime.now(UTC)
        payload = {
            **claims,
            "iss": self._issuer,
            "sub": subject,
            "iat": now,
            "exp": now + timedelta(seconds=lifetime_s),
            "jti": secrets.token_urlsafe(9),
        }
        key = self._keys.current
        return jwt.encode(payload, key.secret, ALGORITHM, headers={"kid": key.kid, "typ": f"{purpose}+jwt"})

    def read(self, purpose: str, token: str) -> Mapping[str, Any]:
        """What ``token`` says: ``sub``, ``iat``, ``exp``, ``jti`` and the claims that it was issued with.

        Raises:
            InvalidToken: It is not to be believed.
        """
        if len(token) > MAX_TOKEN_LENGTH:
            raise InvalidToken("the token is too long")
        try:
            header = jwt.get_unverified_header(token)
            key = self._keys.find(header.get("kid"))
            if key is None or header.get("typ") != f"{purpose}+jwt":
                raise InvalidToken("the token was not issued for this")
            required = ["iss", "sub", "iat", "exp", "jti"]
            payload: Mapping[str, Any] = jwt.decode(
                token, key.secret, algorithms=[ALGORITHM], issuer=self._issuer, options={"require": required}
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise InvalidToken("the token is not valid") from error
        return payload
