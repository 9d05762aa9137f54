"""The two models, one request each, and how each server is asked and answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from benchmarks.binding.cases import request

__all__ = ["DIALECTS", "MODELS", "ROW", "Dialect"]

MODELS = ("logreg", "forest")
ROW: Mapping[str, Any] = MappingProxyType(
    {"pclass": 3, "sex": "male", "age": 22.0, "sibsp": 1, "parch": 0, "fare": 7.25, "embarked": "S"}
)
TENSORS = {"pclass": "INT64", "sex": "BYTES", "age": "FP64", "sibsp": "INT64", "parch": "INT64", "fare": "FP64"}
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a server wants to be asked, and where in its answer the probabilities are.

    Attributes:
        ask: The whole HTTP request for a row.
        read: Both probabilities, of the answer's JSON.
    """

    ask: Callable[[str, Row], bytes]
    read: Callable[[Any], Sequence[float]]


def post(path: str, body: Any) -> bytes:
    return request("POST", path, json.dumps(body).encode())


def tensors(row: Row) -> dict[str, Any]:
    """A row as the Open Inference Protocol has it, a tensor a column."""
    inputs = []
    for name, value in row.items():
        kind = TENSORS.get(name, "BYTES")
        tensor = {"name": name, "datatype": kind, "shape": [1, 1], "data": [value]}
        inputs.append({**tensor, "parameters": {"content_type": "str"}} if kind == "BYTES" else tensor)
    return {
        "parameters": {"content_type": "pd"},
        "inputs": inputs,
        "outputs": [{"name": "predict_proba"}],
    }


def plainly(model: str, row: Row) -> bytes:
    return post("/predict", dict(row))


def in_a_list(model: str, row: Row) -> bytes:
    return post("/predict", {"rows": [dict(row)]})


def named(answer: Any) -> Sequence[float]:
    return [float(answer["probabilities"][label]) for label in ("0", "1")]


DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        "Velox": Dialect(lambda model, row: post(f"/models/{model}/predict", dict(row)), named),
        "FastAPI + joblib": Dialect(plainly, named),
        "LitServe": Dialect(plainly, named),
        "BentoML": Dialect(in_a_list, lambda answer: named(answer[0])),
        "MLServer": Dialect(
            lambda model, row: post(f"/v2/models/{model}/infer", tensors(row)),
            lambda answer: [float(share) for share in answer["outputs"][0]["data"]],
        ),
    }
)
