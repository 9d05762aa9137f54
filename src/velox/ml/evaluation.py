"""How good a fitted model is on rows it has not seen: numbers, and what figures are drawn from."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from velox.ml.optional import needed

__all__ = ["Evaluation", "evaluate"]

ROUNDS = 200
"""Of the bootstrap, for the intervals."""
CURVE_ROWS = 5000
IMPORTANCE_ROUNDS = 5
FEWEST_IN_SLICE = 10
MOST_VALUES = 12
NEIGHBOURS = (1, 2, 3, 5, 7, 9, 11, 15, 21, 31, 41, 51)
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was found.

    Attributes:
        kind: ``classification`` or ``regression``.
        target: What was predicted.
        classes: Of a classification.
        metrics: Numbers by name; a name that ends with ``_interval`` has a pair of them.
        curves: What figures are drawn from, by figure.
        estimator: The fitted estimator, for the figures that show it.
    """

    kind: str
    target: str
    classes: tuple[Any, ...]
    metrics: dict[str, Any]
    curves: dict[str, Any] = field(default_factory=dict)
    estimator: Any = None


def evaluate(estimator: Any, learned: Any | None, held: Any, target: str, *, seed: int = 0) -> Evaluation:
    """Evaluate a fitted estimator.

    Args:
        estimator: A fitted pipeline.
        learned: A DataFrame of the rows it has learned from, for the curves that learn again; None leaves those out.
        held: A DataFrame of rows it has not seen, with the target.
        target: The target's column.
        seed: Of everything random.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        features = [name for name in held.columns if name != target]
        kind = "classification" if hasattr(estimator, "classes_") else "regression"
        measure = classification if kind == "classification" else regression
        metrics, curves = measure(estimator, held[features], held[target], seed)
        classes = tuple(getattr(estimator, "classes_", ()))
        made = Evaluation(kind, target, classes, metrics, curves, estimator)
        curves["importance"] = importance(estimator, held[features], held[target], seed)
        curves["slices"] = slices(estimator, held[features], held[target])
        if learned is not None:
            curves["learning"] = learning(estimator, learned[features], learned[target], seed)
            curves["neighbours"] = neighbours(estimator, learned[features], learned[target])
    return made


def classification(estimator: Any, rows: Any, truth: Any, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    numpy, metrics = needed("numpy"), needed("sklearn.metrics")
    predicted = estimator.predict(rows)
    labels = list(estimator.classes_)
    found: dict[str, Any] = {
        "accuracy": float(metrics.accuracy_score(truth, predicted)),
        "balanced_accuracy": float(metrics.balanced_accuracy_score(truth, predicted)),
        "f1": float(metrics.f1_score(truth, predicted, average="macro")),
    }
    right = numpy.asarray(truth) == numpy.asarray(predicted)
    found["accuracy_interval"] = bootstrap(lambda chosen: float(right[chosen].mean()), len(right), seed)
    curves: dict[str, Any] = {"confusion": metrics.confusion_matrix(truth, predicted, labels=labels).tolist()}
    if hasattr(estimator, "predict_proba"):
        shares = estimator.predict_proba(rows)
        found["log_loss"] = float(metrics.log_loss(truth, shares, labels=labels))
        if len(labels) == 2:
            positive = (numpy.asarray(truth) == labels[1]).astype(int)
            binary(found, curves, positive, shares[:, 1], seed)
        else:
            found["roc_auc"] = float(metrics.roc_auc_score(truth, shares, multi_class="ovr", labels=labels))
    return found, curves


def binary(found: dict[str, Any], curves: dict[str, Any], positive: Any, shares: Any, seed: int) -> None:
    """What only a choice of two has: everything about thresholds."""
    metrics = needed("sklearn.metrics")

    def auc(chosen: Any) -> float:
        # A resample without one of the classes has no area.
        return (
            float(metrics.roc_auc_score(positive[chosen], shares[chosen])) if 0 < positive[chosen].mean() < 1 else 0.5
        )

    found["roc_auc"] = float(metrics.roc_auc_score(positive, shares))
    found["roc_auc_interval"] = bootstrap(auc, len(positive), seed)
    found["average_precision"] = float(metrics.average_precision_score(positive, shares))
    found["brier"] = float(metrics.brier_score_loss(positive, shares))
    false_rate, true_rate, _ = metrics.roc_curve(positive, shares)
    precision, recall, _ = metrics.precision_recall_curve(positive, shares)
    curves["roc"] = list(zip(false_rate.tolist(), true_rate.tolist(), strict=True))
    curves["precision_recall"] = list(zip(recall.tolist(), precision.tolist(), strict=True))[::-1]
    calibration = needed("sklearn.calibration").calibration_curve(positive, shares, n_bins=8, strategy="quantile")
    curves["calibration"] = list(zip(calibration[1].tolist(), calibration[0].tolist(), strict=True))
    curves["thresholds"] = [at_threshold(positive, shares, threshold) for threshold in THRESHOLDS]


def at_threshold(positive: Any, shares: Any, threshold: float) -> dict[str, float]:
    chosen = shares >= threshold
    hits = float((chosen & (positive == 1)).sum())
    precision = hits / float(chosen.sum()) if chosen.any() else 1.0
    recall = hits / float((positive == 1).sum())
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {
        "threshold": threshold,
        "chosen": float(chosen.mean()),
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "accuracy": float((chosen == (positive == 1)).mean()),
    }


def regression(estimator: Any, rows: Any, truth: Any, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    numpy, metrics = needed("numpy"), needed("sklearn.metrics")
    predicted = numpy.asarray(estimator.predict(rows), dtype=float)
    actual = numpy.asarray(truth, dtype=float)

    def rmse(chosen: Any) -> float:
        return float(numpy.sqrt(((predicted[chosen] - actual[chosen]) ** 2).mean()))

    every = numpy.arange(len(actual))
    found = {
        "r2": float(metrics.r2_score(actual, predicted)),
        "rmse": rmse(every),
        "rmse_interval": bootstrap(rmse, len(actual), seed),
        "mae": float(metrics.mean_absolute_error(actual, predicted)),
    }
    shown = every[:: max(1, len(every) // 500)]
    return found, {"residuals": list(zip(actual[shown].tolist(), predicted[shown].tolist(), strict=True))}


def bootstrap(measure: Callable[[Any], float], count: int, seed: int) -> list[float]:
    """A 95% interval of ``measure``, by resampling the rows."""
    numpy = needed("numpy")
    random = numpy.random.default_rng(seed)
    found = [measure(random.integers(count, size=count)) for _ in range(ROUNDS)]
    return [float(edge) for edge in numpy.percentile(found, [2.5, 97.5])]


def importance(estimator: Any, rows: Any, truth: Any, seed: int) -> list[tuple[str, float, float]]:
    """How much worse it gets when a column is shuffled: name, mean and deviation, the most important first."""
    inspection = needed("sklearn.inspection")
    some = rows.iloc[:CURVE_ROWS]
    found = inspection.permutation_importance(
        estimator, some, truth.iloc[:CURVE_ROWS], n_repeats=IMPORTANCE_ROUNDS, random_state=seed
    )
    made = zip(rows.columns, found.importances_mean.tolist(), found.importances_std.tolist(), strict=True)
    return sorted(((str(name), mean, deviation) for name, mean, deviation in made), key=lambda each: -each[1])


def slices(estimator: Any, rows: Any, truth: Any) -> list[tuple[str, int, float]]:
    """The score for each category, the worst first: what it is, rows, and accuracy or mean absolute error."""
    numpy = needed("numpy")
    predicted = numpy.asarray(estimator.predict(rows))
    classifies = hasattr(estimator, "classes_")
    good = predicted == numpy.asarray(truth) if classifies else numpy.abs(predicted - numpy.asarray(truth))
    found = []
    for name in rows.columns:
        values = grouped(rows[name])
        for value in values.unique():
            chosen = numpy.asarray(values == value)
            if chosen.sum() >= FEWEST_IN_SLICE:
                found.append((f"{name} {value}", int(chosen.sum()), float(good[chosen].mean())))
    return sorted(found, key=lambda each: each[2] if classifies else -each[2])


def grouped(column: Any) -> Any:
    """The values of a column, those of a number with many of them in quarters."""
    pandas = needed("pandas")
    if column.nunique() > MOST_VALUES and pandas.api.types.is_numeric_dtype(column):
        column = pandas.qcut(column, 4, duplicates="drop", precision=1).astype(str).where(column.notna(), None)
    return column.astype(object).where(column.notna(), "missing")


def learning(estimator: Any, rows: Any, truth: Any, seed: int) -> list[tuple[int, float, float]]:
    """Rows, and the scores on those and on others: whether more data would help."""
    selection = needed("sklearn.model_selection")
    sizes, own, other = selection.learning_curve(
        estimator,
        rows.iloc[:CURVE_ROWS],
        truth.iloc[:CURVE_ROWS],
        cv=3,
        train_sizes=[0.1, 0.25, 0.5, 0.75, 1.0],
        shuffle=True,
        random_state=seed,
    )
    return list(zip(sizes.tolist(), own.mean(axis=1).tolist(), other.mean(axis=1).tolist(), strict=True))


def neighbours(estimator: Any, rows: Any, truth: Any) -> list[tuple[int, float, float]]:
    """Of nearest neighbours: how many of them, and the scores on the rows learned from and on others."""
    final = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    if not type(final).__name__.startswith("KNeighbors"):
        return []
    name = f"{estimator.steps[-1][0]}__n_neighbors" if hasattr(estimator, "steps") else "n_neighbors"
    some = rows.iloc[:CURVE_ROWS]
    counts = [count for count in NEIGHBOURS if count < len(some) // 2]
    own, other = needed("sklearn.model_selection").validation_curve(
        estimator, some, truth.iloc[:CURVE_ROWS], param_name=name, param_range=counts, cv=5
    )
    return list(zip(counts, own.mean(axis=1).tolist(), other.mean(axis=1).tolist(), strict=True))
