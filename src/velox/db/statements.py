"""Statements made ready to run: compiled once for all that differ only in their values."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, BigInteger, BindParameter, Dialect, Integer, SmallInteger, any_, bindparam
from sqlalchemy.orm import Mapper
from sqlalchemy.sql import Select
from sqlalchemy.sql.compiler import SQLCompiler
from sqlmodel import select
from sqlmodel.sql.expression import SelectOfScalar

from velox.db.borrowed import (
    EntityColumns,
    Parameters,
    bind_processor,
    bound_values,
    compile_select,
    is_bare,
    selected,
    statement_key,
)
from velox.db.hydration import Hydrator, hydrator, is_plain_mapper
from velox.db.mixins import without_deleted

__all__ = ["Codes", "Prepared", "Statements", "Unprepared"]

Codes = tuple[Any, ...] | None
"""How the driver names the types of the columns of its answer; ``None``: SQLite, whose columns have none."""

_MOST = 1000
"""Statements are the program's, so there are as many as it has lines; a filter with a name of its own for each request
must not fill the memory, though."""


class Unprepared(Exception):
    """Only SQLAlchemy's session can run the statement, or say what is wrong with it."""


class Prepared:
    """A compiled statement, and what makes models of its rows."""

    def __init__(self, compiled: SQLCompiler, make: Callable[[Codes], Hydrator]) -> None:
        self.compiled = compiled
        self._make = make
        self._codes: Codes = None
        self._hydrate: Hydrator | None = None
        self.late = 0
        """How often in a row it was too slow for the event loop."""
        self.detour = 0
        """How often it is still to be run in a thread without being tried."""

    def hydrator(self, codes: Codes) -> Hydrator:
        """What makes models of the rows that came with ``codes``; it is made anew when a column's type has changed."""
        if self._hydrate is None or codes != self._codes:
            self._hydrate, self._codes = self._make(codes), codes
        return self._hydrate

    def bind(self, parameters: Parameters, given: Mapping[str, Any] | None) -> tuple[str, list[Any]]:
        """The SQL and its values.

        Raises:
            Unprepared: A value does not fit.
        """
        try:
            return bound_values(self.compiled, parameters, given)
        except Exception as error:
            raise Unprepared from error  # SQLAlchemy finds it again, and says it in its own words


class _Derived(NamedTuple):
    """A statement that is made of another one; ``None`` where only SQLAlchemy's session can run it."""

    prepared: Prepared | None
    places: list[int | BindParameter[Any]]
    """Where each of its parameters is among those of the other, or the parameter itself."""


