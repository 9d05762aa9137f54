"""Rows of JSON become vectors, or a problem that names each field."""

from __future__ import annotations

import math
from typing import Any

import pytest

from velox.errors import ValidationProblem
from velox.ml import Feature, Outcome, Policies, Schema
from velox.ml.rows import RowReader, frame_of

FEATURES = (
    Feature("age", "number", "float64", missing=True, minimum=1.0, maximum=80.0),
    Feature("siblings", "integer", "int64", minimum=0.0, maximum=8.0),
    Feature("sex", "category", "str", categories=("female", "male")),
    Feature("class", "category", "int64", categories=(1, 2, 3), unknown=True, missing=True),
    Feature("alone", "boolean", "bool"),
    Feature("note", "text", "str", missing=True),
)
SCHEMA = Schema(FEATURES, Outcome("fate", "regression"))
ROW = {"age": 22, "siblings": 1, "sex": "male", "class": 3, "alone": False, "note": "hello"}


def reader(**policies: Any) -> RowReader:
    return RowReader(SCHEMA, Policies(**policies))


def errors(row: Any, **policies: Any) -> list[tuple[str | None, str]]:
    with pytest.raises(ValidationProblem) as caught:
        reader(**policies).read(row)
    return [(error.pointer, error.code) for error in caught.value.errors]


def test_a_row_becomes_numbers_and_codes_in_the_order_of_the_schema() -> None:
    assert reader().read(dict(reversed(ROW.items()))) == ([22.0, 1.0, 1, 2, 0.0, "hello"], [])


def test_what_may_be_missing_may_be_null_or_absent() -> None:
    vector, warnings = reader().read({"siblings": 0, "sex": "female", "alone": True, "class": None})
    assert math.isnan(vector[0])
    assert vector[1:] == [0.0, 0, 3, 1.0, None]
    assert warnings == []


def test_a_whole_number_may_be_written_with_a_fraction_of_zero() -> None:
    assert reader().read({**ROW, "siblings": 2.0, "class": 1.0})[0][1:4] == [2.0, 1, 0]


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("age", "22", "float_type"),
        ("age", True, "float_type"),
        ("age", math.inf, "finite_number"),
        ("age", math.nan, "finite_number"),
        ("age", 10**400, "finite_number"),
        ("age", [22], "float_type"),
        ("siblings", 1.5, "int_type"),
        ("siblings", None, "null"),
        ("sex", "other", "enum"),
        ("sex", 1, "str_type"),
        ("sex", ["male"], "str_type"),
        ("sex", {"a": 1}, "str_type"),
        ("class", True, "int_type"),
        ("class", "3", "int_type"),
        ("class", 4, "enum"),
        ("alone", 1, "bool_type"),
        ("note", 1, "string_type"),
        ("nope", 1, "extra_forbidden"),
        ("a/b~c", 1, "extra_forbidden"),
    ],
)
def test_each_wrong_value_is_named(field: str, value: Any, code: str) -> None:
    pointer = "/" + field.replace("~", "~0").replace("/", "~1")
    assert errors({**ROW, field: value}) == [(pointer, code)]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    assert errors({"age": "x", "siblings": 1, "sex": "male", "more": 1}) == [
        ("/age", "float_type"),
        ("/alone", "missing"),
        ("/more", "extra_forbidden"),
    ]


@pytest.mark.parametrize("row", [[], "row", 3, None, True])
def test_a_row_is_an_object(row: Any) -> None:
    assert errors(row) == [("", "dict_type")]


def test_out_of_range_is_what_the_policy_says() -> None:
    row = {**ROW, "age": 99}
    assert reader(out_of_range="accept").read(row) == ([99.0, 1.0, 1, 2, 0.0, "hello"], [])
    vector, warnings = reader(out_of_range="warn").read(row)
    assert (vector[0], warnings) == (99.0, ["age: 99 is outside of the training data, from 1 to 80"])
    vector, warnings = reader(out_of_range="clip").read(row)
    assert (vector[0], warnings) == (80.0, ["age: 99 is outside of the training data, from 1 to 80; 80 was taken"])
    assert errors(row, out_of_range="reject") == [("/age", "less_than_equal")]
    assert errors({**ROW, "age": 0}, out_of_range="reject") == [("/age", "greater_than_equal")]


def test_an_unknown_category_is_what_the_policy_says_where_the_model_can_take_one() -> None:
    vector, warnings = reader(unknown="warn").read({**ROW, "class": 4})
    assert (vector[3], warnings) == (4, ["class: the model does not know '4'"])
    assert errors({**ROW, "sex": "other"}, unknown="warn") == [("/sex", "enum")]


def test_rows_are_named_by_their_place_and_at_most_a_hundred_errors_are_told() -> None:
    with pytest.raises(ValidationProblem) as caught:
        reader().read_all([ROW, {**ROW, "age": "x"}, ROW])
    assert [error.pointer for error in caught.value.errors] == ["/rows/1/age"]
    with pytest.raises(ValidationProblem) as caught:
        reader().read_all([{}] * 10_000)
    assert len(caught.value.errors) == 100


def test_a_frame_has_the_types_of_the_training_data() -> None:
    vectors = [reader().read(ROW)[0], reader(unknown="warn").read({**ROW, "age": None, "class": 9})[0]]
    frame = frame_of(SCHEMA, vectors)
    assert list(frame.columns) == list(ROW)
    assert frame["siblings"].dtype == "int64"
    assert frame["sex"].tolist() == ["male", "male"]
    assert frame["alone"].dtype == "bool"
    assert frame["age"].isna().tolist() == [False, True]


def test_the_json_schema_refuses_what_the_reader_refuses() -> None:
    made = SCHEMA.row_schema(Policies("reject", "reject"))
    assert made["required"] == ["siblings", "sex", "alone"]
    assert made["additionalProperties"] is False
    assert made["properties"]["age"] == {"type": ["number", "null"], "minimum": 1.0, "maximum": 80.0}
    assert made["properties"]["sex"]["enum"] == ["female", "male"]
    assert made["properties"]["class"]["enum"] == [1, 2, 3, None]
    assert "enum" not in SCHEMA.row_schema(Policies("warn", "warn"))["properties"]["class"]


def test_a_schema_survives_its_json() -> None:
    assert Schema.from_dict(SCHEMA.to_dict()) == SCHEMA


def test_differences_name_what_a_client_would_notice() -> None:
    other = Schema((*FEATURES[1:], Feature("fare", "number", "float64")), Outcome("fare", "regression"))
    lines = SCHEMA.differences(other)
    assert lines[:2] == ["- age", "+ fare"]
    assert lines[2].startswith("~ outcome")
    assert SCHEMA.differences(SCHEMA) == []
