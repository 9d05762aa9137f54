"""``aliases.json``: which version an alias of a model stands for, and what it stood for before.

::

    {"production": ["1", "2"], "canary": [{"version": "3", "percent": 10.0}]}

An alias' history ends with what it stands for now. ``percent`` is the share of production's requests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from velox.errors import ConfigurationError
from velox.ml.names import check_alias, is_version

__all__ = ["CANARY", "PRODUCTION", "SHADOW", "Alias", "Histories", "check_percent", "read_histories", "write_histories"]

PRODUCTION = "production"
CANARY = "canary"
"""Answers a share of production's requests."""
SHADOW = "shadow"
"""Is asked what production is asked; its answers are compared, and nobody gets them."""
HISTORY = 100
"""Earlier versions that an alias remembers for roll-backs."""


@dataclass(frozen=True, slots=True)
class Alias:
    """What an alias stands for.

    Attributes:
        version: The version.
        percent: Of production's requests, 0 to 100; only of a canary.
    """

    version: str
    percent: float = 0.0


Histories = dict[str, list[Alias]]


def check_percent(percent: float) -> float:
    """``percent``, if it is one.

    Raises:
        ConfigurationError: VX818.
    """
    if not 0 <= percent <= 100:
        raise ConfigurationError(
            "VX818", f"a canary cannot have {percent:g} percent of the requests", hint="Give 0 to 100: --canary 10"
        )
    return percent


def read_histories(text: bytes) -> Histories:
    """The histories in a file's ``text``.

    Raises:
        ValueError, TypeError, AttributeError, KeyError, ConfigurationError: It has none.
    """
    made: Any = json.loads(text)
    return {check_alias(alias): [read_alias(each) for each in checked(found)] for alias, found in made.items()}


def checked(history: Any) -> list[Any]:
    if isinstance(history, list) and history:
        return history
    raise ValueError(f"{history!r} is no list of versions")


def read_alias(made: Any) -> Alias:
    version, percent = (made["version"], float(made["percent"])) if isinstance(made, dict) else (made, 0.0)
    if not isinstance(version, str) or not is_version(version):
        raise ValueError(f"{version!r} is no version")
    return Alias(version, check_percent(percent))


def write_histories(histories: Mapping[str, list[Alias]]) -> bytes:
    """The file's text."""
    made = {alias: [write_alias(each) for each in history[-HISTORY:]] for alias, history in histories.items()}
    return json.dumps(made, indent=2).encode() + b"\n"


def write_alias(alias: Alias) -> Any:
    return {"version": alias.version, "percent": alias.percent} if alias.percent else alias.version
