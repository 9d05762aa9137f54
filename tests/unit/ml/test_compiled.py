"""Compiled pipelines answer as scikit-learn does, and what cannot be compiled is left to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier

from tests.apps.passengers import NUMBERS, fitted, passengers
from velox.ml import Policies, Registry, heads, load, publish_estimator
from velox.ml.inference import infer_schema, rows_of
from velox.ml.rows import RowReader, frame_of
from velox.ml.verification import verify

FRAME = passengers()
FINALS = [
    (LogisticRegression(), "linear"),
    (DecisionTreeClassifier(random_state=0), "tree"),
    (RandomForestClassifier(10, random_state=0), "forest"),
    (KNeighborsClassifier(), "scikit-learn's KNeighborsClassifier on encoded rows"),
    (GradientBoostingClassifier(n_estimators=5, random_state=0), "scikit-learn's GradientBoostingClassifier"),
    (RidgeClassifier(), "scikit-learn's RidgeClassifier"),
]


def verdict_of(estimator: Any, frame: Any = FRAME) -> Any:
    return verify(estimator, infer_schema(estimator, frame, "survived", Policies()), frame, seed=0)


@pytest.mark.parametrize(("final", "form"), FINALS, ids=lambda each: type(each).__name__)
def test_estimators_are_compiled_and_give_the_same_labels(final: Any, form: str) -> None:
    report = verdict_of(fitted(final)).report
    assert report["by"] == "compiled"
    assert report["form"].startswith(form)
    assert report["labels_differ"] == 0
    assert report["max_difference"] < 1e-12


@pytest.mark.parametrize("final", [RandomForestRegressor(10, random_state=0), LinearRegression()], ids=repr)
def test_regressions_are_compiled(final: Any) -> None:
    estimator = fitted(final, target="fare")
    report = verify(estimator, infer_schema(estimator, FRAME, "fare", Policies()), FRAME, seed=0).report
    assert (report["by"], report["max_difference"] < 1e-12) == ("compiled", True)


@pytest.mark.parametrize(
    "scaler", [StandardScaler(with_mean=False), MinMaxScaler(clip=True), RobustScaler(), MaxAbsScaler()], ids=repr
)
@pytest.mark.parametrize("encoder", [OneHotEncoder(drop="first"), OrdinalEncoder()], ids=repr)
def test_scalers_and_encoders_are_read_to_the_last_bit(scaler: Any, encoder: Any) -> None:
    frame = FRAME.dropna()
    prepare = make_column_transformer((scaler, NUMBERS), (encoder, ["sex", "port"]), ("passthrough", ["class"]))
    estimator = make_pipeline(prepare, DecisionTreeClassifier(random_state=0)).fit(frame, frame["survived"])
    report = verdict_of(estimator, frame).report
    assert (report["by"], report["max_difference"], report["labels_differ"]) == ("compiled", 0.0, 0)


def test_columns_may_be_chosen_by_type_by_place_and_by_the_rest() -> None:
    frame = FRAME.dropna()[["age", "fare", "sex", "class", "survived"]]
    prepare = ColumnTransformer(
        [("n", StandardScaler(), make_column_selector(dtype_include="float")), ("c", OneHotEncoder(), [2])],
        remainder="passthrough",
    )
    estimator = make_pipeline(prepare, MinMaxScaler(), LogisticRegression()).fit(
        frame.drop(columns="survived"), frame["survived"]
    )
    assert verdict_of(estimator, frame).report["form"] == "linear"


def test_what_cannot_be_read_is_computed_by_scikit_learn_from_there_on() -> None:
    report = verdict_of(make_pipeline(fitted()[0], PCA(3), LogisticRegression()).fit(FRAME, FRAME["survived"])).report
    assert report["form"] == "scikit-learn's LogisticRegression on encoded rows"


def test_a_text_is_left_to_scikit_learn() -> None:
    frame = pd.DataFrame({"text": [f"word{i} {'good' if i % 2 else 'bad'}" for i in range(120)]})
    estimator = make_pipeline(make_column_transformer((TfidfVectorizer(), "text")), LogisticRegression()).fit(
        frame, [i % 2 for i in range(120)]
    )
    verdict = verdict_of(estimator, frame)
    assert verdict.compiled is None
    assert verdict.report == {"by": "scikit-learn", "reason": "text is a text"}


class Rounded(StandardScaler):  # type: ignore[misc]
    """Looks like scikit-learn's, and is not."""

    def transform(self, X: Any, copy: Any = None) -> Any:  # noqa: N803
        return super().transform(X, copy).round(1)


