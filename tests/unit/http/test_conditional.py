"""Conditional requests (RFC 9110, section 13)."""

from __future__ import annotations

import pytest

from velox.http.conditional import Validators, is_modified, is_same_part, may_proceed

AT_S = 784_111_777  # RFC 9110's own example: Sun, 06 Nov 1994 08:49:37 GMT
DATE, EARLIER, LATER = (
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:36 GMT",
    "Sun, 06 Nov 1994 08:49:38 GMT",
)
FILE = Validators.of(modified_ns=AT_S * 10**9 + 5, size=16, now_s=AT_S + 60)
FRESH = Validators.of(modified_ns=AT_S * 10**9, size=16, now_s=AT_S + 0.5)


def test_a_file_that_may_still_change_unnoticed_has_a_weak_tag() -> None:
    assert not FILE.etag.startswith("W/")
    assert FRESH.etag.startswith('W/"')
    assert DATE == FILE.last_modified


def test_time_and_size_both_make_another_tag() -> None:
    tags = {
        Validators.of(modified_ns=time_ns, size=size, now_s=AT_S + 60).etag for time_ns in (1, 2) for size in (16, 17)
    }

    assert 4 == len(tags)


@pytest.mark.parametrize(
    ("headers", "modified"),
    [
        ({}, True),
        ({"if-none-match": FILE.etag}, False),
        ({"if-none-match": f'"x", W/{FILE.etag}'}, False),
        ({"if-none-match": "*"}, False),
        ({"if-none-match": '"x"'}, True),
        ({"if-none-match": "garbage"}, True),
        ({"if-none-match": '"x"', "if-modified-since": DATE}, True),
        ({"if-modified-since": DATE}, False),
        ({"if-modified-since": LATER}, False),
        ({"if-modified-since": EARLIER}, True),
        ({"if-modified-since": "Sunday, 06-Nov-94 08:49:37 GMT"}, False),
        ({"if-modified-since": "Sun Nov  6 08:49:37 1994"}, False),
        ({"if-modified-since": "yesterday"}, True),
        ({"if-modified-since": ""}, True),
        ({"if-modified-since": "Sun, 99 Nov 99999 08:49:37 GMT"}, True),
    ],
)
def test_the_file_is_sent_only_if_the_client_has_another(headers: dict[str, str], modified: bool) -> None:
    assert modified is is_modified(headers, FILE)


def test_dates_can_be_left_out_of_it() -> None:
    assert is_modified({"if-modified-since": LATER}, FILE, by_date=False)


@pytest.mark.parametrize(
    ("headers", "proceeds"),
    [
        ({}, True),
        ({"if-match": FILE.etag}, True),
        ({"if-match": "*"}, True),
        ({"if-match": f"W/{FILE.etag}"}, False),
        ({"if-match": '"x"'}, False),
        ({"if-match": FILE.etag, "if-unmodified-since": EARLIER}, True),
        ({"if-unmodified-since": DATE}, True),
        ({"if-unmodified-since": EARLIER}, False),
        ({"if-unmodified-since": "garbage"}, True),
    ],
)
def test_a_client_may_insist_on_a_version(headers: dict[str, str], proceeds: bool) -> None:
    assert proceeds is may_proceed(headers, FILE)


@pytest.mark.parametrize(
    ("condition", "same"),
    [(FILE.etag, True), (f"W/{FILE.etag}", False), ('"x"', False), (DATE, True), (LATER, False), ("garbage", False)],
)
def test_a_part_is_only_sent_of_the_version_that_the_client_has(condition: str, same: bool) -> None:
    assert same is is_same_part({"if-range": condition}, FILE)


def test_no_part_is_sent_of_a_file_that_may_still_change() -> None:
    assert is_same_part({}, FRESH)
    assert not is_same_part({"if-range": FRESH.etag}, FRESH)
    assert not is_same_part({"if-range": DATE}, FRESH)
