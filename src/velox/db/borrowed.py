"""What we take from inside SQLAlchemy and SQLModel: names that they do not promise to keep.

They are the reason for the upper bounds in pyproject.toml. ``tests/unit/db/test_borrowed.py`` says which one an upgrade
has moved.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Column, Connection, Dialect
from sqlalchemy.engine import Row
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData
from sqlalchemy.orm import ColumnProperty, LoaderCriteriaOption, Mapper
from sqlalchemy.orm.context import _MapperEntity, _ORMColumnEntity, _RawColumnEntity
from sqlalchemy.orm.strategies import _LazyLoader as LazyLoader
from sqlalchemy.sql import Select
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.types import TypeEngine
from sqlmodel import func, select
from sqlmodel._compat import finish_init, get_field_metadata, get_sa_type_from_field
from sqlmodel.main import FieldInfo, FieldInfoMetadata, SQLModelMetaclass
from sqlmodel.sql.expression import Select as SelectOfRows
from sqlmodel.sql.expression import SelectOfScalar

__all__ = [
    "EntityColumns",
    "FieldInfo",
    "FieldInfoMetadata",
    "LazyLoader",
    "RowMaker",
    "SQLModelMetaclass",
    "SelectedColumn",
    "all_rows",
    "as_rows",
    "asyncmy_has_gone",
    "asyncpg_refusal",
    "bind_processor",
    "bound_values",
    "columns_of",
    "compile_select",
    "count_of",
    "cut_of",
    "driver_rows",
    "finish_init",
    "get_field_metadata",
    "get_sa_type_from_field",
    "is_bare",
    "is_grouped",
    "is_locking",
    "may_lack_rows",
    "named_rows",
    "result_processor",
    "selected",
    "selected_elements",
    "sources_of",
    "statement_key",
    "updated_columns",
    "with_columns",
]

Parameters = Sequence[BindParameter[Any]]

_PLAIN_COLUMN = (("deferred", False), ("instrument", True))
"""The loader strategy of a column that is read with its row."""


class EntityColumns(NamedTuple):
    """A mapped class in a SELECT, and where in the result its attributes are."""

    mapper: Mapper[Any]
    positions: dict[str, int]


class SelectedColumn(NamedTuple):
    """Any other expression in a SELECT."""

    position: int


def statement_key(statement: Select[*tuple[Any, ...]]) -> tuple[Hashable, Parameters] | None:
    """What is equal for statements that differ only in their values, and those; ``None`` if it cannot be told."""
    found = statement._generate_cache_key()
    return None if found is None else (found.key, found.bindparams)


def is_bare(statement: Select[*tuple[Any, ...]]) -> bool:
    """Whether no option, execution option or lock changes how the statement is executed."""
    return not (statement._with_options or statement._execution_options or statement._for_update_arg)


def count_of(statement: Any) -> Any:
    """The statement that counts the rows of ``statement``."""
    whole = statement.order_by(None)
    # How rows are loaded does not fit a statement without rows; which ones there are does.
    whole._with_options = tuple(one for one in whole._with_options if isinstance(one, LoaderCriteriaOption))
    grouped = whole._group_by_clauses or whole._having_criteria or whole._distinct or whole._distinct_on
    cuts = (whole._limit_clause, whole._offset_clause, whole._fetch_clause)
    if grouped or any(cut is not None for cut in cuts):
        return select(func.count()).select_from(whole.subquery())
    return whole.with_only_columns(func.count(), maintain_column_froms=True)


def with_columns(statement: Any, columns: Sequence[Any]) -> Any:
    """The statement that reads ``columns`` of the rows of ``statement``."""
    narrowed = statement.with_only_columns(*columns)
    # A SelectOfScalar stays one, and would answer the first column only.
    made = SelectOfRows.__new__(SelectOfRows)
    made.__dict__.update(narrowed.__dict__)
    return made


def may_lack_rows(statement: Any) -> bool:
    """Whether ``statement`` makes rows of fewer columns fewer rows, or may answer no row where there is one: DISTINCT,
    and an outer join.
    """
    joins = any(flags["isouter"] or flags["full"] for *_, flags in statement._setup_joins)
    return bool(joins or statement._from_obj or statement._distinct or statement._distinct_on)


def sources_of(element: Any) -> Sequence[Any]:
    """What a SELECT reads from, joins and the tables of relationships included; empty for everything else."""
    if isinstance(element, Select):
        return element.get_final_froms()
    return [element.table] if isinstance(element, UpdateBase) else []


def is_grouped(statement: Select[*tuple[Any, ...]]) -> bool:
    """Whether rows of the answer are made of several."""
    clauses = (statement._group_by_clauses, statement._having_criteria, statement._distinct, statement._distinct_on)
    return any(clauses) or statement._fetch_clause is not None


def is_locking(statement: Any) -> bool:
    """Whether a SELECT keeps its rows from others."""
    return getattr(statement, "_for_update_arg", None) is not None


def cut_of(statement: Select[*tuple[Any, ...]]) -> tuple[int | None, int, Sequence[Any]]:
    """The limit (``None``: all), the offset and the elements of the order."""
    return statement._limit, statement._offset or 0, list(statement._order_by_clauses)


def selected_elements(statement: Select[*tuple[Any, ...]]) -> Sequence[Any]:
    """What each row of the answer has: a mapped class' table, or an expression."""
    return statement._raw_columns


