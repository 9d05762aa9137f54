"""A look at a table before anything learns from it: what each column is, and what should not be learned from."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from velox.errors import ConfigurationError
from velox.ml.inference import MOST_CATEGORIES, feature_of, plain
from velox.ml.optional import needed
from velox.ml.schema import Feature

__all__ = ["ColumnReport", "Examination", "examine"]

FEW_VALUES = 20
"""A number with more different values is a quantity to predict, not a class."""
MOSTLY_MISSING = 0.95
LEAK = 0.97
"""A column that alone predicts the target so well (balanced accuracy, or R²) is taken for a trace of the answer."""
LEAK_ROWS = 5000
FEWEST_ROWS = 20


@dataclass(frozen=True, slots=True)
class ColumnReport:
    """One column.

    Attributes:
        feature: What it is.
        missing: The share of missing values.
        distinct: The number of different values.
        left_out: Why nothing is learned from it; None when something is.
        warning: What is odd about it.
    """

    feature: Feature
    missing: float
    distinct: int
    left_out: str | None = None
    warning: str | None = None


@dataclass(frozen=True, slots=True)
class Examination:
    """What a table has.

    Attributes:
        target: The column to predict.
        kind: ``classification`` or ``regression``.
        rows: With a target.
        columns: All but the target.
        balance: Of a classification, the share of each class, the greatest first.
        notes: What else is odd: rows without a target, rows that are there twice.
    """

    target: str
    kind: Literal["classification", "regression"]
    rows: int
    columns: tuple[ColumnReport, ...]
    balance: tuple[tuple[Any, float], ...]
    notes: tuple[str, ...]

    @property
    def used(self) -> list[str]:
        """The columns that are learned from."""
        return [column.feature.name for column in self.columns if column.left_out is None]


def examine(
    frame: Any,
    target: str,
    *,
    drop: Collection[str] = (),
    keep: Collection[str] = (),
    categorical: Collection[str] = (),
) -> Examination:
    """Look at ``frame``.

    Args:
        frame: A DataFrame ``(rows, columns)``.
        target: The column to predict.
        drop: Columns to leave out.
        keep: Columns to learn from although they look as if they should not be.
        categorical: Columns of whole numbers that are names, not quantities.

    Raises:
        ConfigurationError: VX815 when a column is not there, or nothing can be learned.
    """
    check_columns(frame, [target, *drop, *keep, *categorical])
    known = frame.dropna(subset=[target])
    kind = kind_of(known[target])
    check_target(known[target], target, kind)
    names = [str(name) for name in frame.columns if name != target]
    columns = tuple(
        report_of(known, name, target, kind, dropped=name in drop, kept=name in keep, named=name in categorical)
        for name in names
    )
    found = Examination(
        target, kind, len(known), columns, balance_of(known[target], kind), tuple(odd_rows(frame, known))
    )
    if not found.used:
        raise ConfigurationError("VX815", "no column is left to learn from", hint="Keep one: --keep COLUMN")
    return found


def check_columns(frame: Any, wanted: Sequence[str]) -> None:
    absent = [name for name in wanted if name not in frame.columns]
    if absent:
        raise ConfigurationError(
            "VX815", f"there is no column {absent[0]}", hint=f"There are: {', '.join(map(str, frame.columns))}"
        )


def kind_of(column: Any) -> Literal["classification", "regression"]:
    types = needed("pandas").api.types
    if types.is_bool_dtype(column) or not types.is_numeric_dtype(column):
        return "classification"
    return "classification" if column.nunique() <= FEW_VALUES and (column % 1 == 0).all() else "regression"


def check_target(column: Any, target: str, kind: str) -> None:
    counts = column.value_counts()
    problem = None
    if len(column) < FEWEST_ROWS:
        problem = f"{len(column)} rows with a {target} are too few to learn from"
    elif len(counts) < 2:
        problem = f"every {target} is the same"
    elif kind == "classification" and len(counts) > MOST_CATEGORIES:
        problem = f"{target} has {len(counts)} different texts, too many for classes"
    elif kind == "classification" and counts.min() < 5:
        problem = f"{target} is {counts.idxmin()!r} in only {counts.min()} rows"
    if problem:
        raise ConfigurationError("VX815", problem, hint="Give more rows, join classes, or choose another target")


def balance_of(column: Any, kind: str) -> tuple[tuple[Any, float], ...]:
    if kind == "regression":
        return ()
    shares = column.value_counts(normalize=True)
    return tuple((plain(label), float(share)) for label, share in shares.items())


def odd_rows(frame: Any, known: Any) -> Iterator[str]:
    if len(frame) > len(known):
        yield f"{len(frame) - len(known)} rows without a target are left out"
    twice = int(known.duplicated().sum())
    if twice:
        yield f"{twice} rows are there more than once: a copy in the held-out part makes a model look better than it is"


def report_of(known: Any, name: str, target: str, kind: str, *, dropped: bool, kept: bool, named: bool) -> ColumnReport:
    column = known[name]
    feature = feature_of(name, column, sorted(map(plain, column.dropna().unique())) if named else None)
    missing, distinct = float(column.isna().mean()), int(column.nunique())
    if dropped:
        return ColumnReport(feature, missing, distinct, left_out="as asked")
    reason = reason_against(feature, column, missing, distinct)
    if reason is None and leaks(column, known[target], kind):
        reason = f"tells {target} nearly alone: a leak?"
    if reason is not None and kept and feature.kind != "text" and distinct > 1:
        return ColumnReport(feature, missing, distinct, warning=reason)
    return ColumnReport(feature, missing, distinct, left_out=reason)


def reason_against(feature: Feature, column: Any, missing: float, distinct: int) -> str | None:
    """Why nothing is to be learned from a column, as far as the column alone shows it."""
    if distinct <= 1:
        return "constant"
    if feature.kind == "text":
        return f"text, {distinct} different"
    if missing > MOSTLY_MISSING:
        return f"{missing:.0%} missing"
    if feature.kind == "integer" and distinct == len(column) and column.is_monotonic_increasing:
        return "a row number"
    return None


def leaks(column: Any, target: Any, kind: str) -> bool:
    """Whether a small tree on this column alone knows the answer."""
    pandas = needed("pandas")
    model_selection, tree = needed("sklearn.model_selection"), needed("sklearn.tree")
    rows = column.index[:LEAK_ROWS]
    values = column.loc[rows]
    if not pandas.api.types.is_numeric_dtype(values):
        values = pandas.Series(pandas.factorize(values)[0], index=rows)
    matrix = values.astype("float64").fillna(values.max() + 1).to_frame()
    if kind == "classification":
        model, scoring = tree.DecisionTreeClassifier(max_leaf_nodes=32, random_state=0), "balanced_accuracy"
    else:
        model, scoring = tree.DecisionTreeRegressor(max_leaf_nodes=128, random_state=0), "r2"
    scores = model_selection.cross_val_score(model, matrix, target.loc[rows], cv=3, scoring=scoring)
    return float(scores.mean()) >= LEAK
