"""The forest's table finds the very leaves that scikit-learn finds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from velox.ml import forest as forest_module
from velox.ml.forest import Forest, splits_of

RANDOM = np.random.default_rng(0)
MATRIX = np.round(RANDOM.normal(size=(400, 5)), 2)
MATRIX[:, 3] = MATRIX[:, 3] > 0
CLASSES = (MATRIX[:, 0] + MATRIX[:, 3] + RANDOM.normal(size=400) > 0).astype(int) + (MATRIX[:, 1] > 1)
VALUES = MATRIX[:, 0] * 3 + RANDOM.normal(size=400)


def trees_of(model: Any) -> list[Any]:
    return [each.tree_ for each in getattr(model, "estimators_", [model])]


MODELS = [
    RandomForestClassifier(20, random_state=0),
    RandomForestClassifier(5, max_depth=1, random_state=0),
    ExtraTreesClassifier(10, random_state=0),
    DecisionTreeClassifier(random_state=0),
    DecisionTreeClassifier(max_leaf_nodes=64, random_state=0),
    DecisionTreeClassifier(max_leaf_nodes=65, random_state=0),
]


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_probabilities_are_the_same_floats(model: Any) -> None:
    model.fit(MATRIX, CLASSES)
    forest = Forest(trees_of(model))
    expected = model.predict_proba(MATRIX)
    assert np.array_equal(forest.from_table(MATRIX.astype(np.float32)), expected)
    assert np.array_equal(forest.walked(MATRIX.astype(np.float32)), expected)
    assert np.array_equal(np.concatenate([forest(MATRIX[place : place + 1]) for place in range(40)]), expected[:40])


@pytest.mark.parametrize(
    "model", [RandomForestRegressor(20, random_state=0), DecisionTreeRegressor(random_state=0)], ids=repr
)
def test_values_agree_to_the_last_digits(model: Any) -> None:
    model.fit(MATRIX, VALUES)
    made = Forest(trees_of(model)).from_table(MATRIX.astype(np.float32))[:, 0]
    np.testing.assert_allclose(made, model.predict(MATRIX), rtol=1e-13)


def test_at_every_threshold_and_its_neighbours_the_leaf_is_the_same() -> None:
    model = RandomForestClassifier(10, random_state=0).fit(MATRIX, CLASSES)
    forest = Forest(trees_of(model))
    rows: list[Any] = []
    for tree in trees_of(model):
        for feature, threshold, *_ in splits_of(tree)[0]:
            near = np.float32(threshold)
            for value in (threshold, near, np.nextafter(near, np.float32(9)), np.nextafter(near, np.float32(-9))):
                row = MATRIX[len(rows) % len(MATRIX)].copy()
                row[feature] = value
                rows.append(row)
    matrix = np.array(rows)
    assert np.array_equal(forest.from_table(matrix.astype(np.float32)), model.predict_proba(matrix))


def test_missing_values_go_where_they_went_in_training() -> None:
    holes = MATRIX.copy()
    holes[RANDOM.random(holes.shape) < 0.2] = np.nan
    model = RandomForestClassifier(10, random_state=0).fit(holes, CLASSES)
    forest = Forest(trees_of(model))
    assert np.array_equal(forest.from_table(holes.astype(np.float32)), model.predict_proba(holes))


def test_a_tree_without_a_split_has_one_answer() -> None:
    model = DecisionTreeClassifier().fit(MATRIX, np.zeros(len(MATRIX)))
    assert Forest(trees_of(model)).from_table(MATRIX[:3].astype(np.float32)).tolist() == [[1.0], [1.0], [1.0]]


def test_a_forest_too_large_for_a_table_is_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forest_module, "MAX_TABLE_BYTES", 1000)
    model = RandomForestClassifier(5, random_state=0).fit(MATRIX, CLASSES)
    forest = Forest(trees_of(model))
    assert not forest.tabled
    assert np.array_equal(forest(MATRIX[:2]), model.predict_proba(MATRIX[:2]))