def updated_columns(statement: Any) -> set[str]:
    """The names of the columns that an UPDATE sets."""
    return {getattr(one, "name", one) for one in statement._values or {}}


def compile_select(statement: Select[*tuple[Any, ...]], dialect: Dialect) -> SQLCompiler:
    """The SQL of ``statement``, for every statement with the same key."""
    key = statement._generate_cache_key()
    return statement.compile(dialect=dialect, cache_key=key, column_keys=[])


def bind_processor(kind: TypeEngine[Any], dialect: Dialect) -> Any:
    """What makes a value of ours the driver's; ``None`` if it is the same."""
    return kind._cached_bind_processor(dialect)


def bound_values(
    compiled: SQLCompiler, parameters: Parameters, given: Mapping[str, Any] | None
) -> tuple[str, list[Any]]:
    """The SQL with its ``IN`` lists written out, and the values in their order, in the form that the driver takes.

    Args:
        compiled: Of :func:`compile_select`.
        parameters: Of :func:`statement_key`, of the statement that is to be run.
        given: Values of a ``bindparam("name")``.
    """
    values: Any = compiled.construct_params(given, parameters, escape_names=False)
    names: Sequence[str] | None
    sql, names, processors = compiled.string, compiled.positiontup, compiled._bind_processors
    if compiled.literal_execute_params or compiled.post_compile_params:
        expanded = compiled._process_parameters_for_postcompile(values)
        values.update(expanded.additional_parameters)
        sql, names, processors = expanded.statement, expanded.positiontup, {**processors, **expanded.processors}
    return sql, [process(values[name]) if (process := processors.get(name)) else values[name] for name in names or ()]  # type: ignore[operator]


def columns_of(compiled: SQLCompiler) -> list[TypeEngine[Any]]:
    """The types of the result's columns."""
    return [column.type for column in compiled._result_columns]


def result_processor(compiled: SQLCompiler, position: int, code: Any) -> Any:
    """What makes the driver's value in the column at ``position`` ours; ``None`` if it is the same.

    Args:
        compiled: Of :func:`compile_select`.
        position: Of the column in the result.
        code: The column's type as the driver names it in its answer; ``None`` where it names none.
    """
    return compiled._result_columns[position].type._cached_result_processor(compiled.dialect, code)


def driver_rows(connection: Connection, sql: str, values: Sequence[Any]) -> tuple[list[Any], tuple[Any, ...]]:
    """All rows of ``sql`` from the driver's cursor, and how the driver names their columns' types.

    What goes wrong is raised as SQLAlchemy's own statements raise it, and does the same to the connection; and who
    listens for statements hears of it.
    """
    cursor: Any = None
    parameters = tuple(values)
    is_heard = connection._has_events or connection.engine._has_events
    try:
        cursor = connection.connection.cursor()
        if is_heard:
            connection.dispatch.before_cursor_execute(connection, cursor, sql, parameters, None, False)
        connection.dialect.do_execute(cursor, sql, parameters)
        rows, codes = cursor.fetchall(), tuple([column[1] for column in cursor.description])
        if is_heard:
            connection.dispatch.after_cursor_execute(connection, cursor, sql, parameters, None, False)
        cursor.close()
    except BaseException as error:  # noqa: BLE001 - it is raised again; a cancelled statement costs its connection
        # Without the statement, it leaves alone what is not the driver's: a number that SQLite's C cannot hold.
        shown = sql if isinstance(error, connection.dialect.loaded_dbapi.Error) else None
        connection._handle_dbapi_exception(error, shown, parameters, cursor, None)
    return list(rows), codes