def test_a_transformer_of_somebody_else_is_never_taken_for_scikit_learns() -> None:
    estimator = make_pipeline(SimpleImputer(), Rounded(), LogisticRegression()).fit(FRAME[NUMBERS], FRAME["survived"])
    assert verdict_of(estimator).report["form"] == "scikit-learn's LogisticRegression on encoded rows"


def test_a_compiled_form_that_differs_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    estimator = fitted()
    schema = infer_schema(estimator, FRAME, "survived", Policies())
    right = heads.Linear.__call__

    def wrong(self: Any, matrix: Any) -> Any:
        found = right(self, matrix)
        assert found.probabilities is not None
        return heads.Predictions(found.labels, found.probabilities * 0.999)

    monkeypatch.setattr(heads.Linear, "__call__", wrong)
    verdict = verify(estimator, schema, FRAME, seed=0)
    assert verdict.compiled is None
    assert verdict.report["by"] == "scikit-learn"
    assert verdict.report["max_difference"] > 1e-6


class Constant(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A user's own classifier."""

    def fit(self, X: Any, y: Any) -> Any:  # noqa: N803
        self.classes_ = np.unique(y)
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        return np.full(len(X), self.classes_[0])


def test_a_plain_array_estimator_takes_rows_by_the_samples_names(tmp_path: Path) -> None:
    sample = FRAME[NUMBERS].fillna(30.0)
    estimator = Constant().fit(sample.to_numpy(), FRAME["survived"])
    schema = infer_schema(estimator, sample, "survived", Policies())
    assert (schema.form, [feature.name for feature in schema.features]) == ("array", NUMBERS)


def test_missing_and_unknown_values_are_taken_where_the_model_and_its_data_do() -> None:
    features = {feature.name: feature for feature in infer_schema(fitted(), FRAME, "survived", Policies()).features}
    assert [name for name, feature in features.items() if feature.missing] == ["age", "port"]
    assert [name for name, feature in features.items() if feature.unknown] == ["class", "sex", "port"]
    assert features["class"].categories == (1, 2, 3)


@pytest.mark.parametrize(("final", "form"), FINALS, ids=lambda each: type(each).__name__)
def test_a_loaded_model_answers_as_the_estimator_that_was_published(tmp_path: Path, final: Any, form: str) -> None:
    estimator = fitted(final)
    registry = Registry(tmp_path)
    publish_estimator(registry, "titanic", estimator, FRAME, target="survived")
    runner = load(registry, "titanic")
    others = passengers(200, seed=5)
    reader = RowReader(runner.schema, Policies("accept", "warn"))
    vectors = [reader.read(row)[0] for row in rows_of(runner.schema, others)]
    made = runner.predict(vectors)
    assert estimator.classes_[made.labels].tolist() == estimator.predict(others).tolist()
    if made.probabilities is not None:
        np.testing.assert_allclose(made.probabilities, estimator.predict_proba(others), atol=1e-12)
    np.testing.assert_array_equal(
        estimator.predict(frame_of(runner.schema, vectors)),
        estimator.predict(others[list(frame_of(runner.schema, vectors))]),
    )


def test_a_function_step_is_left_to_scikit_learn() -> None:
    estimator = make_pipeline(SimpleImputer(), FunctionTransformer(np.log1p), LogisticRegression())
    estimator.fit(FRAME[NUMBERS], FRAME["survived"])
    report = verdict_of(estimator).report
    assert (report["form"], report["labels_differ"]) == ("scikit-learn's LogisticRegression on encoded rows", 0)
