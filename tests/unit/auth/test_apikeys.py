"""API keys: 256 bits, found by a prefix, stored as a digest."""

from __future__ import annotations

import pytest

from velox.auth.apikeys import KeySecret


def test_a_key_is_read_as_it_was_written() -> None:
    key = KeySecret.new()
    assert KeySecret.parse(key.text) == key
    assert key.text.startswith(f"vx_{key.prefix}_")
    assert len(key.secret) == 43


def test_only_its_own_digest_fits() -> None:
    key, other = KeySecret.new(), KeySecret.new()
    assert key.matches(key.digest)
    assert not key.matches(other.digest)


def test_neither_repr_nor_digest_shows_the_secret() -> None:
    key = KeySecret.new()
    assert key.secret not in repr(key)
    assert key.secret not in key.digest


@pytest.mark.parametrize("text", ["", "vx_", "vx_short_x", "sk_12345678_" + "a" * 43, "vx_12345678_" + "é" * 43])
def test_what_has_not_the_form_of_a_key_is_none(text: str) -> None:
    assert KeySecret.parse(text) is None
    assert KeySecret.parse(KeySecret.new().text + "\n") is None
