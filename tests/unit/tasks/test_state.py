"""The table of a job's states."""

from __future__ import annotations

from velox.tasks.state import FINAL, NEXT, State


def test_every_state_can_be_reached_from_one_that_a_job_begins_in() -> None:
    reached = {State.SCHEDULED, State.QUEUED}
    for _ in State:
        reached |= {after for (before, _), after in NEXT.items() if before in reached}

    assert reached == set(State)


def test_no_clock_and_no_worker_leads_out_of_a_final_state() -> None:
    assert {event for (state, event) in NEXT if state in FINAL} == {"retry"}


def test_a_job_that_succeeded_stays_so() -> None:
    assert [event for (state, event) in NEXT if state is State.SUCCEEDED] == []
