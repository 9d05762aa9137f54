"""What comes of a training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from velox.ml.evaluation import Evaluation
from velox.ml.examination import Examination
from velox.ml.manifest import Manifest

__all__ = ["Candidate", "Training"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One kind of model, cross-validated.

    Attributes:
        name: Its kind.
        score: The mean over the folds: accuracy, or R² of a regression.
        low, high: A 95% interval of it.
        second: The mean of the second score: ROC AUC, or minus the RMSE.
        seconds: What a fold took.
        parameters: What tuning chose.
    """

    name: str
    score: float
    low: float
    high: float
    second: float
    seconds: float
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Training:
    """What came of a training.

    Attributes:
        examination: What was seen in the table.
        candidates: The best first; one is the baseline.
        best: The kind that was chosen.
        estimator: Its pipeline, fitted on all rows that were not held out.
        evaluation: Of the estimator, on the rows held out.
        manifest: Of the published version; None when none was published.
    """

    examination: Examination
    candidates: tuple[Candidate, ...]
    best: str
    estimator: Any
    evaluation: Evaluation
    manifest: Manifest | None = None
