"""What is known of the map may be used for a moment only."""

from __future__ import annotations

from velox.db.shards.ledger import LEASE_S, Ledger, State


def test_nothing_is_fresh_that_was_not_read() -> None:
    assert not Ledger(lambda: 0.0).is_fresh


def test_buckets_take_no_writes_between_two_shards() -> None:
    assert [state.value for state in State if not state.takes_writes] == ["closing", "opening"]
    assert LEASE_S > 0
