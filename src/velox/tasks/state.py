"""The states of a job, and what leads from one to another. The diagram in the docs is drawn from this table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

__all__ = ["FINAL", "NEXT", "State"]


class State(StrEnum):
    """Where a job is in its life."""

    SCHEDULED = "scheduled"
    """It has a delay or a time, which has not come; or its task's rate has no turn for it before then."""
    QUEUED = "queued"
    """It can be run by the next worker that is free."""
    RUNNING = "running"
    """A worker holds it, with a lease that it renews."""
    RETRYING = "retrying"
    """It failed, and waits for its next attempt."""
    SUCCEEDED = "succeeded"
    """It is done."""
    DEAD = "dead"
    """A dead letter: it failed for the last time, or cannot be run at all. It stays until somebody looks at it."""
    CANCELLED = "cancelled"
    """Somebody took it out before it ran."""


FINAL = (State.SUCCEEDED, State.DEAD, State.CANCELLED)
"""The states that no clock and no worker leads out of."""

NEXT: Mapping[tuple[State, str], State] = {
    (State.SCHEDULED, "is due"): State.QUEUED,
    (State.SCHEDULED, "cancel"): State.CANCELLED,
    (State.QUEUED, "claim"): State.RUNNING,
    (State.QUEUED, "cancel"): State.CANCELLED,
    (State.RUNNING, "renew"): State.RUNNING,
    (State.RUNNING, "succeed"): State.SUCCEEDED,
    (State.RUNNING, "fail"): State.RETRYING,
    (State.RUNNING, "fail for the last time"): State.DEAD,
    (State.RUNNING, "hand back"): State.QUEUED,
    (State.RUNNING, "is over its rate"): State.SCHEDULED,
    (State.RUNNING, "lease ends"): State.QUEUED,
    (State.RETRYING, "is due"): State.QUEUED,
    (State.RETRYING, "cancel"): State.CANCELLED,
    (State.DEAD, "retry"): State.QUEUED,
    (State.CANCELLED, "retry"): State.QUEUED,
}
"""What happens in which state, and the state that follows."""
