"""Predictions as the JSON that clients get."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from velox.errors import InternalServerError
from velox.ml.heads import Predictions
from velox.ml.manifest import Manifest

__all__ = ["Answer", "AnswerWriter", "answer_schema", "explanation_schema", "listed", "rows_answer_schema"]

Answer = tuple[Any, "list[float] | None"]
"""A label's position, or a value; and the probabilities."""


class AnswerWriter:
    """Writes the answers of one version of a model.

    Args:
        manifest: The version.
    """

    def __init__(self, manifest: Manifest) -> None:
        outcome = manifest.schema.outcome
        self._labels = [json.dumps(label, ensure_ascii=False) for label in outcome.classes]
        names = [json.dumps(class_name(label), ensure_ascii=False) for label in outcome.classes]
        # One format string for all classes: {"no":%r,"yes":%r}
        self._shares = "{" + ",".join(name.replace("%", "%%") + ":%r" for name in names) + "}"
        self._end = f'"model":{json.dumps(manifest.name)},"version":{json.dumps(manifest.version)}}}'
        self._classifies = outcome.kind == "classification"

    def one(self, answer: Answer, warnings: Sequence[str], logged: str | None = None) -> bytes:
        """The answer to a single row; with the id that it was logged by, if it was."""
        return f"{self._row(answer, warnings)}{id_member(logged)},{self._end}".encode()

    def many(
        self, answers: Sequence[Answer], warnings: Sequence[Sequence[str]], logged: Sequence[str | None] = ()
    ) -> bytes:
        """The answer to several rows, in their order; with their ids, if any is logged."""
        ids = logged or [None] * len(answers)
        rows = ",".join(
            f"{self._row(answer, said)}{id_member(one)}}}"
            for answer, said, one in zip(answers, warnings, ids, strict=True)
        )
        return f'{{"predictions":[{rows}],{self._end}'.encode()

    def _row(self, answer: Answer, warnings: Sequence[str]) -> str:
        label, shares = answer
        said = json.dumps(warnings, ensure_ascii=False) if warnings else "[]"
        if not self._classifies:
            return f'{{"prediction":{finite(label)!r},"warnings":{said}'
        if shares is None:
            return f'{{"prediction":{self._labels[label]},"warnings":{said}'
        if not math.isfinite(sum(shares)):
            finite(math.nan)
        return f'{{"prediction":{self._labels[label]},"probabilities":{self._shares % tuple(shares)},"warnings":{said}'


def id_member(logged: str | None) -> str:
    return "" if logged is None else f',"id":"{logged}"'


def finite(value: float) -> float:
    """``value``, which JSON can hold.

    Raises:
        InternalServerError: It cannot.
    """
    if not math.isfinite(value):
        raise InternalServerError("The model's answer is not a finite number.")
    return value


def class_name(label: Any) -> str:
    """A class as a name in JSON: ``true`` for True, ``1`` for 1."""
    return label if isinstance(label, str) else json.dumps(label)


def listed(predictions: Predictions) -> list[Answer]:
    """The answers row by row, as Python's own numbers."""
    labels = predictions.labels.tolist()
    if predictions.probabilities is None:
        return [(label, None) for label in labels]
    return list(zip(labels, predictions.probabilities.tolist(), strict=True))


def row_properties(manifest: Manifest) -> dict[str, Any]:
    outcome = manifest.schema.outcome
    if outcome.kind == "regression":
        prediction: dict[str, Any] = {"type": "number"}
    else:
        prediction = {"enum": list(outcome.classes)}
    made = {"prediction": {**prediction, "description": f"The {outcome.name}."}}
    if outcome.probabilities:
        shares = {class_name(label): {"type": "number", "minimum": 0, "maximum": 1} for label in outcome.classes}
        made["probabilities"] = {"type": "object", "properties": shares, "required": list(shares)}
    made["warnings"] = {
        "type": "array",
        "items": {"type": "string"},
        "description": "What of the row is unlike the training data.",
    }
    return made


ID = {"type": "string", "description": "What feedback names the prediction by, if it was logged."}


def version_properties(manifest: Manifest) -> dict[str, Any]:
    return {"model": {"const": manifest.name}, "version": {"type": "string", "examples": [manifest.version]}}


def answer_schema(manifest: Manifest) -> dict[str, Any]:
    """The JSON Schema of the answer to one row."""
    properties = {**row_properties(manifest), **version_properties(manifest)}
    shown = {**properties, "id": ID}
    return {"type": "object", "title": "Prediction", "properties": shown, "required": list(properties)}


def rows_answer_schema(manifest: Manifest) -> dict[str, Any]:
    """The JSON Schema of the answer to several rows."""
    row = row_properties(manifest)
    items = {"type": "object", "properties": {**row, "id": ID}, "required": list(row)}
    properties = {"predictions": {"type": "array", "items": items}, **version_properties(manifest)}
    return {"type": "object", "title": "Predictions", "properties": properties, "required": list(properties)}


def explanation_schema(manifest: Manifest) -> dict[str, Any]:
    """The JSON Schema of an explanation: the answer, and what each feature did to it."""
    made = answer_schema(manifest)
    effect = {
        "feature": {"type": "string"},
        "value": {"description": "The row's."},
        "typical": {"description": "The typical row's."},
        "effect": {"type": "number", "description": "What the row's value did to the answer."},
    }
    items = {"type": "object", "properties": effect, "required": list(effect)}
    properties = {
        **{name: made["properties"][name] for name in made["required"]},
        "value": {"type": "number", "description": "The probability of the prediction, or the predicted value."},
        "typical_value": {"type": "number", "description": "The same for the typical row."},
        "effects": {"type": "array", "items": items, "description": "The greatest first."},
    }
    return {**made, "title": "Explanation", "properties": properties, "required": list(properties)}
