"""The stages of a server's end."""

from __future__ import annotations

import pytest

from velox.http.drain import NEXT, Drain, Stage


def test_every_response_closes_as_soon_as_it_is_asked_to_stop() -> None:
    """By our name and by Sanic's."""
    drain = Drain()
    assert not drain.draining
    drain.go_on("asked")
    assert drain.stage is Stage.LEAVING
    assert drain.draining
    assert drain.stopped


def test_it_can_be_asked_only_once() -> None:
    """What means nothing in a stage is a mistake of ours."""
    drain = Drain()
    drain.go_on("asked")
    with pytest.raises(KeyError):
        drain.go_on("asked")


def test_every_stage_is_reached_and_all_ways_end() -> None:
    """The table has no dead end but the last stage."""
    assert {stage for stage, _ in NEXT} == set(Stage) - {Stage.STOPPED}
    assert set(NEXT.values()) == set(Stage) - {Stage.SERVING}
