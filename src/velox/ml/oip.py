"""The Open Inference Protocol, version 2, over HTTP: tensors in, tensors out.

Source: https://github.com/kserve/open-inference-protocol (``inference_rest.md``). A feature is a tensor of its name,
of shape ``[rows]`` or ``[rows, 1]``. A model of several numbers takes one tensor ``[rows, features]`` instead, of any
name. ``null`` in ``data`` is a missing value, where the model takes one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from velox.errors import FieldError, ValidationProblem
from velox.ml.answers import Answer
from velox.ml.manifest import Manifest
from velox.ml.schema import Feature, Schema

__all__ = ["error_at", "metadata", "read_request", "request_example", "response"]

INTEGERS = {
    **{f"INT{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
}
FLOATS = ("FP16", "FP32", "FP64")
NUMERIC = (*INTEGERS, *FLOATS)
OUTPUTS = ("predict", "predict_proba")
MOST_ERRORS = 100


def datatype_of(values: Sequence[Any]) -> str:
    """The datatype of labels."""
    if all(isinstance(value, bool) for value in values):
        return "BOOL"
    if all(isinstance(value, int) for value in values):
        return "INT64"
    return "FP64" if all(isinstance(value, (int, float)) for value in values) else "BYTES"


def datatypes(feature: Feature) -> Sequence[str]:
    """What a tensor of the feature may be; the first is what the metadata says."""
    if feature.kind == "category":
        return ("BYTES",) if isinstance(feature.categories[0], str) else ("INT64", *NUMERIC)
    if feature.kind == "integer":
        return ("INT64", *NUMERIC)
    return {"number": ("FP64", *NUMERIC), "boolean": ("BOOL",)}.get(feature.kind, ("BYTES",))


def metadata(manifest: Manifest, versions: Sequence[str]) -> dict[str, Any]:
    """The protocol's description of a model."""
    return {
        "name": manifest.name,
        "versions": list(versions),
        "platform": "velox_scikit-learn",
        "inputs": [{"name": f.name, "datatype": datatypes(f)[0], "shape": [-1]} for f in manifest.schema.features],
        "outputs": [
            {"name": name, "datatype": datatype, "shape": [-1, *shape]}
            for name, datatype, shape in outputs_of(manifest.schema)
        ],
    }


def request_example(schema: Schema) -> dict[str, Any]:
    """A request with a row of the training data."""
    row = schema.example()
    return {
        "inputs": [
            {"name": f.name, "shape": [1], "datatype": datatypes(f)[0], "data": [row[f.name]]} for f in schema.features
        ]
    }


def outputs_of(schema: Schema) -> list[tuple[str, str, list[int]]]:
    """Name, datatype and the shape of a row."""
    outcome = schema.outcome
    if outcome.kind == "regression":
        return [("predict", "FP64", [])]
    made: list[tuple[str, str, list[int]]] = [("predict", datatype_of(outcome.classes), [])]
    return [*made, ("predict_proba", "FP64", [len(outcome.classes)])] if outcome.probabilities else made


def read_request(body: Mapping[str, Any], schema: Schema, max_rows: int) -> tuple[list[dict[str, Any]], list[str]]:
    """The rows of an inference request, and the outputs that it asks for.

    Types and shapes are checked here, values by :class:`~velox.ml.rows.RowReader`.

    Raises:
        ValidationProblem: Each mistake with its pointer.
    """
    errors: list[FieldError] = []
    tensors = body.get("inputs")
    if "id" in body and not isinstance(body["id"], str):
        errors.append(FieldError("Input should be a string", "string_type", pointer="/id"))
    wanted = wanted_outputs(body.get("outputs"), schema, errors)
    columns: dict[str, list[Any]] = {}
    if not isinstance(tensors, list) or not tensors:
        errors.append(FieldError("Input should be a list of tensors", "list_type", pointer="/inputs"))
    elif len(tensors) > len(schema.features):
        message = f"There should be at most {len(schema.features)} tensors, not {len(tensors)}"
        errors.append(FieldError(message, "too_long", pointer="/inputs"))
    else:
        columns = columns_of(tensors, schema, max_rows, errors)
    if not errors and len({len(values) for values in columns.values()}) > 1:
        counts = ", ".join(f"{name} {len(values)}" for name, values in columns.items())
        errors.append(FieldError(f"All tensors should have as many rows: {counts}", "shape", pointer="/inputs"))
    if errors:
        raise ValidationProblem(errors=errors[:MOST_ERRORS])
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)], wanted


def wanted_outputs(outputs: Any, schema: Schema, errors: list[FieldError]) -> list[str]:
    known = [name for name, _, _ in outputs_of(schema)]
    if outputs is None or outputs == []:
        return known
    names = (
        [each.get("name") if isinstance(each, dict) else None for each in outputs] if isinstance(outputs, list) else []
    )
    if not names or any(name not in known for name in names) or len(names) > len(known):
        message = f"Input should be a list of outputs, each once; the model has {', '.join(known)}"
        errors.append(FieldError(message, "enum", pointer="/outputs"))
    return [name for name in known if name in names]


def columns_of(tensors: Sequence[Any], schema: Schema, max_rows: int, errors: list[FieldError]) -> dict[str, list[Any]]:
    """The values by feature."""
    features = {feature.name: feature for feature in schema.features}
    if len(tensors) == 1 and is_matrix(tensors[0], schema):
        return matrix_columns(tensors[0], schema, max_rows, errors)
    columns: dict[str, list[Any]] = {}
    for place, tensor in enumerate(tensors):
        at = f"/inputs/{place}"
        name = tensor.get("name") if isinstance(tensor, dict) else None
        if not isinstance(name, str) or name not in features or name in columns:
            why = "The tensor is there twice" if name in columns else "The model has no such input"
            message = f"{why}; it has {', '.join(features)}"
            errors.append(FieldError(message, "enum", pointer=f"{at}/name"))
            continue
        columns[name] = values_of(tensor, datatypes(features[name]), (max_rows, 1), at, errors)
    return columns


