"""A part of the rows held out, always the same one: by seed, by group, or by time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from velox.errors import ConfigurationError
from velox.ml.optional import needed

__all__ = ["Split"]


@dataclass(frozen=True, slots=True)
class Split:
    """How rows are held out, and how the others are cross-validated.

    Args:
        seed: Of the shuffle.
        share: Of the rows that are held out.
        folds: Of the cross-validation.
        group: A column whose equal values stay together: rows of one customer, say.
        time: A column to sort by: the last rows are held out, and no fold learns from later ones.
    """

    seed: int = 0
    share: float = 0.2
    folds: int = 5
    group: str | None = None
    time: str | None = None

    def __post_init__(self) -> None:
        if not 0.05 <= self.share <= 0.5 or self.folds < 2 or (self.group and self.time):
            raise ConfigurationError(
                "VX815",
                f"rows cannot be split like this: {self}",
                hint="Hold out a share from 0.05 to 0.5, in at least 2 folds, by group or by time",
            )

    def hold_out(self, frame: Any, target: str, *, stratify: bool) -> tuple[Any, Any]:
        """The rows to learn from, and those held out."""
        selection = needed("sklearn.model_selection")
        if self.time is not None:
            ordered = frame.sort_values(self.time, kind="stable")
            count = round(len(ordered) * self.share)
            return ordered.iloc[:-count], ordered.iloc[-count:]
        if self.group is not None:
            splitter = selection.GroupShuffleSplit(n_splits=1, test_size=self.share, random_state=self.seed)
            learned, held = next(splitter.split(frame, groups=frame[self.group]))
            return frame.iloc[learned], frame.iloc[held]
        learned, held = selection.train_test_split(
            frame, test_size=self.share, random_state=self.seed, stratify=frame[target] if stratify else None
        )
        return learned, held

    def folds_of(self, frame: Any, target: str, *, stratify: bool) -> list[tuple[Any, Any]]:
        """Pairs of positions in ``frame``: to learn from, and to score."""
        selection = needed("sklearn.model_selection")
        if self.time is not None:
            splitter = selection.TimeSeriesSplit(self.folds)
        elif self.group is not None:
            splitter = selection.GroupKFold(self.folds)
        elif stratify:
            splitter = selection.StratifiedKFold(self.folds, shuffle=True, random_state=self.seed)
        else:
            splitter = selection.KFold(self.folds, shuffle=True, random_state=self.seed)
        groups = frame[self.group] if self.group is not None else None
        return list(splitter.split(frame, frame[target], groups))

    def to_dict(self) -> dict[str, Any]:
        return {"seed": self.seed, "share": self.share, "folds": self.folds, "group": self.group, "time": self.time}