class Statements:
    """The statements that were run so far.

    Args:
        dialect: Of the database that they are for.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._known: OrderedDict[Hashable, _Derived] = OrderedDict()
        self._manys: dict[type[Any], tuple[Prepared, str] | None] = {}
        self._gets: dict[type[Any], tuple[Prepared, list[Callable[[Any], Any] | None]] | None] = {}

    def prepare(
        self,
        statement: Any,
        name: Hashable = None,
        make: Callable[[Any], Any] | None = None,
        names: Sequence[str] | None = None,
    ) -> tuple[Prepared, Parameters]:
        """``statement``, or what ``make`` makes of it, ready to run, and the parameters that hold its values.

        Args:
            statement: A ``select``.
            name: Tells apart what is made of one statement.
            make: Called once for all statements that differ only in their values.
            names: Of its columns, for rows that are dicts.

        Raises:
            Unprepared: It is no ``select`` of the ORM, or asks for more than its rows.
        """
        fits = isinstance(statement, Select) and is_bare(statement)
        key = statement_key(statement) if fits else None
        if key is None:
            raise Unprepared
        known = self._known
        derived = known.get((key[0], name))
        if derived is None:
            derived = known[key[0], name] = _derived(statement, key[1], make, self._dialect, names)
            if len(known) > _MOST:
                known.popitem(last=False)
        if derived.prepared is None:
            raise Unprepared
        parameters = [key[1][at] if isinstance(at, int) else at for at in derived.places]
        return derived.prepared, parameters

    def get(self, model: type[Any], key: Any) -> tuple[Prepared, str, list[Any]]:
        """The statement that reads the row of ``model`` with the primary key ``key``.

        Raises:
            Unprepared: As in :meth:`prepare`, or ``key`` is no key.
        """
        try:
            found = self._gets[model]
        except KeyError:
            found = self._gets[model] = self._getter(model)
        if found is None:
            raise Unprepared
        prepared, processors = found
        if len(processors) == 1 and type(key) is not tuple:
            process = processors[0]
            values = [key if process is None else _fitting(process, key)]
        elif type(key) is tuple and len(key) == len(processors):
            values = [
                one if process is None else _fitting(process, one) for one, process in zip(key, processors, strict=True)
            ]
        else:
            raise Unprepared
        return prepared, prepared.compiled.string, values

    def many(self, model: type[Any]) -> tuple[Prepared, str] | None:
        """The statement that reads the rows of ``model`` whose keys are in its one value, and the key's attribute.

        ``None`` for a key that is not one whole number: two texts that differ may be equal to a server, and two
        columns are not one list. Only on PostgreSQL, which takes a list as one value.
        """
        try:
            return self._manys[model]
        except KeyError:
            found = self._manys[model] = self._several(model)
            return found

    def _several(self, model: type[Any]) -> tuple[Prepared, str] | None:
        mapper: Mapper[Any] = model.__mapper__
        column = mapper.primary_key[0]
        whole = len(mapper.primary_key) == 1 and type(column.type) in (Integer, BigInteger, SmallInteger)
        if self._dialect.name != "postgresql" or not whole:
            return None
        statement = select(model).where(column == any_(bindparam("keys", type_=ARRAY(column.type))))
        prepared = _prepared(without_deleted(statement), self._dialect)
        if prepared is None or prepared.compiled.positiontup != ["keys"]:
            return None
        return prepared, mapper.get_property_by_column(column).key

    def _getter(self, model: type[Any]) -> tuple[Prepared, list[Callable[[Any], Any] | None]] | None:
        mapper: Mapper[Any] = model.__mapper__
        columns = mapper.primary_key
        names = [f"key{number}" for number in range(len(columns))]
        matches = [column == bindparam(name, type_=column.type) for column, name in zip(columns, names, strict=True)]
        prepared = _prepared(without_deleted(select(model).where(*matches)), self._dialect)
        if prepared is None or prepared.compiled.positiontup != names:
            return None
        return prepared, [bind_processor(column.type, self._dialect) for column in columns]


def _derived(
    statement: Any,
    parameters: Parameters,
    make: Callable[[Any], Any] | None,
    dialect: Dialect,
    names: Sequence[str] | None,
) -> _Derived:
    made = without_deleted(statement if make is None else make(statement))
    key = statement_key(made)
    if key is None:
        return _Derived(None, [])
    known = {id(parameter): place for place, parameter in enumerate(parameters)}
    places = [known.get(id(parameter), parameter) for parameter in key[1]]
    if any(isinstance(place, BindParameter) and not place.required for place in places):
        return _Derived(None, [])  # a value that was copied from this statement is not the next one's
    return _Derived(_prepared(made, dialect, names), places)


def _fitting(process: Callable[[Any], Any], value: Any) -> Any:
    try:
        return process(value)
    except Exception as error:
        raise Unprepared from error


def _prepared(
    statement: Select[*tuple[Any, ...]], dialect: Dialect, names: Sequence[str] | None = None
) -> Prepared | None:
    compiled = compile_select(statement, dialect)
    found = selected(compiled)
    if found is None:
        return None
    entities, make_row = found
    models = [entity.mapper for entity in entities if isinstance(entity, EntityColumns)]
    if not all(map(is_plain_mapper, models)):
        return None
    scalar = isinstance(statement, SelectOfScalar)
    unique = len(entities) == 1 and len(models) == 1 and _reads_one_table(statement, models[0])
    rows = None if scalar else make_row
    return Prepared(compiled, lambda codes: hydrator(compiled, entities, rows, codes, unique=unique, names=names))


def _reads_one_table(statement: Select[*tuple[Any, ...]], mapper: Mapper[Any]) -> bool:
    froms = statement.get_final_froms()
    return len(froms) == 1 and froms[0] is mapper.local_table
