"""The preprocessing of a fitted pipeline, read as formulas: what each column of the final estimator is made of.

scikit-learn's transformers that treat each column by itself become one of two things:

- :class:`Number`: a feature's number, through additions, divisions and fillings in the very order of scikit-learn's, so
  that each result is the same float;
- :class:`Lookup`: a table with a value for each category, made by asking scikit-learn for each of them.

Whatever else a pipeline has is left to scikit-learn: :func:`read_steps` says from which step on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from velox.ml.schema import Feature, absent

__all__ = ["Column", "Lookup", "Number", "Uncompilable", "apply", "first_columns", "read_steps"]

Array = npt.NDArray[Any]
Step = tuple[str, float]
"""``("subtract", 3.0)``; the names are numpy's, and ``fill`` for NaN."""


class Uncompilable(Exception):
    """This step is not one that can be read."""


@dataclass(frozen=True, slots=True)
class Number:
    """A feature's number after some steps."""

    feature: int
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Lookup:
    """A value for each code of a categorical feature."""

    feature: int
    table: Array


@dataclass(frozen=True, slots=True)
class Raw:
    """A categorical feature that no transformer has made a number of yet: the value for each of its codes."""

    feature: int
    values: tuple[Any, ...]


Column = Number | Lookup | Raw


def apply(steps: Sequence[tuple[str, Any]], values: Array) -> Array:
    """The steps, on float64 values."""
    for name, operand in steps:
        values = np.where(np.isnan(values), operand, values) if name == "fill" else getattr(np, name)(values, operand)
    return values


def first_columns(features: Sequence[Feature], unknown: Sequence[Any]) -> list[Column]:
    """The columns before any step.

    Args:
        features: The schema's.
        unknown: What stands for an unknown category, by feature.

    Raises:
        Uncompilable: A feature is a text.
    """
    columns: list[Column] = []
    for place, feature in enumerate(features):
        if feature.kind == "text":
            raise Uncompilable(f"{feature.name} is a text")
        if feature.kind == "category":
            missing = None if isinstance(feature.categories[0], str) else np.nan
            columns.append(Raw(place, (*feature.categories, missing, unknown[place])))
        else:
            columns.append(Number(place))
    return columns


def read_steps(estimator: Any, features: Sequence[Feature], unknown: Sequence[Any]) -> tuple[list[Column], list[Any]]:
    """The columns after as many steps of ``estimator`` as can be read, and the steps that are left.

    Returns:
        The columns, all of them numbers, and the last steps with the final estimator at the end.

    Raises:
        Uncompilable: No step can be read, and one is needed to make numbers.
    """
    steps = [step for _, step in estimator.steps] if type(estimator).__name__ == "Pipeline" else [estimator]
    columns = first_columns(features, unknown)
    names: list[str] | None = [feature.name for feature in features]
    while len(steps) > 1:
        try:
            columns = read_step(steps[0], columns, names)
        except Uncompilable:
            break
        steps, names = steps[1:], None
    if any(isinstance(column, Raw) for column in columns):
        raise Uncompilable(f"{type(steps[0]).__name__} cannot be read")
    return columns, steps


def read_step(step: Any, columns: list[Column], names: list[str] | None) -> list[Column]:
    """The columns after ``step``."""
    if step is None or isinstance(step, str):
        if step == "drop":
            return []
        return columns
    reader = READERS.get(type(step).__name__)
    if reader is None or not type(step).__module__.startswith("sklearn."):
        raise Uncompilable(f"{type(step).__name__} cannot be read")
    return reader(step, columns, names)


def read_pipeline(step: Any, columns: list[Column], names: list[str] | None) -> list[Column]:
    for _, inner in step.steps:
        columns = read_step(inner, columns, names)
        names = None
    return columns


def read_column_transformer(step: Any, columns: list[Column], names: list[str] | None) -> list[Column]:
    if step.sparse_output_ and step.transformer_weights:
        raise Uncompilable("weights")
    made: list[Column] = []
    for _, inner, chosen in step.transformers_:
        places = places_of(chosen, names, len(columns))
        picked = [columns[place] for place in places]
        inner_names = [names[place] for place in places] if names is not None else None
        if picked:
            made += read_step(inner, picked, inner_names)
    if step.transformer_weights:
        raise Uncompilable("transformer_weights cannot be read")
    return made


def places_of(chosen: Any, names: list[str] | None, count: int) -> list[int]:
    """Which columns a ColumnTransformer gives to one of its transformers."""
    if isinstance(chosen, slice):
        if isinstance(chosen.start, str) or isinstance(chosen.stop, str):
            raise Uncompilable("a slice of names cannot be read")
        return list(range(count))[chosen]
    picked = [chosen] if isinstance(chosen, (str, int)) else list(chosen)
    if picked and all(isinstance(pick, (bool, np.bool_)) for pick in picked):
        return [place for place, pick in enumerate(picked) if pick]
    if any(isinstance(pick, str) for pick in picked):
        if names is None:
            raise Uncompilable("names of columns are not known here")
        return [names.index(str(pick)) for pick in picked]
    return [int(pick) % count for pick in picked]


def read_function(step: Any, columns: list[Column], names: list[str] | None) -> list[Column]:
    if step.func is not None:
        raise Uncompilable("a function cannot be read")
    return columns


def read_selection(step: Any, columns: list[Column], names: list[str] | None) -> list[Column]:
    return [column for column, kept in zip(columns, step.get_support(), strict=True) if kept]


