"""Finding out what a fitted estimator takes: from a sample of its data, and by asking it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from velox.errors import ConfigurationError
from velox.ml.optional import needed
from velox.ml.rows import RowReader, frame_of
from velox.ml.schema import Feature, Outcome, Policies, Schema, absent

__all__ = ["infer_features", "infer_schema", "plain"]

MOST_CATEGORIES = 100
"""A text column with more distinct values is taken for text."""
PROBE_ROWS = 20
EXAMPLES = 3
ANYTHING = Policies("accept", "warn")


def infer_schema(estimator: Any, sample: Any, target: str, policies: Policies) -> Schema:
    """The schema of ``estimator``.

    Args:
        estimator: A fitted scikit-learn estimator or pipeline.
        sample: A DataFrame of rows as it was trained on; columns that it does not know are left out.
        target: What its answer is called.
        policies: What the schema says about odd rows.

    Raises:
        ConfigurationError: VX816 when the two do not fit.
    """
    names, form = inputs_of(estimator, sample, target)
    features = infer_features(sample[names], known_categories(estimator, names))
    schema = Schema(features, outcome_of(estimator, target), form, policies)
    return replace(
        schema, features=tuple(asked(estimator, schema, sample[names], place) for place in range(len(names)))
    )


def inputs_of(estimator: Any, sample: Any, target: str) -> tuple[list[str], Any]:
    """The columns that the estimator is called with, and as what."""
    named = getattr(estimator, "feature_names_in_", None)
    if named is not None:
        names = [str(name) for name in named]
        absent = [name for name in names if name not in sample.columns]
        if absent:
            raise ConfigurationError(
                "VX816",
                f"the sample lacks the model's column{'s' * (len(absent) > 1)} {', '.join(absent)}",
                hint=f"Give a table with all of: {', '.join(names)}",
            )
        return names, "frame"
    names = [str(name) for name in sample.columns if name != target]
    count = getattr(estimator, "n_features_in_", None)
    if count is None:
        raise ConfigurationError(
            "VX816",
            f"a {type(estimator).__name__} is no fitted scikit-learn estimator",
            hint="Fit it before saving it",
        )
    if count != len(names):
        raise ConfigurationError(
            "VX816",
            f"the model takes {count} columns, and the sample has {len(names)}",
            hint="Leave out what is no feature, or name the target's column: --target COLUMN",
        )
    return names, "array"


def outcome_of(estimator: Any, target: str) -> Outcome:
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        if not hasattr(estimator, "predict"):
            raise ConfigurationError(
                "VX816", f"a {type(estimator).__name__} predicts nothing", hint="Save a classifier or a regressor"
            )
        return Outcome(target, "regression")
    if isinstance(classes, list):
        raise ConfigurationError("VX816", "the model has several targets", hint="Save one model for each target")
    return Outcome(target, "classification", tuple(map(plain, classes)), hasattr(estimator, "predict_proba"))


def plain(value: Any) -> Any:
    """A NumPy scalar as Python's, fit for JSON."""
    return value.item() if hasattr(value, "item") else value


def known_categories(estimator: Any, names: Sequence[str]) -> dict[str, list[Any]]:
    """The categories that encoders of the pipeline know, by feature."""
    kind = type(estimator).__name__
    if kind == "Pipeline":
        for _, step in estimator.steps[:-1] or estimator.steps:
            found = known_categories(step, names)
            if found:
                return found
        return {}
    if kind == "ColumnTransformer":
        made: dict[str, list[Any]] = {}
        for _, inner, chosen in estimator.transformers_:
            picked = picked_names(chosen, names)
            if not isinstance(inner, str) and picked:
                made |= known_categories(last_transformer(inner), picked)
        return made
    categories = getattr(estimator, "categories_", None)
    if categories is None or len(categories) != len(names):
        return {}
    return {name: [plain(each) for each in known] for name, known in zip(names, categories, strict=True)}


def last_transformer(step: Any) -> Any:
    """The encoder of a small pipeline of imputer and encoder."""
    if type(step).__name__ != "Pipeline":
        return step
    return next((inner for _, inner in step.steps if hasattr(inner, "categories_")), step.steps[-1][1])


