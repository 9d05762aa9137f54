"""Environment variables that look like settings and are none."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from velox._sources import PREFIX, read_dotenv, variables

if TYPE_CHECKING:
    from velox.settings import Settings

__all__ = ["unread_variables"]

# Variables that commands read without being settings.
_OWN = {"VELOX_DEBUG", "_VELOX_COMPLETE"}


def unread_variables(settings: type[Settings]) -> tuple[str, str] | None:
    """Which ``VELOX_`` variables no setting reads, with their place, and a hint what is meant; ``None`` without any."""
    known = variables(settings).keys() | _OWN
    unread = [
        (name, place)
        for names, place in ((os.environ, "the environment"), (read_dotenv(Path.cwd()), ".env"))
        for name in sorted(names)
        if name.upper().startswith(PREFIX) and not {name.upper(), name.upper().split("__")[0]} & known
    ]
    if not unread:
        return None
    # Without the prefix, which is alike in all of them.
    known_by_end = {name.removeprefix(PREFIX): name for name in known}
    close = [
        known_by_end[match]
        for name, _ in unread
        for match in get_close_matches(name.upper()[len(PREFIX) :], known_by_end, n=1)
    ]
    meant = f"Did you mean {', '.join(dict.fromkeys(close))}? " if close else ""
    text = f"no setting reads {', '.join(f'{name} in {place}' for name, place in unread)}"
    return text, f"{meant}'velox config' lists every setting."
