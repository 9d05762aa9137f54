"""Keys, buckets and shards: arithmetic that may never change."""

from __future__ import annotations

import time
from collections import Counter
from uuid import UUID

import pytest

from velox.db.shards.buckets import BUCKETS, bucket_of, bucket_of_id, new_id, rendezvous


def test_a_key_has_the_bucket_that_it_always_had() -> None:
    """Known values: another one would make rows that are stored unreachable."""
    assert [bucket_of(key) for key in (0, 7, 42, -1, 2**63 - 1)] == [859, 137, 790, 627, 930]
    assert [bucket_of(key) for key in ("", "ada", "Ada", "é")] == [966, 557, 86, 712]
    assert bucket_of(UUID(int=0)) == 82


@pytest.mark.parametrize("key", [True, None, 1.0, b"ada"])
def test_what_is_equal_to_a_key_and_of_another_type_has_no_bucket(key: object) -> None:
    """1, 1.0 and True would be three buckets for what a database may call one value."""
    with pytest.raises(TypeError, match="a shard key is"):
        bucket_of(key)  # type: ignore[arg-type]


def test_keys_are_spread_evenly() -> None:
    counts = Counter(bucket_of(key) for key in range(100 * BUCKETS))
    assert len(counts) == BUCKETS
    assert max(counts.values()) < 160
    assert min(counts.values()) > 50


def test_an_id_tells_its_bucket_and_its_time() -> None:
    before = time.time_ns() // 1_000_000
    made = [new_id(bucket) for bucket in range(BUCKETS)]
    assert [bucket_of_id(one) for one in made] == list(range(BUCKETS))
    assert all(one.version == 7 and before <= one.int >> 80 for one in made)
    assert len(set(made)) == BUCKETS


def test_one_shard_more_takes_a_share_of_each_and_moves_nothing_else() -> None:
    """Rendezvous hashing: what does not go to the new shard stays."""
    four, five = ["a", "b", "c", "d"], ["a", "b", "c", "d", "e"]
    moves = [(rendezvous(one, four), rendezvous(one, five)) for one in range(BUCKETS)]
    changed = [move for move in moves if move[0] != move[1]]
    assert {target for _, target in changed} == {"e"}
    assert {source for source, _ in changed} == set(four)
    assert 150 < len(changed) < 260
