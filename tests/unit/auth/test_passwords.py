"""Passwords: stored as Argon2id digests, and checked in the same way whether there is an account or not."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher as Argon2

from velox.auth.passwords import MAX_PASSWORD_BYTES, PasswordHasher

FAST = {"memory_kib": 8, "iterations": 1}


async def test_a_digest_is_argon2id_with_a_salt_of_its_own() -> None:
    hasher = PasswordHasher(**FAST)
    one, other = await hasher.hash("correct horse"), await hasher.hash("correct horse")
    assert one.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert one != other


async def test_the_defaults_are_those_of_the_cheat_sheet() -> None:
    assert (await PasswordHasher().hash("x")).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_only_the_password_itself_fits() -> None:
    hasher = PasswordHasher(**FAST)
    digest = await hasher.hash("correct horse")
    assert await hasher.verify(digest, "correct horse")
    assert not await hasher.verify(digest, "correct horse ")


@pytest.mark.parametrize("digest", [None, "", "-", "$argon2id$nonsense"])
async def test_no_digest_fits_nothing(digest: str | None) -> None:
    """Neither no account, nor one without a password."""
    assert not await PasswordHasher(**FAST).verify(digest, "correct horse")


async def test_no_account_takes_a_hash_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time must not tell which accounts there are."""
    hasher = PasswordHasher(**FAST)
    checked: list[str] = []
    verify = Argon2.verify

    def note(argon2: Argon2, digest: str, password: str) -> bool:
        checked.append(digest)
        return verify(argon2, digest, password)

    monkeypatch.setattr(Argon2, "verify", note)
    assert not await hasher.verify(None, "correct horse")
    assert [digest[:9] for digest in checked] == ["$argon2id"]


async def test_a_password_of_megabytes_is_not_hashed() -> None:
    with pytest.raises(ValueError, match="1024 bytes"):
        await PasswordHasher(**FAST).hash("é" * MAX_PASSWORD_BYTES)


async def test_a_digest_of_weaker_parameters_is_outdated() -> None:
    weak, strong = PasswordHasher(**FAST), PasswordHasher(memory_kib=16, iterations=1)
    digest = await weak.hash("correct horse")
    assert strong.is_outdated(digest)
    assert not weak.is_outdated(digest)
    assert await strong.verify(digest, "correct horse")
