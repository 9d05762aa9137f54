"""BentoML with its adaptive batching."""

from __future__ import annotations

import os
from typing import Any

import bentoml
import joblib
import pandas as pd


@bentoml.service(workers=1, traffic={"max_concurrency": 128})
class Titanic:
    """One model."""

    def __init__(self) -> None:
        self.model = joblib.load(os.environ["BENCH_MODEL"])

    @bentoml.api(batchable=True, max_batch_size=64, max_latency_ms=10_000)
    def predict(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The answers to the rows of all requests of a batch."""
        return [
            {"prediction": int(shares[1] > shares[0]), "probabilities": {"0": shares[0], "1": shares[1]}}
            for shares in self.model.predict_proba(pd.DataFrame(rows)).tolist()
        ]
