"""A job on its way: what is stored, what goes over the wire, and what a worker holds."""

from __future__ import annotations

import itertools
import secrets
import time
from dataclasses import dataclass, field

from velox.tasks.state import State

__all__ = ["KEY_LIFE_S", "Delivery", "Found", "Keyed", "Message", "Outcome", "new_id"]

_counter = itertools.count()


def new_id(now_s: float | None = None) -> str:
    """32 hexadecimal digits: milliseconds, a counter of this process, and chance; in one process they sort by age."""
    now_ms = int((time.time() if now_s is None else now_s) * 1000)
    return f"{now_ms:012x}{next(_counter) & 0xFFFF:04x}{secrets.token_hex(8)}"


@dataclass(frozen=True, slots=True)
class Message:
    """A job, as its queue keeps it."""

    task: str
    """The task's name."""
    queue: str
    payload: str
    """The arguments, as a JSON object."""
    id: str = field(default_factory=new_id)
    rank: int = 0
    """Its place among what is queued, smallest first: the priority with its sign changed."""
    failures: int = 0
    """How often it has failed."""
    created_at_s: float = field(default_factory=time.time)
    """When it was enqueued, in seconds since 1970."""
    due_at_s: float | None = None
    """When it may run; None: now."""
    deliveries: int = 0
    """How often it was given to a worker before a broker began to count anew."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A job in the hands of one worker, for the length of a lease."""

    message: Message
    token: str
    """Proves that the lease is ours: who comes with an old one changes nothing."""
    deliveries: int
    """How often it was given to a worker since it last ended well or badly; more than 1 means that a worker died."""
    fault: str | None = None
    """Why it cannot be run at all: nobody can read it, for one."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended."""

    delivery: Delivery
    state: State
    """What follows; ``QUEUED`` hands it back, as if it had not been claimed; ``SCHEDULED`` does so for later."""
    at_s: float
    due_at_s: float | None = None
    """For a retry, and what is scheduled: when."""
    result: str | None = None
    """What the task returned, as JSON."""
    error: str | None = None
    failures: int = 0


KEY_LIFE_S = 86_400.0
"""For how long a key is remembered when the task does not say it."""


@dataclass(frozen=True, slots=True)
class Keyed:
    """A message, and the idempotency key that it is enqueued under."""

    message: Message
    key: str | None = None
    key_life_s: float = KEY_LIFE_S


@dataclass(frozen=True, slots=True)
class Found:
    """A job's row, for those who ask about it."""

    id: str
    task: str
    queue: str
    state: State
    payload: str
    failures: int
    created_at_s: float
    due_at_s: float | None = None
    ended_at_s: float | None = None
    result: str | None = None
    error: str | None = None