def selected(compiled: SQLCompiler) -> tuple[list[EntityColumns | SelectedColumn], RowMaker] | None:
    """What a SELECT of the ORM answers; ``None`` if only SQLAlchemy's own loading knows how to read it."""
    state: Any = compiled.compile_state
    entities = getattr(state, "_entities", None)
    if not entities or state.compound_eager_adapter is not None or state.eager_joins:
        return None
    places: dict[Any, int] = {}
    for position, column in enumerate(compiled._result_columns):
        for target in column.objects:
            if not isinstance(target, str):
                places.setdefault(target, position)
    found = [_entity(entity, state, places) for entity in entities]
    if any(entity is None for entity in found):
        return None
    labels = [entity._label_name for entity in entities]
    return found, RowMaker(labels, [entity._extra_entities for entity in entities])  # type: ignore[return-value]


def all_rows(result: Any) -> Any:
    """All rows of a session's ``result``."""
    # A joined eager load of a collection repeats its row, and SQLAlchemy wants to hear that this is known.
    return (result.unique() if result._unique_filter_state is not None else result).all()


def as_rows(statement: Any) -> Any:
    """``statement`` as one whose rows are tuples, also if SQLModel knows that there is one thing in each."""
    made: Any = statement.options()
    if isinstance(made, SelectOfScalar):
        made.__class__ = SelectOfRows  # type: ignore[assignment]  # it differs in its type only
    return made


def named_rows(names: Sequence[str], rows: Sequence[Any]) -> IteratorResult[Any]:
    """``rows`` as the result of a statement whose columns have these names."""
    return IteratorResult(SimpleResultMetaData(names), iter(rows))


class RowMaker:
    """Makes SQLAlchemy's :class:`~sqlalchemy.engine.Row`, a tuple with names."""

    def __init__(self, labels: list[str], extra: list[Any]) -> None:
        self._metadata = SimpleResultMetaData(labels, extra)
        self._index = self._metadata._key_to_index

    def __call__(self, values: tuple[Any, ...]) -> Row[*tuple[Any, ...]]:
        return Row(self._metadata, None, self._index, values)


def _entity(entity: Any, state: Any, places: dict[Any, int]) -> EntityColumns | SelectedColumn | None:
    if type(entity) is _MapperEntity:
        positions = _attributes(entity.mapper, entity._get_entity_clauses(state), places)
        return None if positions is None else EntityColumns(entity.mapper, positions)
    if type(entity) in (_RawColumnEntity, _ORMColumnEntity) and entity._label_name is not None:
        column = entity._fetch_column
        position = None if column is None else places.get(column._deannotate())
        return None if position is None else SelectedColumn(position)
    return None


def _attributes(mapper: Mapper[Any], adapter: Any, places: dict[Any, int]) -> dict[str, int] | None:
    positions: dict[str, int] = {}
    for attribute in mapper.column_attrs:
        if not _is_plain(attribute):
            return None
        column = attribute.columns[0]
        position = places.get(adapter.columns[column] if adapter else column)
        if position is None:
            return None
        positions[attribute.key] = position
    return positions


def _is_plain(attribute: ColumnProperty[Any]) -> bool:
    return attribute.strategy_key == _PLAIN_COLUMN and (
        len(attribute.columns) == 1 or not isinstance(attribute.columns[0], Column)
    )


def asyncpg_refusal() -> type[Exception]:
    """What asyncpg raises for a value that it cannot send; its public name is taken by the server's own refusal."""
    from asyncpg.exceptions._base import DataError

    return DataError  # type: ignore[no-any-return]


def asyncmy_has_gone(connection: Any) -> bool:
    """Whether the other end of asyncmy's connection has closed it; ``connected`` tells only what was noticed in use."""
    return not connection.connected or connection._proto.eof or connection._proto.exc is not None
