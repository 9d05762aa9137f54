"""What is a key, and what is none."""

from __future__ import annotations

import pytest

from velox.errors import BadRequest
from velox.idempotency.key import digest_of, read_key


@pytest.mark.parametrize(
    ("field", "key"),
    [
        ('"8e03978e-40d5-43dd-bc93-6894a57f9324"', "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        (r'"a \"b\" \\c"', r'a "b" \c'),
        (' "k" ', "k"),
        ("x" * 255, "x" * 255),
    ],
)
def test_a_key_is_a_string_with_or_without_quotes(field: str, key: str) -> None:
    """With quotes it is RFC 9651's; many clients leave them out."""
    assert read_key([field]) == key


def test_no_field_is_no_key() -> None:
    """Whether it is needed, the route knows."""
    assert read_key([]) is None


@pytest.mark.parametrize(
    "fields",
    [[""], ['""'], ['"open'], ["two words"], ["a,b"], ['"a";p=1'], ["käse"], ["x" * 256], [r'"\a"'], ["a", "a"]],
)
def test_what_is_no_key_is_a_bad_request(fields: list[str]) -> None:
    """It names the field."""
    with pytest.raises(BadRequest) as caught:
        read_key(fields)
    assert [error.parameter for error in caught.value.errors] == ["header.idempotency-key"]


def test_parts_of_a_digest_do_not_run_into_each_other() -> None:
    """Else one user's key could be another's."""
    assert digest_of("ab", "c") != digest_of("a", "bc")
    assert len(digest_of("ab", b"c")) == 64
