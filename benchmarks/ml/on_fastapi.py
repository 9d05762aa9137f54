"""FastAPI as its documentation and most tutorials have it: a pydantic row, a DataFrame, ``predict_proba``."""

from __future__ import annotations

import os
from typing import Any, Literal

import joblib
import pandas as pd
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
model = joblib.load(os.environ["BENCH_MODEL"])


class Passenger(BaseModel):
    """A row."""

    pclass: int
    sex: Literal["female", "male"]
    age: float | None = None
    sibsp: int
    parch: int
    fare: float | None = None
    embarked: Literal["C", "Q", "S"] | None = None


@app.post("/predict")
async def predict(passenger: Passenger) -> dict[str, Any]:
    """``async``, which is quicker here than ``def`` on a thread of its pool."""
    shares = model.predict_proba(pd.DataFrame([passenger.model_dump()]))[0]
    return {"prediction": int(shares[1] > shares[0]), "probabilities": {"0": shares[0], "1": shares[1]}}
