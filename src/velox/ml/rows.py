"""From a row of JSON to the numbers that a model takes: checked by the schema, in one pass.

A *vector* is a row in the schema's order: a number as float, NaN where it is missing; a category as its position among
the feature's categories, one past the last where it is missing, two past the last where it is unknown; a text as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from velox.errors import FieldError, ValidationProblem
from velox.ml.optional import needed
from velox.ml.schema import Feature, Policies, Schema, absent

__all__ = ["RowReader", "Vector", "frame_of", "rows_in"]

Vector = list[Any]
Read = Callable[[Any, "list[str] | None"], Any]

MISSING = object()
NAN = math.nan
UNKNOWN_TEXT = "\ufffdunknown"
UNKNOWN_NUMBER = -(2**31)


class RefusedValue(Exception):
    """A value that the schema does not allow: what is wrong, and pydantic's code for it."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.message, self.code = message, code


class RowReader:
    """Reads rows of one schema.

    Args:
        schema: What a row has.
        policies: What happens to numbers out of range and to unknown categories.
    """

    def __init__(self, schema: Schema, policies: Policies) -> None:
        self._fields = [(feature.name, reader_of(feature, policies)) for feature in schema.features]
        self._names = frozenset(name for name, _ in self._fields)

    def has(self, name: str) -> bool:
        """Whether a row has a field of that name."""
        return name in self._names

    def read(self, row: Any, pointer: str = "") -> tuple[Vector, list[str]]:
        """The vector of ``row``, and warnings.

        Args:
            row: What the JSON was parsed to.
            pointer: Where in the body it was (JSON Pointer).

        Raises:
            ValidationProblem: Each wrong field with its pointer.
        """
        warnings: list[str] = []
        try:
            get = row.get
            vector = [read(get(name, MISSING), warnings) for name, read in self._fields]
            if row.keys() <= self._names:
                return vector, warnings
        except (RefusedValue, AttributeError):
            pass
        raise ValidationProblem(errors=self.explain(row, pointer))

    def read_all(self, rows: Sequence[Any]) -> tuple[list[Vector], list[list[str]]]:
        """The vectors and warnings of many rows, which were at ``/rows``.

        Raises:
            ValidationProblem: Each wrong field of the first :data:`MOST_ERRORS`.
        """
        vectors: list[Vector] = []
        warnings: list[list[str]] = []
        errors: list[FieldError] = []
        for number, row in enumerate(rows):
            try:
                vector, said = self.read(row, f"/rows/{number}")
            except ValidationProblem as problem:
                errors += problem.errors
                if len(errors) >= MOST_ERRORS:
                    break
            else:
                vectors.append(vector)
                warnings.append(said)
        if errors:
            raise ValidationProblem(errors=errors[:MOST_ERRORS])
        return vectors, warnings

    def explain(self, row: Any, pointer: str) -> list[FieldError]:
        """Everything that is wrong with ``row``."""
        if not isinstance(row, dict):
            return [FieldError("Input should be an object with the features' names", "dict_type", pointer=pointer)]
        errors = []
        for name, read in self._fields:
            try:
                read(row.get(name, MISSING), [])
            except RefusedValue as refused:
                errors.append(FieldError(refused.message, refused.code, pointer=f"{pointer}/{escaped(name)}"))
        for name in row:
            if name not in self._names:
                message = f"The model has no such feature; it has {', '.join(known for known, _ in self._fields)}"
                errors.append(FieldError(message, "extra_forbidden", pointer=f"{pointer}/{escaped(name)}"))
        return errors


MOST_ERRORS = 100
"""A body of a million wrong rows gets an answer that can be read."""


def rows_in(body: dict[str, Any], most: int) -> list[Any]:
    """The rows of ``{"rows": [...]}``.

    Raises:
        ValidationProblem: They are no list, or there are more than ``most``, or something is beside them.
    """
    rows = body["rows"]
    errors = [
        FieldError("Extra inputs are not permitted beside rows", "extra_forbidden", pointer=f"/{escaped(name)}")
        for name in body
        if name != "rows"
    ]
    if not isinstance(rows, list):
        errors.append(FieldError("Input should be a list of rows", "list_type", pointer="/rows"))
    elif not 1 <= len(rows) <= most:
        code = "too_long" if rows else "too_short"
        errors.append(FieldError(f"There should be 1 to {most} rows, not {len(rows)}", code, pointer="/rows"))
    if errors:
        raise ValidationProblem(errors=errors)
    return list(rows)


def escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def reader_of(feature: Feature, policies: Policies) -> Read:
    """The function that reads a value of ``feature``, and adds to the warnings."""
    kinds: dict[str, Callable[[Feature, Policies], Read]] = {
        "number": number_reader,
        "integer": number_reader,
        "boolean": boolean_reader,
        "category": category_reader,
        "text": text_reader,
    }
    return kinds[feature.kind](feature, policies)


def missing_value(feature: Feature, value: Any, stands_for: Any) -> Any:
    """``stands_for``, where the model takes a missing value."""
    if feature.missing:
        return stands_for
    if value is MISSING:
        raise RefusedValue("Field required", "missing")
    raise RefusedValue("Input should not be null: the model was trained without missing values here", "null")


