"""The estimators that can be asked for by name, with what is tried when they are tuned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from velox.errors import ConfigurationError
from velox.ml.examination import Examination
from velox.ml.optional import needed

__all__ = ["DEFAULT", "Kind", "kinds", "pipeline"]

DEFAULT = ("logreg", "tree", "knn", "rf")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of estimator.

    Attributes:
        estimator: With its parameters where it is not tuned.
        grid: What is tried when it is tuned, by parameter.
    """

    estimator: Any
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def make(self, seed: int) -> Any:
        """A new estimator, with ``seed`` where it uses chance."""
        made = needed("sklearn.base").clone(self.estimator)
        return made.set_params(random_state=seed) if "random_state" in made.get_params() else made


def classifiers() -> dict[str, Kind]:
    ensemble, linear, neighbors, tree = parts()
    return {
        "logreg": Kind(linear.LogisticRegression(max_iter=2000), {"C": (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0)}),
        "tree": Kind(tree.DecisionTreeClassifier(max_depth=5, min_samples_leaf=5), TREE_GRID),
        "knn": Kind(neighbors.KNeighborsClassifier(), KNN_GRID),
        "rf": Kind(ensemble.RandomForestClassifier(100), FOREST_GRID),
        "gb": Kind(ensemble.GradientBoostingClassifier(), BOOSTING_GRID),
    }


def regressors() -> dict[str, Kind]:
    ensemble, linear, neighbors, tree = parts()
    return {
        "linear": Kind(linear.Ridge(), {"alpha": (0.01, 0.1, 1.0, 10.0, 100.0)}),
        "tree": Kind(tree.DecisionTreeRegressor(max_depth=6, min_samples_leaf=5), TREE_GRID),
        "knn": Kind(neighbors.KNeighborsRegressor(), KNN_GRID),
        "rf": Kind(ensemble.RandomForestRegressor(100), FOREST_GRID),
        "gb": Kind(ensemble.GradientBoostingRegressor(), BOOSTING_GRID),
    }


TREE_GRID: Mapping[str, Sequence[Any]] = MappingProxyType(
    {"max_depth": (3, 5, 8, None), "ccp_alpha": (0.0, 0.001, 0.003, 0.01)}
)
KNN_GRID: Mapping[str, Sequence[Any]] = MappingProxyType(
    {
        "n_neighbors": (1, 3, 5, 7, 11, 15, 21, 31),
        "metric": ("euclidean", "manhattan"),
        "weights": ("uniform", "distance"),
    }
)
FOREST_GRID: Mapping[str, Sequence[Any]] = MappingProxyType(
    {"max_depth": (5, 10, None), "min_samples_leaf": (1, 3, 5), "max_features": ("sqrt", 0.5)}
)
BOOSTING_GRID: Mapping[str, Sequence[Any]] = MappingProxyType(
    {"learning_rate": (0.03, 0.1, 0.3), "n_estimators": (50, 100, 200), "max_depth": (2, 3)}
)


def parts() -> tuple[Any, Any, Any, Any]:
    names = ("ensemble", "linear_model", "neighbors", "tree")
    ensemble, linear, neighbors, tree = (needed(f"sklearn.{name}") for name in names)
    return ensemble, linear, neighbors, tree


def kinds(names: Sequence[str], kind: str) -> dict[str, Kind]:
    """The estimators of these names.

    Raises:
        ConfigurationError: VX815 for a name that is none.
    """
    known = classifiers() if kind == "classification" else regressors()
    if kind == "regression":
        names = ["linear" if name == "logreg" else name for name in names]
    for name in names:
        if name not in known:
            raise ConfigurationError(
                "VX815", f"there is no kind of model {name!r}", hint=f"Choose from: {', '.join(known)}"
            )
    return {name: known[name] for name in names}


def pipeline(examination: Examination, final: Any) -> Any:
    """Everything between a row and the answer, as one scikit-learn ``Pipeline``: what serves cannot differ from what
    was trained.

    Numbers: the median for missing ones, then scaled. Categories: the most frequent for missing ones, then one-hot.
    Truth values as they are.
    """
    compose, impute = needed("sklearn.compose"), needed("sklearn.impute")
    made, pre = needed("sklearn.pipeline").Pipeline, needed("sklearn.preprocessing")
    by_kind: dict[str, list[str]] = {}
    for column in examination.columns:
        if column.left_out is None:
            kind = {"integer": "number"}.get(column.feature.kind, column.feature.kind)
            by_kind.setdefault(kind, []).append(column.feature.name)
    number = made([("impute", impute.SimpleImputer(strategy="median")), ("scale", pre.StandardScaler())])
    category = made(
        [
            ("impute", impute.SimpleImputer(strategy="most_frequent")),
            ("encode", pre.OneHotEncoder(handle_unknown="ignore", sparse_output=False)),
        ]
    )
    steps = {"number": number, "category": category, "boolean": "passthrough"}
    transformers = [(kind, steps[kind], names) for kind, names in by_kind.items()]
    return made([("prepare", compose.ColumnTransformer(transformers)), ("model", final)])
