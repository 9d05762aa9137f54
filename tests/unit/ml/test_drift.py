"""PSI and KS of a window against the training data."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from velox.ml.distributions import distribution_of
from velox.ml.drift import drifted
from velox.ml.optional import needed

RANDOM = np.random.default_rng(0)
REFERENCE = RANDOM.normal(size=5000).tolist()


@pytest.mark.parametrize("shift", [0.0, 0.3, 1.0, 20.0])
def test_ks_is_scipys_within_the_distance_of_two_quantiles(shift: float) -> None:
    window = (np.random.default_rng(1).normal(size=800) + shift).tolist()
    found = drifted("x", distribution_of(REFERENCE, numeric=True), window, numeric=True)
    assert found.ks == pytest.approx(needed("scipy.stats").ks_2samp(REFERENCE, window).statistic, abs=0.011)


def test_psi_is_its_formula_over_tenths_and_missing_values() -> None:
    window: list[Any] = [*(np.asarray(REFERENCE[:900]) + 0.5).tolist(), *[None] * 100]
    found = drifted("x", distribution_of(REFERENCE, numeric=True), window, numeric=True)
    assert len(found.bins) == 11
    assert [part.reference for part in found.bins] == pytest.approx([0.1] * 10 + [0.0], abs=0.001)
    assert sum(part.window for part in found.bins) == pytest.approx(1.0)
    shares = [(max(part.reference, 1e-4), max(part.window, 5e-4)) for part in found.bins]
    assert found.psi == pytest.approx(sum((q - p) * math.log(q / p) for p, q in shares))
    assert found.level == "much"


def test_a_window_of_the_same_distribution_has_no_drift_however_small_it_is() -> None:
    reference = distribution_of(REFERENCE, numeric=True)
    windows = [np.random.default_rng(seed).normal(size=30).tolist() for seed in range(200)]
    levels = [drifted("x", reference, window, numeric=True).level for window in windows]
    assert levels.count("none") >= 190


def test_a_constant_that_changes_either_way_is_noticed() -> None:
    reference = distribution_of([5.0] * 100, numeric=True)
    assert drifted("x", reference, [5.0] * 100, numeric=True).psi == pytest.approx(0.0)
    for value in (4.0, 6.0):
        found = drifted("x", reference, [value] * 100, numeric=True)
        assert (found.ks, found.level) == (1.0, "much")


def test_categories_have_no_order_and_new_ones_are_others() -> None:
    reference = distribution_of(["a"] * 70 + ["b"] * 30, numeric=False)
    found = drifted("x", reference, ["a"] * 20 + ["b"] * 30 + ["c"] * 50, numeric=False)
    assert found.ks is None
    assert [(part.name, round(part.window, 9)) for part in found.bins] == [("a", 0.2), ("b", 0.3), ("others", 0.5)]
    assert found.level == "much"


def test_values_that_are_all_missing_are_a_drift() -> None:
    found = drifted("x", distribution_of([1.0, 2.0, 3.0] * 50, numeric=True), [None] * 50, numeric=True)
    assert found.level == "much"
