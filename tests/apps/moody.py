"""Models whose code is not scikit-learn's, and is no good."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from tests.apps.passengers import passengers
from velox.ml import Registry, publish_estimator

__all__ = ["HangingToLoad", "HungryToLoad", "Moody", "publish_moody"]


class Moody(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Raises on an age of 13, waits for ever on one of 14, takes all memory on 15, and ends its process on 16."""

    def fit(self, X: Any, y: Any) -> Any:  # noqa: N803
        self.classes_ = np.unique(y)
        self.feature_names_in_ = np.array(X.columns, dtype=object)
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        ages = set(X["age"])
        if 13 in ages:
            raise ValueError("thirteen")
        if 14 in ages:
            threading.Event().wait()
        if 15 in ages:
            taken = []
            while True:
                taken.append(np.empty(2**24))
        if 16 in ages:
            os._exit(1)
        return np.full(len(X), self.classes_[0])


class HangingToLoad(Moody):
    """Is never loaded."""

    def __setstate__(self, state: Any) -> None:
        threading.Event().wait()


class HungryToLoad(Moody):
    """Takes all memory while it is loaded."""

    def __setstate__(self, state: Any) -> None:
        taken = []
        while True:
            taken.append(np.empty(2**24))


def publish_moody(root: Path, kind: type[Moody] = Moody) -> None:
    """Publish one as ``moody`` below ``root``."""
    frame = passengers().dropna()
    frame = frame[~frame["age"].isin([13, 14, 15, 16])]
    publish_estimator(Registry(root), "moody", kind().fit(frame[["age"]], frame["survived"]), frame, target="survived")
