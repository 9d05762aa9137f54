"""A job as a broker carries it: one JSON object. Nothing is ever unpickled."""

from __future__ import annotations

import json
from typing import Any

from velox.tasks.message import Message, new_id

__all__ = ["pack", "unpack", "unreadable"]

MEMBERS: dict[str, type | tuple[type, ...]] = {
    "id": str,
    "task": str,
    "queue": str,
    "payload": str,
    "rank": int,
    "failures": int,
    "deliveries": int,
    "created_at_s": (int, float),
}
SHOWN_CHARACTERS = 1_000


def pack(message: Message) -> bytes:
    """The message as bytes."""
    return json.dumps({name: getattr(message, name) for name in MEMBERS}).encode()


def unpack(data: bytes) -> Message:
    """The message in ``data``.

    Raises:
        ValueError: There is none.
    """
    found: Any = json.loads(data)
    if not isinstance(found, dict) or found.keys() != MEMBERS.keys():
        raise ValueError("it is no job")
    wrong = [name for name, kind in MEMBERS.items() if not isinstance(found[name], kind)]
    if wrong:
        raise ValueError(f"its {wrong[0]} has a wrong type")
    return Message(**found)


def unreadable(data: bytes, queue: str) -> Message:
    """What is kept of something that is no job."""
    return Message("(unreadable)", queue, data.decode("utf-8", "replace")[:SHOWN_CHARACTERS], id=new_id())