def number_reader(feature: Feature, policies: Policies) -> Read:
    low = -math.inf if feature.minimum is None else feature.minimum
    high = math.inf if feature.maximum is None else feature.maximum
    whole = feature.kind == "integer"
    expected = "a whole number" if whole else "a number"

    def read(value: Any, warnings: list[str] | None) -> float:
        kind = type(value)
        if kind is float or kind is int:
            try:
                number = float(value)
            except OverflowError:
                number = math.inf
            if low <= number <= high and not (whole and kind is float and number % 1):
                return number
            if not math.isfinite(number):
                raise RefusedValue("Input should be a finite number", "finite_number")
            if whole and number % 1:
                raise RefusedValue("Input should be a whole number", "int_type")
            return outside(feature, policies, number, warnings)
        if value is None or value is MISSING:
            return float(missing_value(feature, value, NAN))
        raise RefusedValue(f"Input should be {expected}", "int_type" if whole else "float_type")

    return read


def outside(feature: Feature, policies: Policies, number: float, warnings: list[str] | None) -> float:
    """What a number out of the range of the training data becomes."""
    assert feature.minimum is not None
    assert feature.maximum is not None
    seen = f"from {feature.minimum:g} to {feature.maximum:g}"
    if policies.out_of_range == "reject":
        code = "less_than_equal" if number > feature.maximum else "greater_than_equal"
        raise RefusedValue(f"Input should be {seen}, as in the training data", code)
    if policies.out_of_range == "accept":
        return number
    clipped = min(max(number, feature.minimum), feature.maximum)
    clips = policies.out_of_range == "clip"
    if warnings is not None:
        taken = f"; {clipped:g} was taken" if clips else ""
        warnings.append(f"{feature.name}: {number:g} is outside of the training data, {seen}{taken}")
    return clipped if clips else number


def boolean_reader(feature: Feature, policies: Policies) -> Read:
    def read(value: Any, warnings: list[str] | None) -> float:
        if value is True or value is False:
            return float(value)
        if value is None or value is MISSING:
            return float(missing_value(feature, value, NAN))
        raise RefusedValue("Input should be true or false", "bool_type")

    return read


def category_reader(feature: Feature, policies: Policies) -> Read:
    codes = {category: code for code, category in enumerate(feature.categories)}
    kind = type(feature.categories[0]) if feature.categories else str
    takes_unknown = feature.unknown and policies.unknown == "warn"
    missing_code = len(codes)

    def read(value: Any, warnings: list[str] | None) -> int:
        if value is None or value is MISSING:
            return int(missing_value(feature, value, missing_code))
        # True is 1 to a dict, and 1.0 is, as it is to JSON.
        right = type(value) is kind or (kind is int and type(value) is float)
        code = codes.get(value) if right else None
        if code is not None:
            return code
        if not right:
            raise RefusedValue(f"Input should be one of {feature.listed()}", f"{kind.__name__}_type")
        if not takes_unknown:
            raise RefusedValue(f"Input should be one of {feature.listed()}, which the model knows", "enum")
        if warnings is not None:
            warnings.append(f"{feature.name}: the model does not know {str(value)[:50]!r}")
        return missing_code + 1

    return read


def text_reader(feature: Feature, policies: Policies) -> Read:
    def read(value: Any, warnings: list[str] | None) -> str | None:
        if type(value) is str:
            return value
        if value is None or value is MISSING:
            return None if missing_value(feature, value, None) is None else ""
        raise RefusedValue("Input should be a string", "string_type")

    return read


def frame_of(schema: Schema, vectors: Sequence[Vector]) -> Any:
    """The vectors as the estimator was fitted: a DataFrame with the training data's dtypes, or an array.

    Returns:
        ``(len(vectors), len(schema.features))``.
    """
    numpy = needed("numpy")
    columns = [
        column_of(feature, values) for feature, values in zip(schema.features, zip(*vectors, strict=True), strict=True)
    ]
    if schema.form == "frame":
        pandas = needed("pandas")
        series = {
            feature.name: pandas.Series(values, dtype=dtype_of(feature, values))
            for feature, values in zip(schema.features, columns, strict=True)
        }
        return pandas.DataFrame(series)
    numeric = all(feature.kind not in ("category", "text") for feature in schema.features)
    if numeric:
        return numpy.asarray(vectors, dtype=numpy.float64)
    made = numpy.empty((len(vectors), len(columns)), dtype=object)
    for place, values in enumerate(columns):
        made[:, place] = values
    return made


def column_of(feature: Feature, values: Sequence[Any]) -> list[Any]:
    """The values as they were in the training data."""
    if feature.kind == "category":
        named = isinstance(feature.categories[0], str)
        known = [*feature.categories, None if named else NAN, UNKNOWN_TEXT if named else UNKNOWN_NUMBER]
        return [known[int(code)] for code in values]
    if feature.kind == "boolean":
        return [None if absent(value) else bool(value) for value in values]
    return list(values)


def dtype_of(feature: Feature, values: Sequence[Any]) -> str:
    complete = not any(map(absent, values))
    if feature.dtype.startswith("float"):
        return feature.dtype
    if feature.dtype.startswith(("int", "uint")):
        return feature.dtype if complete else "float64"
    if feature.dtype == "bool":
        return "bool" if complete else "object"
    return "str" if feature.dtype == "str" else "object"