def is_matrix(tensor: Any, schema: Schema) -> bool:
    """Whether a tensor has all features of a row."""
    shape = tensor.get("shape") if isinstance(tensor, dict) else None
    wide = isinstance(shape, list) and len(shape) == 2 and shape[1] != 1 and len(schema.features) > 1
    return wide and all(feature.kind in ("number", "integer") for feature in schema.features)


def matrix_columns(
    tensor: Mapping[str, Any], schema: Schema, max_rows: int, errors: list[FieldError]
) -> dict[str, list[Any]]:
    width = len(schema.features)
    values = values_of(tensor, NUMERIC, (max_rows, width), "/inputs/0", errors)
    return {feature.name: values[place::width] for place, feature in enumerate(schema.features)}


def values_of(
    tensor: Mapping[str, Any], allowed: Sequence[str], size: tuple[int, int], at: str, errors: list[FieldError]
) -> list[Any]:
    """The data, flat, which is what the tensor's shape and datatype say; ``size``: the most rows, and the columns."""
    max_rows, width = size
    datatype, shape, data = tensor.get("datatype"), tensor.get("shape"), tensor.get("data")
    if not isinstance(datatype, str) or datatype not in allowed:
        message = f"Input should be {allowed[0]}" + (" or another number" if len(allowed) > 1 else "")
        errors.append(FieldError(message, "enum", pointer=f"{at}/datatype"))
        return []
    if not isinstance(shape, list) or not has_width(shape, width):
        expected = "[rows] or [rows, 1]" if width == 1 else f"[rows, {width}]"
        errors.append(FieldError(f"Input should be a shape of {expected}", "shape", pointer=f"{at}/shape"))
        return []
    rows = shape[0]
    if not 1 <= rows <= max_rows:
        errors.append(
            FieldError(f"There should be 1 to {max_rows} rows, not {rows}", "too_long", pointer=f"{at}/shape")
        )
        return []
    flat = flattened(data, rows, width)
    if flat is None:
        message = f"Input should be a list of {rows * width} values, or of {rows} lists of {width}, as the shape says"
        errors.append(FieldError(message, "shape", pointer=f"{at}/data"))
        return []
    fits = fitting(datatype)
    for number, value in enumerate(flat):
        if value is not None and not fits(value):
            errors.append(FieldError(f"Input should be of {datatype}", "type", pointer=f"{at}/data/{number}"))
            if len(errors) >= MOST_ERRORS:
                break
    return flat


def has_width(shape: Sequence[Any], width: int) -> bool:
    whole = all(type(size) is int for size in shape)
    return whole and ((len(shape) == 1 and width == 1) or (len(shape) == 2 and shape[1] == width))


def flattened(data: Any, rows: int, width: int) -> list[Any] | None:
    """``data`` row by row; None when it has another shape."""
    if not isinstance(data, list):
        return None
    if len(data) == rows and all(isinstance(row, list) and len(row) == width for row in data):
        return [value for row in data for value in row]
    return data if len(data) == rows * width and not any(isinstance(value, list) for value in data) else None


def fitting(datatype: str) -> Callable[[Any], bool]:
    """Whether a value of JSON is of the datatype."""
    if datatype in INTEGERS:
        low, high = INTEGERS[datatype]
        return lambda value: type(value) is int and low <= value <= high
    if datatype in FLOATS:
        return lambda value: type(value) is int or (type(value) is float and math.isfinite(value))
    kind = bool if datatype == "BOOL" else str
    return lambda value: type(value) is kind


ROW_POINTER = re.compile(r"/rows/(\d+)(?:/(.*))?")


def error_at(error: FieldError, body: Mapping[str, Any]) -> FieldError:
    """A row's error, pointing into the tensors that the row came in."""
    found = ROW_POINTER.fullmatch(error.pointer or "")
    if found is None:
        return error
    row, name = found[1], (found[2] or "").replace("~1", "/").replace("~0", "~")
    places = [place for place, tensor in enumerate(body["inputs"]) if tensor["name"] == name]
    pointer = f"/inputs/{places[0]}/data/{row}" if places else "/inputs"
    return FieldError(error.message if places else f"{name}: {error.message}", error.code, pointer=pointer)


def response(
    manifest: Manifest, answers: Sequence[Answer], warnings: Sequence[Sequence[str]], wanted: Sequence[str], id: Any
) -> dict[str, Any]:
    """The protocol's answer to the rows of a request."""
    classes, outputs = manifest.schema.outcome.classes, []
    for name, datatype, shape in outputs_of(manifest.schema):
        if name in wanted:
            data: list[Any] = (
                [share for _, shares in answers for share in shares or ()]
                if name == "predict_proba"
                else [classes[label] if classes else label for label, _ in answers]
            )
            outputs.append({"name": name, "datatype": datatype, "shape": [len(answers), *shape], "data": data})
    made: dict[str, Any] = {"model_name": manifest.name, "model_version": manifest.version, "outputs": outputs}
    if id is not None:
        made["id"] = id
    if any(warnings):
        said = [f"row {row}: {text}" for row, texts in enumerate(warnings) for text in texts]
        made["parameters"] = {"warnings": "; ".join(said)}  # a parameter is a text, a number or a truth value
    return made
