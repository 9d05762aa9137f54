"""Which predictions of a model are logged, and what of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import random
from typing import Any, Protocol

from velox.errors import ConfigurationError
from velox.ml.answers import Answer
from velox.ml.manifest import Manifest

__all__ = ["Log", "Recorder", "Sink"]


@dataclass(frozen=True, slots=True)
class Log:
    """Log predictions to the app's database.

    Args:
        sample: The share of rows that are logged: more than 0, at most 1.
        mask: Features that are not stored, since they tell too much about somebody.
        keep: How long predictions are kept: ``"30d"``, seconds, or a timedelta.
        max_waiting: How many may wait for the database in a process; more are dropped and counted, since no
            prediction waits.

    Raises:
        ConfigurationError: VX820, a value is out of its range.
    """

    sample: float = 1.0
    mask: Sequence[str] = ()
    keep: str | float | timedelta = "30d"
    max_waiting: int = 10_000

    def __post_init__(self) -> None:
        if not 0.0 < self.sample <= 1.0:
            raise ConfigurationError(
                "VX820", f"a log cannot sample {self.sample:g} of the rows", hint="Give a share: Log(sample=0.1)"
            )
        if isinstance(self.mask, str):
            raise ConfigurationError("VX820", "mask is a text", hint=f'Give a list: Log(mask=["{self.mask}"])')
        if self.max_waiting < 1:
            raise ConfigurationError("VX820", "max_waiting is less than 1", hint="Leave it out: it is 10,000")

    def check(self, manifest: Manifest) -> None:
        """Refuse to mask what is no feature: a slip of the pen would store it.

        Raises:
            ConfigurationError: VX820.
        """
        known = [feature.name for feature in manifest.schema.features]
        for name in self.mask:
            if name not in known:
                raise ConfigurationError(
                    "VX820", f"{manifest.name} has no feature {name} to mask", hint=f"It has {', '.join(known)}"
                )


class Sink(Protocol):
    """Where predictions go; :class:`velox.predictions.Journal` is one."""

    def note(self, version: str, features: Mapping[str, Any], answer: Any) -> str | None:
        """Keep one; its id, or ``None`` when it was dropped."""


class Recorder:
    """Chooses what is logged.

    Args:
        log: Which.
        sink: Where to.
    """

    def __init__(self, log: Log, sink: Sink) -> None:
        self.log, self._sink = log, sink
        self._masked = frozenset(log.mask)

    def note(self, manifest: Manifest, row: Mapping[str, Any], answer: Answer) -> str | None:
        """The id of a prediction, if it is logged."""
        if self.log.sample < 1.0 and random() >= self.log.sample:  # noqa: S311 - a sample is no secret
            return None
        classes = manifest.schema.outcome.classes
        said = classes[answer[0]] if classes else answer[0]
        features = {name: value for name, value in row.items() if name not in self._masked} if self._masked else row
        return self._sink.note(manifest.version, features, said)
