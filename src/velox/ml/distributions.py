"""How the training data was distributed, and what the model said of it: what later rows are compared with.

A distribution of numbers is kept as its distribution function at up to :data:`POINTS` quantiles, one of categories as
the share of each. They are in ``distributions.json``, a file of the artifact.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from velox.ml.inference import ANYTHING, rows_of
from velox.ml.rows import RowReader, frame_of
from velox.ml.schema import Feature, Schema, absent

__all__ = ["DISTRIBUTIONS", "Distribution", "Reference", "distribution_of", "is_numeric", "reference_of"]

DISTRIBUTIONS = "distributions.json"
POINTS = 101
MOST_CATEGORIES = 50
MOST_ROWS = 20_000
"""Of a larger table a random sample is enough: shares are then off by less than 1% (95% of the time)."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """How values of one feature, or of the predictions, are distributed.

    Attributes:
        rows: How many values, missing ones included.
        missing: The share of missing ones.
        points: Of numbers, quantiles in ascending order, each once; ``(n,)``.
        below, up_to: The shares of the present values that are less than each point, and no greater; ``(n,)``.
        categories: Of anything else, each frequent value with its share of the present ones. What is left is others.
    """

    rows: int
    missing: float = 0.0
    points: tuple[float, ...] = ()
    below: tuple[float, ...] = ()
    up_to: tuple[float, ...] = ()
    categories: tuple[tuple[Any, float], ...] = ()

    @classmethod
    def from_dict(cls, made: Mapping[str, Any]) -> Distribution:
        numbers = {name: tuple(made[name]) for name in ("points", "below", "up_to")}
        categories = tuple((value, share) for value, share in made["categories"])
        return cls(made["rows"], made["missing"], categories=categories, **numbers)


@dataclass(frozen=True, slots=True)
class Reference:
    """The distributions of one version.

    Attributes:
        features: By feature. Of a text only the missing share is known.
        prediction: Of the model's answers.
    """

    features: Mapping[str, Distribution]
    prediction: Distribution

    def to_json(self) -> bytes:
        features = {name: asdict(each) for name, each in self.features.items()}
        return json.dumps({"features": features, "prediction": asdict(self.prediction)}, ensure_ascii=False).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Reference:
        made = json.loads(text)
        features = {name: Distribution.from_dict(each) for name, each in made["features"].items()}
        return cls(features, Distribution.from_dict(made["prediction"]))


def is_numeric(feature: Feature) -> bool:
    """Whether the feature has an order."""
    return feature.kind in ("number", "integer")


def distribution_of(values: Sequence[Any], *, numeric: bool, keep: bool = True) -> Distribution:
    """The distribution of ``values``.

    Args:
        values: None and NaN are missing.
        numeric: Whether they are numbers, with an order.
        keep: Whether the values themselves are told, or only how many are missing.
    """
    present = [value for value in values if not absent(value)]
    missing = 1.0 - len(present) / len(values) if values else 0.0
    if not present or not keep:
        return Distribution(len(values), missing)
    if not numeric:
        shares = [(value, count / len(present)) for value, count in Counter(present).most_common(MOST_CATEGORIES)]
        return Distribution(len(values), missing, categories=tuple(shares))
    column = np.sort(np.asarray([value for value in present if math.isfinite(value)], dtype=np.float64))
    if not len(column):
        return Distribution(len(values), missing)
    # "inverted_cdf": a quantile is one of the values, so that shares below and up to it are exact.
    points = np.unique(np.quantile(column, np.linspace(0.0, 1.0, POINTS), method="inverted_cdf"))
    below, up_to = (np.searchsorted(column, points, side=side) / len(column) for side in ("left", "right"))
    return Distribution(len(values), missing, tuple(points.tolist()), tuple(below.tolist()), tuple(up_to.tolist()))


def reference_of(head: Any, schema: Schema, sample: Any, seed: int) -> Reference:
    """The distributions of the rows of ``sample``, and of the answers to them.

    Args:
        head: Answers a DataFrame, or an array, as the estimator was fitted.
        schema: What the model takes.
        sample: A DataFrame.
        seed: Of the choice of rows, where there are more than :data:`MOST_ROWS`.
    """
    chosen = sample if len(sample) <= MOST_ROWS else sample.sample(MOST_ROWS, random_state=seed)
    rows = rows_of(schema, chosen)
    features = {
        feature.name: distribution_of(
            [row[feature.name] for row in rows], numeric=is_numeric(feature), keep=feature.kind != "text"
        )
        for feature in schema.features
    }
    reader = RowReader(schema, ANYTHING)
    vectors = [reader.read(row)[0] for row in rows if not reader.explain(row, "")]
    labels = head(frame_of(schema, vectors)).labels.tolist()
    classes = schema.outcome.classes
    answers = [classes[label] for label in labels] if classes else labels
    return Reference(features, distribution_of(answers, numeric=not classes))
