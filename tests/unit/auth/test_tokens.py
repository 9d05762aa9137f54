"""Tokens: believed only for their purpose, by their app, in their time, and under a key that is on the ring."""

from __future__ import annotations

import base64
import json
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from velox.auth.keys import KeyRing
from velox.auth.tokens import InvalidToken, TokenSigner

NEW, OLD = "n" * 32, "o" * 32


def signer(*secrets: str, issuer: str = "shop") -> TokenSigner:
    return TokenSigner(KeyRing(secrets or (NEW,), "velox.auth"), issuer)


def test_what_was_said_is_read() -> None:
    claims = signer().read("access", signer().issue("access", "7", 60, sid="s"))
    assert (claims["sub"], claims["sid"], claims["iss"]) == ("7", "s", "shop")


def test_no_two_tokens_are_the_same() -> None:
    assert signer().issue("access", "7", 60) != signer().issue("access", "7", 60)


def test_a_token_of_the_key_before_is_read_as_long_as_that_is_on_the_ring() -> None:
    token = signer(OLD).issue("access", "7", 60)
    assert signer(NEW, OLD).read("access", token)["sub"] == "7"
    with pytest.raises(InvalidToken):
        signer(NEW).read("access", token)


def test_new_tokens_are_signed_with_the_current_key() -> None:
    assert signer(NEW).read("access", signer(NEW, OLD).issue("access", "7", 60))


def forged(**header: str) -> str:
    """A token whose signature is right for the ring's key, with another header."""
    key = KeyRing([NEW], "velox.auth").current
    now = datetime.now(UTC)
    payload = {"iss": "shop", "sub": "7", "iat": now, "exp": now + timedelta(minutes=1), "jti": "x"}
    algorithm = header.pop("alg", "HS256")
    with warnings.catch_warnings(action="ignore"):  # the key is short for HS512
        return jwt.encode(payload, key.secret, algorithm, headers={"kid": key.kid, "typ": "access+jwt", **header})


def unsigned() -> str:
    """``alg: none``, the oldest trick (RFC 8725, section 2.1)."""
    head = {"alg": "none", "kid": KeyRing([NEW], "velox.auth").current.kid, "typ": "access+jwt"}
    body = {"iss": "shop", "sub": "7", "iat": 0, "exp": 2**40, "jti": "x"}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (head, body)]
    return ".".join([*parts, ""])


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: signer().issue("cookie", "7", 60), id="another purpose"),
        pytest.param(lambda: signer(issuer="bank").issue("access", "7", 60), id="another app"),
        pytest.param(lambda: signer().issue("access", "7", -1), id="over"),
        pytest.param(lambda: signer().issue("access", "7", 60)[:-4] + "AAAA", id="another signature"),
        pytest.param(lambda: forged(alg="HS512"), id="another algorithm"),
        pytest.param(lambda: forged(kid="unknown"), id="an unknown key"),
        pytest.param(lambda: forged(typ="JWT"), id="no purpose"),
        pytest.param(unsigned, id="no signature"),
        pytest.param(lambda: "", id="nothing"),
        pytest.param(lambda: "a.b.c", id="no token"),
        pytest.param(lambda: "x" * 5000, id="too long"),
        pytest.param(lambda: "é.é.é", id="not ASCII"),
    ],
)
def test_what_is_not_believed(make: Callable[[], str]) -> None:
    with pytest.raises(InvalidToken):
        signer().read("access", make())


def test_the_forgery_above_would_be_right_without_its_change() -> None:
    assert signer().read("access", forged())["sub"] == "7"


def test_keys_differ_by_use() -> None:
    assert KeyRing([NEW], "velox.auth").current != KeyRing([NEW], "velox.other").current
