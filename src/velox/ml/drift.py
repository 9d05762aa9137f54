"""How far later rows, and the answers to them, are from the training data.

PSI, the population stability index: N. Siddiqi, "Credit Risk Scorecards", Wiley 2006. Over bins with the shares p of
the reference and q of the window it is the sum of (q - p) · ln(q / p): below 0.1 little, from 0.25 on much. Two
samples of one distribution have about (1/n + 1/m) · χ² of it, with a degree of freedom less than bins (B. Yurdakul,
"Statistical Properties of Population Stability Index", Western Michigan University 2018), so a small window has to
differ by more.

KS, the greatest distance of two distribution functions: Kolmogorov and Smirnov, as in W. Conover, "Practical
Nonparametric Statistics", Wiley 1999. It is taken at the reference's quantiles, which are up to 1% apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from velox.errors import ConfigurationError
from velox.ml.distributions import DISTRIBUTIONS, Distribution, Reference, is_numeric
from velox.ml.manifest import Manifest
from velox.ml.registry import Registry
from velox.ml.schema import Schema, absent

__all__ = ["Bin", "Drift", "Drifted", "drift_of", "drifted", "reference_in"]

Array = npt.NDArray[np.float64]
Level = Literal["none", "some", "much"]
SOME, MUCH = 0.1, 0.25
EMPTY = 0.5
"""How many rows an empty bin counts as: its logarithm would be infinite."""
BINS = 10
NORMAL_99 = 2.326


@dataclass(frozen=True, slots=True)
class Bin:
    """A part of the values: its name, and its shares of the reference and of the window."""

    name: str
    reference: float
    window: float


@dataclass(frozen=True, slots=True)
class Drifted:
    """One feature, or the predictions.

    Attributes:
        name: Its name.
        psi: 0 or more.
        ks: 0 to 1; ``None`` for what has no order.
        level: What the PSI means, given how many rows there are.
        bins: What it was computed from; missing values are a bin of their own.
    """

    name: str
    psi: float
    ks: float | None
    level: Level
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class Drift:
    """A window of logged predictions against the reference.

    Attributes:
        model, version: Which version.
        rows: Of the window.
        prediction: The answers.
        features: Without those that were masked; the farthest first.
        truths: How many of the rows have a truth.
        score: Of those, the accuracy, or the mean absolute error of a regression; ``None`` without any.
    """

    model: str
    version: str
    rows: int
    prediction: Drifted | None
    features: tuple[Drifted, ...]
    truths: int = 0
    score: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def drift_of(
    reference: Reference,
    schema: Schema,
    window: Sequence[tuple[Mapping[str, Any], Any, Any]],
    which: tuple[str, str],
) -> Drift:
    """Compare a window with the reference.

    Args:
        reference: Of the version.
        schema: What it takes.
        window: Row, answer and truth of each; None where nobody knows the truth.
        which: The model and its version.
    """
    if not window:
        return Drift(*which, 0, None, ())
    rows, answers = [row for row, _, _ in window], [answer for _, answer, _ in window]
    known = [(answer, truth) for _, answer, truth in window if truth is not None]
    logged = {name for row in rows for name in row}
    found = [
        drifted(f.name, reference.features[f.name], [row.get(f.name) for row in rows], numeric=is_numeric(f))
        for f in schema.features
        if f.name in reference.features and f.name in logged  # the others are masked
    ]
    classes = schema.outcome.classes
    prediction = drifted(schema.outcome.name, reference.prediction, answers, numeric=not classes)
    gaps = [float(answer == truth) if classes else abs(answer - truth) for answer, truth in known]
    score = sum(gaps) / len(gaps) if gaps else None
    return Drift(*which, len(rows), prediction, tuple(sorted(found, key=lambda one: -one.psi)), len(known), score)


def drifted(name: str, reference: Distribution, values: Sequence[Any], *, numeric: bool) -> Drifted:
    """One feature: the shares of its bins, and what follows from them.

    Args:
        name: Its name.
        reference: Its distribution in the training data.
        values: Of the window, at least one.
        numeric: Whether it has an order.
    """
    present = [value for value in values if not absent(value)]
    filled = len(present) / len(values)
    ks: float | None = None
    if numeric and reference.points and present:
        column = np.sort(np.asarray(present, dtype=np.float64))
        parts = number_bins(reference, column)
        ks = ks_of(reference, column)
    else:
        parts = category_bins(reference, present)
    shares = [Bin(part.name, part.reference * (1 - reference.missing), part.window * filled) for part in parts]
    if reference.missing or filled < 1.0:
        shares.append(Bin("missing", reference.missing, 1.0 - filled))
    psi = psi_of(shares, reference.rows, len(values))
    return Drifted(name, psi, ks, level_of(psi, len(shares), reference.rows, len(values)), tuple(shares))


def number_bins(reference: Distribution, column: Array) -> list[Bin]:
    """About ten parts of as many values of the reference each, cut at its quantiles."""
    shares, points = np.asarray(reference.up_to), np.asarray(reference.points)
    wanted = np.searchsorted(shares, np.arange(1, BINS) / BINS - 1e-12)
    # The last point is the greatest value: what is beyond it is a bin of its own only where all values are one.
    places = sorted({int(place) for place in wanted if place < len(points) - 1})
    cuts, below = [points[place] for place in places], [float(shares[place]) for place in places]
    if not places:
        first = float(points[0])
        cuts, below = [np.nextafter(first, -math.inf), float(points[-1])], [0.0, 1.0]
    counts = np.searchsorted(column, cuts, side="right") / len(column)
    before, after = np.diff([0.0, *below, 1.0]), np.diff([0.0, *counts.tolist(), 1.0])
    ends = [f"{float(cut):.4g}" for cut in cuts]
    names = [f"≤ {ends[0]}", *(f"{low} to {high}" for low, high in pairwise(ends)), f"> {ends[-1]}"]
    return [Bin(*part) for part in zip(names, before.tolist(), after.tolist(), strict=True)]


def category_bins(reference: Distribution, present: Sequence[Any]) -> list[Bin]:
    """A part for each category that the reference has, and one for all others."""
    total = max(len(present), 1)
    counts = [sum(1 for value in present if value == known) / total for known, _ in reference.categories]
    parts = [Bin(str(known), share, count) for (known, share), count in zip(reference.categories, counts, strict=True)]
    others = (max(1.0 - sum(share for _, share in reference.categories), 0.0), max(1.0 - sum(counts), 0.0))
    if reference.categories and max(others) > 1e-9 and present:
        parts.append(Bin("others", *others))
    return parts


def psi_of(parts: Sequence[Bin], rows: int, window: int) -> float:
    """The population stability index of shares of ``rows`` and of ``window`` rows."""
    total = 0.0
    for part in parts:
        before, after = max(part.reference, EMPTY / max(rows, 1)), max(part.window, EMPTY / window)
        total += (after - before) * math.log(after / before)
    return total


def level_of(psi: float, bins: int, rows: int, window: int) -> Level:
    """What a PSI means: nothing as long as chance makes one as large once in a hundred windows."""
    degrees = max(bins - 1, 1)
    # The 99% quantile of χ²: E. Wilson and M. Hilferty, "The distribution of chi-square", PNAS 17, 1931.
    chance = degrees * (1 - 2 / (9 * degrees) + NORMAL_99 * math.sqrt(2 / (9 * degrees))) ** 3
    chance *= 1 / max(rows, 1) + 1 / window
    if psi < SOME or psi <= chance:
        return "none"
    return "some" if psi < MUCH else "much"


def ks_of(reference: Distribution, column: Array) -> float:
    """The greatest distance between the distribution functions, at the reference's points and right below them."""
    points = np.asarray(reference.points)
    below, up_to = (np.searchsorted(column, points, side=side) / len(column) for side in ("left", "right"))
    gaps = np.abs(below - np.asarray(reference.below)), np.abs(up_to - np.asarray(reference.up_to))
    return float(max(gaps[0].max(), gaps[1].max()))


def reference_in(registry: Registry, manifest: Manifest) -> Reference:
    """The distributions that a version was published with.

    Raises:
        ConfigurationError: VX812 when the file has another digest, VX822 when there is none.
    """
    if DISTRIBUTIONS not in manifest.files:
        raise ConfigurationError(
            "VX822",
            f"{manifest.name}@{manifest.version} has no distributions to compare with",
            hint="Publish the model again: it was made by an older Velox",
        )
    return Reference.from_json(registry.read(manifest, DISTRIBUTIONS))
