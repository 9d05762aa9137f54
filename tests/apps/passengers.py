"""A small table with everything that makes tables hard, and models of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from velox.ml import Registry, publish_estimator
from velox.ml.manifest import Manifest

__all__ = ["NUMBERS", "ROW", "fitted", "passengers", "publish"]

NUMBERS = ["age", "fare"]
CATEGORIES = ["class", "sex", "port"]
ROW = {"class": 3, "sex": "male", "age": 22.0, "fare": 7.25, "port": "S"}


def passengers(rows: int = 160, seed: int = 0) -> Any:
    """A DataFrame ``(rows, 6)`` with missing ages and ports; ``survived`` is the target."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "class": random.integers(1, 4, rows),
            "sex": random.choice(["female", "male"], rows),
            "age": np.where(random.random(rows) < 0.2, np.nan, random.integers(1, 80, rows)),
            "fare": random.exponential(30.0, rows).round(2),
            "port": random.choice(np.array(["C", "Q", "S", None], dtype=object), rows, p=[0.2, 0.1, 0.65, 0.05]),
        }
    )
    luck = 2.0 * (frame["sex"] == "female") - frame["class"] + random.normal(size=rows)
    frame["survived"] = np.where(luck > -1.5, "yes", "no")
    return frame


def fitted(final: Any = None, frame: Any = None, target: str = "survived") -> Any:
    """A pipeline, fitted on the passengers."""
    frame = passengers() if frame is None else frame
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    categories = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    names = [name for name in NUMBERS if name != target]
    prepare = ColumnTransformer([("numbers", numbers, names), ("categories", categories, CATEGORIES)])
    return make_pipeline(prepare, final if final is not None else LogisticRegression()).fit(
        frame[[*names, *CATEGORIES]], frame[target]
    )


def publish(root: Path, name: str = "titanic", final: Any = None, **options: Any) -> Manifest:
    """Publish a model of the passengers below ``root``."""
    return publish_estimator(Registry(root), name, fitted(final), passengers(), target="survived", **options)