def picked_names(chosen: Any, names: Sequence[str]) -> list[str]:
    if isinstance(chosen, slice):
        return [] if isinstance(chosen.start, str) or isinstance(chosen.stop, str) else list(names[chosen])
    picked = [chosen] if isinstance(chosen, (str, int)) else list(chosen)
    if picked and type(picked[0]).__name__ in ("bool", "bool_"):
        return [name for name, pick in zip(names, picked, strict=True) if pick]
    return [pick if isinstance(pick, str) else names[int(pick)] for pick in picked]


def infer_features(frame: Any, known: dict[str, list[Any]] | None = None) -> tuple[Feature, ...]:
    """A feature for each column of ``frame``.

    Args:
        frame: A DataFrame.
        known: Categories that are known from elsewhere, by column.
    """
    return tuple(feature_of(str(name), frame[name], (known or {}).get(str(name))) for name in frame.columns)


def feature_of(name: str, column: Any, known: list[Any] | None) -> Feature:
    types = needed("pandas").api.types
    present = column.dropna()
    dtype = str(column.dtype)
    examples = tuple(plain(value) for value in present.drop_duplicates().head(EXAMPLES))
    categories = clean_categories(known)
    if categories:
        if not isinstance(categories[0], str):
            examples = tuple(int(value) for value in examples)
        return Feature(name, "category", dtype, categories=categories, examples=examples)
    if types.is_bool_dtype(column):
        return Feature(name, "boolean", dtype, examples=examples)
    if types.is_numeric_dtype(column):
        kind: Any = "integer" if types.is_integer_dtype(column) else "number"
        low, high = (float(present.min()), float(present.max())) if len(present) else (None, None)
        return Feature(name, kind, dtype, minimum=low, maximum=high, examples=examples)
    texts = present.astype(str)
    distinct = sorted(texts.unique())
    if 0 < len(distinct) <= MOST_CATEGORIES:
        return Feature(name, "category", dtype, categories=tuple(distinct), examples=tuple(map(str, examples)))
    return Feature(name, "text", dtype, examples=tuple(map(str, examples)))


def clean_categories(known: list[Any] | None) -> tuple[str | int, ...]:
    """The categories without the missing one; whole numbers as integers; nothing where they are of another kind."""
    present = [value for value in known or () if not absent(value)]
    if present and all(isinstance(value, str) for value in present):
        return tuple(present)
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in present)
    if present and numbers and all(value == int(value) for value in present):
        return tuple(int(value) for value in present)
    return ()


def asked(estimator: Any, schema: Schema, sample: Any, place: int) -> Feature:
    """The feature at ``place``, with what the estimator itself says about missing and unknown values."""
    feature = schema.features[place]
    takes_all = replace(schema, features=tuple(replace(f, missing=True, unknown=True) for f in schema.features))
    complete = sample.dropna()
    rows = rows_of(takes_all, (complete if len(complete) else sample).head(PROBE_ROWS))
    # Where the data lacks nothing, a row that does is a client's mistake, even if an imputer would cover it up.
    missing = bool(sample[feature.name].isna().any())
    missing = missing and answers(estimator, takes_all, [{**row, feature.name: None} for row in rows])
    unknown = False
    if feature.kind == "category":
        other: Any = "\ufffd" if isinstance(feature.categories[0], str) else max(map(int, feature.categories)) + 1
        unknown = answers(estimator, takes_all, [{**row, feature.name: other} for row in rows])
    return replace(feature, missing=missing, unknown=unknown)


def rows_of(schema: Schema, frame: Any) -> list[dict[str, Any]]:
    """The rows of a DataFrame as they would come in JSON."""
    columns = {feature.name: frame[feature.name] for feature in schema.features}
    # None also for pandas' own NaT and NA.
    values = [column.astype(object).where(column.notna(), None).tolist() for column in columns.values()]
    return [
        {feature.name: json_value(feature, value) for feature, value in zip(schema.features, row, strict=True)}
        for row in zip(*values, strict=True)
    ]


def json_value(feature: Feature, value: Any) -> Any:
    if absent(value):
        return None
    if feature.kind == "category":
        return str(value) if isinstance(feature.categories[0], str) else int(value)
    return {"number": float, "integer": int, "boolean": bool}.get(feature.kind, str)(value)


def answers(estimator: Any, schema: Schema, rows: list[dict[str, Any]]) -> bool:
    """Whether the estimator has an answer for these rows."""
    reader = RowReader(schema, ANYTHING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimator.predict(frame_of(schema, [reader.read(row)[0] for row in rows]))
    except Exception:  # noqa: BLE001 - whatever it raises, it has none
        return False
    return True
