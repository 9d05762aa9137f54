"""A job as a broker carries it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velox.tasks.message import Message, new_id
from velox.tasks.wire import pack, unpack, unreadable

MESSAGE = Message("send", "mail", '{"to": "ada"}', rank=-3, failures=2)


def test_a_message_arrives_as_it_was_sent() -> None:
    assert unpack(pack(MESSAGE)) == MESSAGE


@given(st.binary())
def test_any_bytes_are_a_message_or_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of any kind: JSON's, Unicode's, ours
        unpack(data)
    assert isinstance(unreadable(data, "mail").payload, str)


@pytest.mark.parametrize("change", [{"failures": "2"}, {"more": 1}, {"task": None}])
def test_a_message_with_wrong_members_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"no job|wrong type"):
        unpack(json.dumps({**json.loads(pack(MESSAGE)), **change}).encode())


def test_ids_of_one_process_sort_by_age() -> None:
    ids = [new_id() for _ in range(1000)]

    assert sorted(ids) == ids
    assert len(set(ids)) == 1000
