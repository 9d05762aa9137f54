"""The final estimators that are computed here, each from a matrix of float64 as scikit-learn would see it.

A head is a function from ``(n, columns)`` to :class:`Predictions`; ``head_of`` chooses one for an estimator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from velox.ml.forest import Forest

__all__ = ["Head", "Linear", "Predictions", "final_head", "head_of"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Predictions:
    """The answers for ``n`` rows.

    Attributes:
        labels: Of a classification the positions among the classes, ``(n,)``; of a regression the values.
        probabilities: ``(n, classes)``; None where the estimator gives none.
    """

    labels: Array
    probabilities: Array | None = None


Head = Callable[[Array], Predictions]


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear model: ``matrix @ weights + intercept``, and what is made of it.

    Attributes:
        weights: ``(columns, scores)``.
        intercept: ``(scores,)``.
        link: ``"identity"``, ``"logistic"`` (two classes) or ``"softmax"``.
    """

    weights: Array
    intercept: Array
    link: str

    def __call__(self, matrix: Array) -> Predictions:
        scores = matrix @ self.weights + self.intercept
        if self.link == "identity":
            return Predictions(scores[:, 0])
        if self.link == "logistic":
            with np.errstate(over="ignore"):
                second = 1.0 / (1.0 + np.exp(-scores))
            probabilities = np.concatenate([1.0 - second, second], axis=1)
            return Predictions((scores[:, 0] > 0).astype(np.intp), probabilities)
        exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
        return Predictions(scores.argmax(axis=1), exponentials / exponentials.sum(axis=1, keepdims=True))


def head_of(steps: list[Any], *, classes: Any | None) -> tuple[str, Head]:
    """What computes the rest of a pipeline, and what it is called.

    Args:
        steps: The steps that are left; the last is the final estimator.
        classes: Its classes; None for a regression.
    """
    final = steps[-1]
    name = type(final).__name__
    if len(steps) == 1 and type(final).__module__.startswith("sklearn."):
        if name in LINEAR_REGRESSIONS and np.ndim(final.coef_) == 1:
            weights, intercept = np.reshape(final.coef_, (-1, 1)), np.reshape(final.intercept_, (1,))
            return "linear", Linear(weights.astype(np.float64), intercept.astype(np.float64), "identity")
        if name == "LogisticRegression" and classes is not None and getattr(final, "solver", "") != "liblinear":
            link = "logistic" if len(classes) == 2 else "softmax"
            return "linear", Linear(np.ascontiguousarray(final.coef_.T), np.array(final.intercept_), link)
        if name in FORESTS:
            trees = [each.tree_ for each in getattr(final, "estimators_", None) or [final]]
            return "tree" if len(trees) == 1 else "forest", forest_head(Forest(trees), classifies=classes is not None)
    return f"scikit-learn's {name} on encoded rows", final_head(pipeline_of(steps), classes)


LINEAR_REGRESSIONS = frozenset(
    {"LinearRegression", "Ridge", "Lasso", "ElasticNet", "RidgeCV", "LassoCV", "HuberRegressor"}
)
FORESTS = frozenset(
    {
        "DecisionTreeClassifier",
        "DecisionTreeRegressor",
        "ExtraTreeClassifier",
        "ExtraTreesClassifier",
        "ExtraTreesRegressor",
        "RandomForestClassifier",
        "RandomForestRegressor",
    }
)


def forest_head(forest: Forest, *, classifies: bool) -> Head:
    """The mean of the trees: of a class' share of a leaf, or of a leaf's value."""

    def predict(matrix: Array) -> Predictions:
        means = forest(matrix)
        if classifies:
            return Predictions(means.argmax(axis=1), means)
        return Predictions(means[:, 0])

    return predict


def pipeline_of(steps: list[Any]) -> Any:
    if len(steps) == 1:
        return steps[0]
    from sklearn.pipeline import make_pipeline

    return make_pipeline(*steps)


def final_head(estimator: Any, classes: Any | None) -> Head:
    """scikit-learn itself, asked for labels and, where it has them, for probabilities.

    Both are asked for: the likeliest class is not every classifier's label (a tie among neighbours, a support vector
    machine).
    """
    if classes is None:
        return lambda matrix: Predictions(np.asarray(estimator.predict(matrix), dtype=np.float64).reshape(-1))
    order = np.argsort(classes)
    ordered = np.asarray(classes)[order]

    def positions(labels: Array) -> Array:
        return np.asarray(order[np.searchsorted(ordered, labels)])

    if not hasattr(estimator, "predict_proba"):
        return lambda matrix: Predictions(positions(estimator.predict(matrix)))
    return lambda matrix: Predictions(positions(estimator.predict(matrix)), np.asarray(estimator.predict_proba(matrix)))
