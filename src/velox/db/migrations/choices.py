"""What a comparison cannot know, and its author has to say: is it a rename, and what do old rows get?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from velox.errors import ConfigurationError

__all__ = ["Choices", "undecided"]


@dataclass(frozen=True, slots=True)
class Choices:
    """The author's decisions, and a way to ask for those that are missing.

    Args:
        renames: Old → new: ``"link.url"`` → ``"target"`` for a column, ``"link"`` → ``"short_link"`` for a table.
        keeps_apart: What goes and what comes are two things: nothing was renamed.
        defaults: ``"link.hits"`` → the text of the value that existing rows get.
        ask_rename: Asked with old and new whether it is a rename. ``None``: there is nobody to ask.
        ask_default: Asked with a column for the value of existing rows. ``None``: there is nobody to ask.
        allow_empty: Dropping every table is meant.
    """

    renames: Mapping[str, str] = field(default_factory=dict)
    keeps_apart: bool = False
    defaults: Mapping[str, str] = field(default_factory=dict)
    ask_rename: Callable[[str, str], bool] | None = None
    ask_default: Callable[[str], str] | None = None
    allow_empty: bool = False


def undecided(message: str, hint: str) -> ConfigurationError:
    """VX410: the author has to decide."""
    return ConfigurationError("VX410", message, hint=hint)
