"""What a version knows of its training data, and its card."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.apps.passengers import fitted, passengers, publish
from velox.ml import Registry
from velox.ml.card import card_of
from velox.ml.distributions import DISTRIBUTIONS, Reference, distribution_of


def test_a_published_version_has_the_distributions_of_its_data_and_answers(tmp_path: Path) -> None:
    manifest = publish(tmp_path)
    reference = Reference.from_json(Registry(tmp_path).read(manifest, DISTRIBUTIONS))
    frame = passengers()
    age, sex = reference.features["age"], reference.features["sex"]
    assert age.rows == len(frame)
    assert age.missing == pytest.approx(frame["age"].isna().mean())
    present = frame["age"].dropna().to_numpy()
    for point, below, up_to in zip(age.points, age.below, age.up_to, strict=True):
        assert (below, up_to) == (np.mean(present < point), np.mean(present <= point))
    assert dict(sex.categories) == pytest.approx(frame["sex"].value_counts(normalize=True).to_dict())
    answers = fitted().predict(frame)
    assert dict(reference.prediction.categories)["yes"] == pytest.approx(np.mean(answers == "yes"))


def test_a_text_tells_only_how_often_it_is_missing() -> None:
    found = distribution_of(["Ada", None, "Bob"], numeric=False, keep=False)
    assert found.missing == pytest.approx(1 / 3)
    assert not found.categories


def test_the_card_says_what_the_manifest_knows_in_markdown(tmp_path: Path) -> None:
    manifest = publish(tmp_path, metrics={"accuracy": 0.75, "accuracy_interval": [0.7, 0.8]}, data={"source": "a|b<c"})
    card = Registry(tmp_path).card(manifest)
    assert card == card_of(manifest)
    assert "| sex | category | female, male | no |" in card
    assert "| accuracy | 0.75 | 0.7 to 0.8 |" in card
    assert "- source: a\\|b&lt;c" in card
