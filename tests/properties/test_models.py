"""Whatever is generated (a table, a pipeline, rows), the served answers are scikit-learn's."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier

from velox.ml import Outcome, Policies, Schema
from velox.ml.compiled import compile_pipeline
from velox.ml.inference import ANYTHING, infer_features, infer_schema
from velox.ml.rows import RowReader, frame_of

SCALERS = [
    "passthrough",
    StandardScaler(),
    MinMaxScaler(),
    RobustScaler(),
    MaxAbsScaler(),
    StandardScaler(with_mean=False),
]
ENCODERS = [
    OneHotEncoder(handle_unknown="ignore"),
    OneHotEncoder(drop="if_binary", handle_unknown="ignore"),
    OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=4),
    OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
]
FINALS = [
    LogisticRegression(),
    DecisionTreeClassifier(random_state=0),
    RandomForestClassifier(4, random_state=0),
    ExtraTreesClassifier(3, random_state=0),
    KNeighborsClassifier(3),
    GradientBoostingClassifier(n_estimators=3, random_state=0),
]
NUMBERS = st.one_of(
    st.none(),
    st.floats(-1e6, 1e6, allow_subnormal=False),
    st.integers(-5, 5).map(float),
    st.sampled_from([0.0, -0.0, 0.1, 1 / 3, 1e-30, 16777217.0]),
)


@st.composite
def tables(draw: st.DrawFn) -> Any:
    """A DataFrame of 40 rows: numbers and texts with holes, whole numbers; and labels of two or three classes."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    frame = pd.DataFrame(
        {
            "wide": random.normal(0, draw(st.sampled_from([1e-3, 1.0, 1e5])), 40),
            "holes": np.where(random.random(40) < 0.3, np.nan, random.normal(size=40).round(1)),
            "whole": random.integers(-3, 4, 40),
            "text": random.choice(np.array(["a", "b", "ü €", "", None], dtype=object), 40),
            "kind": random.integers(1, 4, 40),
        }
    )
    frame.loc[[0, 1, 2, 3], "text"] = ["a", "b", "ü €", ""]
    labels = np.where(frame["wide"] > 0, "up", np.where(frame["whole"] > draw(st.integers(-4, 3)), "down", "level"))
    labels[:2] = ["up", "down"]
    return frame, labels


@st.composite
def pipelines(draw: st.DrawFn) -> Any:
    numbers = make_pipeline(
        SimpleImputer(strategy=draw(st.sampled_from(["mean", "median"]))), draw(st.sampled_from(SCALERS))
    )
    texts = make_pipeline(SimpleImputer(strategy="most_frequent"), draw(st.sampled_from(ENCODERS)))
    prepare = ColumnTransformer(
        [
            ("numbers", numbers, ["holes", "wide"]),
            ("texts", texts, ["text", "kind"]),
            ("rest", "passthrough", ["whole"]),
        ]
    )
    again = [draw(st.sampled_from(SCALERS[1:]))] if draw(st.booleans()) else []
    again = [scaler for scaler in again if isinstance(scaler, (MaxAbsScaler, MinMaxScaler))]
    return make_pipeline(prepare, *again, draw(st.sampled_from(FINALS)))


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "wide": draw(NUMBERS.filter(lambda value: value is not None)),
        "holes": draw(NUMBERS),
        "whole": draw(st.integers(-100, 100)),
        "text": draw(st.sampled_from(["a", "b", "ü €", "", None, "never seen"])),
        "kind": draw(st.integers(0, 5)),
    }


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(tables(), pipelines(), st.lists(rows(), min_size=1, max_size=40))
def test_answers_are_scikit_learns(table: Any, pipeline: Any, asked: list[dict[str, Any]]) -> None:
    frame, labels = table
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline.fit(frame, labels)
        schema = infer_schema(pipeline, frame, "label", Policies())
        reader = RowReader(schema, ANYTHING)
        asked = [row for row in asked if not reader.explain(row, "")]
        if not asked:
            return
        vectors = [reader.read(row)[0] for row in asked]
        compiled = compile_pipeline(pipeline, schema, pipeline.classes_)
        expected = pipeline.predict_proba(frame_of(schema, vectors))
        expected_labels = pipeline.predict(frame_of(schema, vectors)).tolist()
        made = compiled(vectors)
        single = [compiled(vectors[place : place + 1]) for place in range(len(vectors))]
    close = expected.max(axis=1) - np.sort(expected, axis=1)[:, -2] > 1e-9  # a tie of floats is anybody's
    assert made.probabilities is not None
    np.testing.assert_allclose(made.probabilities, expected, atol=1e-9)
    assert pipeline.classes_[made.labels[close]].tolist() == np.array(expected_labels)[close].tolist()
    for place, one in enumerate(single):
        assert one.probabilities is not None
        np.testing.assert_allclose(one.probabilities[0], expected[place], atol=1e-9)
        if compiled.one is not None:
            label, shares = compiled.one(vectors[place])
            assert shares is not None
            np.testing.assert_allclose(shares, expected[place], atol=1e-9)
            assert not close[place] or pipeline.classes_[label] == expected_labels[place]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from(["wide", "holes", "whole", "text", "kind", "other"]),
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.floats(),
            st.text(max_size=3),
            st.lists(st.integers(), max_size=2),
        ),
    )
)
def test_any_row_is_a_vector_of_finite_numbers_or_a_problem(row: dict[str, Any]) -> None:
    errors = READER.explain(row, "")
    if not errors:
        vector, warned = READER.read(row)
        assert len(vector) == 5
        assert all(isinstance(value, str) or value is None or not math.isinf(value) for value in vector)
        assert all(isinstance(text, str) for text in warned)


def table_reader() -> RowReader:
    frame = pd.DataFrame(
        {"wide": [0.5, 1.0], "holes": [1.0, None], "whole": [1, 2], "text": ["a", None], "kind": [True, False]}
    )
    return RowReader(Schema(infer_features(frame), Outcome("label", "regression")), Policies())


READER = table_reader()
