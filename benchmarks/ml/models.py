"""Both models of the Titanic, written for every server: a registry for Velox, ``MODEL.joblib`` for the others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from velox.ml import Policies, Registry, load, publish_estimator, titanic
from velox.ml.inference import ANYTHING, rows_of
from velox.ml.rows import RowReader

__all__ = ["parity", "write"]

NUMBERS = ["pclass", "age", "sibsp", "parch", "fare"]
CATEGORIES = ["sex", "embarked"]


def estimators() -> dict[str, Any]:
    return {
        "logreg": LogisticRegression(max_iter=1000),
        "forest": RandomForestClassifier(100, random_state=0),
    }


def write(folder: Path) -> None:
    """Train both, and write them below ``folder``."""
    frame = titanic()
    rows, labels = frame[[*NUMBERS, *CATEGORIES]], frame["survived"]
    for name, final in estimators().items():
        numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
        categories = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
        prepare = ColumnTransformer([("numbers", numbers, NUMBERS), ("categories", categories, CATEGORIES)])
        pipeline = Pipeline([("prepare", prepare), ("model", final)]).fit(rows, labels)
        joblib.dump(pipeline, folder / f"{name}.joblib")
        publish_estimator(Registry(folder / "models"), name, pipeline, rows, target="survived", policies=Policies())
        write_mlserver(folder / f"mlserver-{name}", folder / f"{name}.joblib", name)


def write_mlserver(folder: Path, model: Path, name: str) -> None:
    folder.mkdir()
    settings = {
        "name": name,
        "implementation": "mlserver_sklearn.SKLearnModel",
        "max_batch_size": 64,
        "max_batch_time": 0.002,
        "parallel_workers": 0,
        "parameters": {"uri": str(model)},
    }
    (folder / "model-settings.json").write_text(json.dumps(settings))


def parity(folder: Path, count: int) -> dict[str, tuple[int, float]]:
    """By model: labels that differ from scikit-learn's, and the greatest difference of a probability, on ``count`` rows
    drawn column by column from the data."""
    frame, found = titanic(), {}
    random = np.random.default_rng(0)
    drawn = {name: frame[name].to_numpy()[random.integers(len(frame), size=count)] for name in [*NUMBERS, *CATEGORIES]}
    rows = type(frame)(drawn).astype({name: frame[name].dtype for name in drawn})
    for name in estimators():
        pipeline = joblib.load(folder / f"{name}.joblib")
        runner = load(Registry(folder / "models"), name)
        reader = RowReader(runner.schema, ANYTHING)
        vectors = [reader.read(row)[0] for row in rows_of(runner.schema, rows)]
        parts = [runner.predict(vectors[start : start + 16]) for start in range(0, count, 16)]
        labels = np.concatenate([part.labels for part in parts])
        shares = np.concatenate([part.probabilities for part in parts if part.probabilities is not None])
        expected = pipeline.predict_proba(rows)
        differing = int((pipeline.classes_[labels] != pipeline.predict(rows)).sum())
        found[name] = (differing, float(np.abs(shares - expected).max()))
    return found