def with_steps(column: Column, steps: Sequence[Step]) -> Column:
    if isinstance(column, Number):
        return Number(column.feature, (*column.steps, *steps))
    if isinstance(column, Lookup):
        return Lookup(column.feature, apply(steps, column.table))
    raise Uncompilable("a category has no number yet")


def scaler(steps_of: Callable[[Any, int], list[Step]]) -> Callable[[Any, list[Column], list[str] | None], list[Column]]:
    """A reader of a transformer that does the same steps to each value of a column."""

    def read(step: Any, columns: list[Column], names: list[str] | None) -> list[Column]:
        return [with_steps(column, steps_of(step, place)) for place, column in enumerate(columns)]

    return read


def standard(step: Any, place: int) -> list[Step]:
    made: list[Step] = [("subtract", float(step.mean_[place]))] if step.with_mean else []
    return [*made, ("divide", float(step.scale_[place]))] if step.with_std else made


def min_max(step: Any, place: int) -> list[Step]:
    made: list[Step] = [("multiply", float(step.scale_[place])), ("add", float(step.min_[place]))]
    low, high = step.feature_range
    return [*made, ("maximum", float(low)), ("minimum", float(high))] if step.clip else made


def robust(step: Any, place: int) -> list[Step]:
    made: list[Step] = [("subtract", float(step.center_[place]))] if step.with_centering else []
    return [*made, ("divide", float(step.scale_[place]))] if step.with_scaling else made


def max_abs(step: Any, place: int) -> list[Step]:
    return [("divide", float(step.scale_[place]))]


def read_imputer(step: Any, columns: list[Column], names: list[str] | None) -> list[Column]:
    if step.add_indicator:
        raise Uncompilable("add_indicator cannot be read")
    made: list[Column] = []
    for column, filling in zip(columns, step.statistics_, strict=True):
        if absent(filling):  # scikit-learn drops such a column
            raise Uncompilable("a column has nothing to fill it with")
        if isinstance(column, Raw):
            values = tuple(filling if absent(value) else value for value in column.values)
            made.append(Raw(column.feature, values))
        elif absent(step.missing_values):
            made.append(with_steps(column, [("fill", float(filling))]))
        else:
            raise Uncompilable("only NaN is missing here")
    return made


def read_encoder(step: Any, columns: list[Column], names: list[str] | None) -> list[Column]:
    """Ask the encoder for each value of each column, the others held still, and see what changes."""
    raws = [column for column in columns if isinstance(column, Raw)]
    if len(raws) != len(columns):
        raise Uncompilable("an encoder of numbers cannot be read")
    still = [raw.values[0] for raw in raws]
    tables: dict[int, Lookup] = {}
    width = 0
    for place, raw in enumerate(raws):
        seen, outputs = ask_encoder(step, still, place, raw, step_names(step))
        width = outputs.shape[1]
        first = outputs[seen.index(True)]
        for output in np.flatnonzero([not same(outputs[seen, column], first[column]) for column in range(width)]):
            if int(output) in tables:
                raise Uncompilable("a column depends on two features")
            tables[int(output)] = Lookup(raw.feature, outputs[:, output])
    constant = Lookup(raws[0].feature, np.zeros(len(raws[0].values)))
    if any(output not in tables for output in range(width)):
        base = ask_encoder(step, still, 0, raws[0], step_names(step))[1][0]
        tables |= {o: Lookup(constant.feature, constant.table + base[o]) for o in range(width) if o not in tables}
    return [tables[output] for output in range(width)]


def same(values: Array, first: float) -> bool:
    return bool(np.all((values == first) | (np.isnan(values) & np.isnan(first))))


def step_names(step: Any) -> list[str] | None:
    names = getattr(step, "feature_names_in_", None)
    return None if names is None else list(names)


def ask_encoder(step: Any, still: list[Any], place: int, raw: Raw, names: list[str] | None) -> tuple[list[bool], Array]:
    """What the encoder makes of each value; NaN where it refuses one, which then no row may have."""
    rows: list[Array | None] = []
    seen: list[bool] = []
    for value in raw.values:
        asked = np.array([[*still[:place], value, *still[place + 1 :]]], dtype=object)
        if all(isinstance(each, (int, float, np.number)) for each in asked[0]):
            asked = asked.astype(np.float64)
        try:
            row = step.transform(framed(asked, names))
        except (ValueError, TypeError):
            rows.append(None)
        else:
            rows.append(np.asarray(row.toarray() if hasattr(row, "toarray") else row, dtype=np.float64)[0])
        seen.append(rows[-1] is not None)
    width = max((len(row) for row in rows if row is not None), default=0)
    if not width:
        raise Uncompilable("the encoder refuses every value")
    return seen, np.array([np.full(width, np.nan) if row is None else row for row in rows])


def framed(values: Array, names: list[str] | None) -> Any:
    if names is None:
        return values
    import pandas as pd

    return pd.DataFrame(values, columns=names)


READERS: dict[str, Callable[[Any, list[Column], list[str] | None], list[Column]]] = {
    "Pipeline": read_pipeline,
    "ColumnTransformer": read_column_transformer,
    "FunctionTransformer": read_function,
    "StandardScaler": scaler(standard),
    "MinMaxScaler": scaler(min_max),
    "RobustScaler": scaler(robust),
    "MaxAbsScaler": scaler(max_abs),
    "SimpleImputer": read_imputer,
    "OneHotEncoder": read_encoder,
    "OrdinalEncoder": read_encoder,
    "TargetEncoder": read_encoder,
    "SelectKBest": read_selection,
    "SelectPercentile": read_selection,
    "VarianceThreshold": read_selection,
    "SelectFromModel": read_selection,
}
