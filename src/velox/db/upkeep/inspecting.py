"""Models for the tables of a database that is there, such that nothing differs between them."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    INTEGER,
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Enum,
    Float,
    ForeignKeyConstraint,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    Time,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.types import TypeEngine

from velox.db.database import Database
from velox.db.migrations.applied import VERSION_TABLE
from velox.db.migrations.comparing import INTERNAL
from velox.errors import ConfigurationError

__all__ = ["models_of"]

LINE_LENGTH = 120
"""Columns; a generated project's ``pyproject.toml`` tells ruff the same."""
_TAKEN = frozenset(
    {"metadata", "registry", "schema", "json", "copy", "dict", "construct", "validate", "apply", "from_"}
)
"""Names that every model has."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a column's type is in a model.

    Args:
        annotation: The Python type.
        module: Where it is imported from, if it is.
        options: What ``Field`` gets for it.
        column_type: SQLAlchemy's type, where the annotation alone would give another.
    """

    annotation: str
    module: str = ""
    options: tuple[str, ...] = ()
    column_type: str = ""


@dataclass(slots=True)
class _Needs:
    """What the module imports, module by module, and the Enums that it defines."""

    on_sqlite: bool
    names: dict[str, set[str]] = field(default_factory=dict)
    enums: dict[str, Sequence[str]] = field(default_factory=dict)

    def add(self, module: str, name: str) -> None:
        self.names.setdefault(module, set()).add(name)


async def models_of(database: Database, *, only: Collection[str] = ()) -> str:
    """The source of a module with a model for each table of ``database``, in the order of their references.

    Args:
        database: A started one.
        only: These tables; empty: all but Velox's and Alembic's own.

    Raises:
        ConfigurationError: VX413, a table in ``only`` is not there, or there is none at all.
    """
    async with database.connection() as connection:
        source = await connection.run_sync(_models, only)
        await connection.rollback()
    return source


def _models(connection: Connection, only: Collection[str]) -> str:
    metadata = MetaData()
    metadata.reflect(connection)
    tables = [
        table
        for table in metadata.sorted_tables
        if (table.name in only if only else table.name != VERSION_TABLE and not table.name.startswith(INTERNAL))
    ]
    if missing := set(only) - {table.name for table in tables}:
        raise ConfigurationError(
            "VX413",
            f"there is no table {', '.join(sorted(missing))}",
            hint=f"There are: {', '.join(sorted(metadata.tables)) or 'none'}.",
        )
    needs = _Needs(connection.dialect.name == "sqlite", {"velox.db": {"Field", "Model"}})
    classes = "\n\n\n".join(_class(table, needs) for table in tables)
    enums = "".join(f"{_enum(name, members)}\n\n\n" for name, members in needs.enums.items())
    return f'"""The tables of a database that was there before."""\n\n{_imports(needs)}\n\n\n{enums}{classes}\n'


def _class(table: Table, needs: _Needs) -> str:
    name = _class_name(table.name)
    lines = [f"class {name}(Model, table=True):"]
    if name.lower() != table.name:
        lines.append(f'    __tablename__ = "{table.name}"')
    if arguments := list(_table_arguments(table, needs)):
        one = f"    __table_args__ = ({arguments[0]},)"
        several = ["    __table_args__ = (", *(f"        {argument}," for argument in arguments), "    )"]
        lines += [one] if len(arguments) == 1 and len(one) <= LINE_LENGTH else several
    if len(lines) > 1:
        lines.append("")
    if not table.primary_key.columns:
        lines.append("    # The table has no primary key, which a model needs: say which column is one.")
    return "\n".join([*lines, *(line for column in table.columns for line in _field(column, needs))])


def _field(column: Column[Any], needs: _Needs) -> Sequence[str]:
    """The lines of a column, as ``ruff format`` folds them."""
    kind = _kind(column, needs)
    if kind.module:
        needs.add(kind.module, re.sub(r".*\[|\]", "", kind.annotation).split(", ")[-1])
    if kind.column_type:
        needs.add("sqlalchemy", kind.column_type)
    is_key = column.primary_key and _is_numbered(column)
    optional = is_key or bool(column.nullable)
    options = ["default=None"] if optional else []
    options += _roles(column) + list(kind.options)
    options += [f"sa_type={kind.column_type}"] if kind.column_type else []
    if column.server_default is not None and not is_key:
        options.append(_server_default(column, needs))
    name = _field_name(column.name)
    if name != column.name:
        options.append(f'sa_column_kwargs={{"name": "{column.name}"}}')
    annotation = f"    {name}: {kind.annotation}{' | None' if optional else ''}"
    if options == ["default=None"]:
        return [f"{annotation} = None"]
    arguments = ", ".join(options)
    if not options or len(line := f"{annotation} = Field({arguments})") <= LINE_LENGTH:
        return [line if options else annotation]
    if len(arguments) + 8 <= LINE_LENGTH:
        return [f"{annotation} = Field(", f"        {arguments}", "    )"]
    return [f"{annotation} = Field(", *(f"        {option}," for option in options), "    )"]


def _roles(column: Column[Any]) -> list[str]:
    """Key, reference, index: what the column is for."""
    table, roles = column.table, []
    if column.primary_key:
        roles.append("primary_key=True")
    if (reference := _single_reference(column)) is not None:
        target = next(iter(reference.elements)).target_fullname
        roles.append(f'foreign_key="{target}"')
        if reference.ondelete in {"CASCADE", "SET NULL", "RESTRICT"}:
            roles.append(f'ondelete="{reference.ondelete}"')
    if any(_is_own_unique(each, column) for each in table.constraints):
        roles.append("unique=True")
    if any(_is_own_index(index, column) for index in table.indexes):
        roles.append("index=True")
    return roles


def _single_reference(column: Column[Any]) -> ForeignKeyConstraint | None:
    found = [
        each
        for each in column.table.foreign_key_constraints
        if len(each.elements) == 1 and next(iter(each.columns)) is column
    ]
    return found[0] if found else None


def _is_own_unique(constraint: object, column: Column[Any]) -> bool:
    """Whether ``unique=True`` says all of it, the name included."""
    if not isinstance(constraint, UniqueConstraint) or list(constraint.columns) != [column]:
        return False
    return constraint.name in {None, f"uq_{column.table.name}_{column.name}"}


def _is_own_index(index: Any, column: Column[Any]) -> bool:
    is_plain = not index.unique and list(index.columns) == [column] and len(index.expressions) == 1
    return is_plain and index.name == f"ix_{column.table.name}_{column.name}"


def _table_arguments(table: Table, needs: _Needs) -> Iterator[str]:
    """Constraints and indexes of several columns, or with names of their own."""
    for constraint in sorted(table.constraints, key=lambda each: str(each.name)):
        columns = list(getattr(constraint, "columns", []))
        if isinstance(constraint, UniqueConstraint):
            if not any(_is_own_unique(constraint, column) for column in columns):
                needs.add("sqlalchemy", "UniqueConstraint")
                name = f', name="{constraint.name}"' if constraint.name else ""
                yield f"UniqueConstraint({_quoted(columns)}{name})"
        elif isinstance(constraint, ForeignKeyConstraint) and len(columns) > 1:
            needs.add("sqlalchemy", "ForeignKeyConstraint")
            targets = ", ".join(f'"{element.target_fullname}"' for element in constraint.elements)
            yield f"ForeignKeyConstraint([{_quoted(columns)}], [{targets}])"
    for index in sorted(table.indexes, key=lambda each: str(each.name)):
        columns = list(index.columns)
        if not any(_is_own_index(index, column) for column in columns) and columns:
            needs.add("sqlalchemy", "Index")
            yield f'Index("{index.name}", {_quoted(columns)}{", unique=True" if index.unique else ""})'


_SIMPLE: Sequence[tuple[type[TypeEngine[Any]], _Kind]] = (
    (Boolean, _Kind("bool")),
    (BigInteger, _Kind("int")),
    (SmallInteger, _Kind("int", column_type="SmallInteger")),
    (Integer, _Kind("int", column_type="Integer")),
    (Float, _Kind("float")),
    (Date, _Kind("date", "datetime")),
    (Time, _Kind("time", "datetime")),
    (Interval, _Kind("timedelta", "datetime")),
    (Uuid, _Kind("UUID", "uuid")),
    (JSON, _Kind("dict[str, Any]", "typing")),
    (LargeBinary, _Kind("bytes")),
    (Text, _Kind("str", column_type="Text")),
)
"""SQL's type → the model's; the first that fits counts, so the more particular come first."""


def _kind(column: Column[Any], needs: _Needs) -> _Kind:
    """The Python type for a column."""
    match column.type:
        case Enum() as enum if enum.enums:
            name = _class_name(enum.name or f"{column.table.name}_{column.name}")
            needs.enums[name] = enum.enums
            return _Kind(name)
        case DateTime() as moment:
            return _Kind("datetime", "datetime") if moment.timezone else _Kind("NaiveDatetime", "pydantic")
        case Float():
            return _Kind("float")
        case Numeric() as number:
            digits = (("max_digits", number.precision), ("decimal_places", number.scale))
            return _Kind("Decimal", "decimal", tuple(f"{key}={value}" for key, value in digits if value is not None))
    if needs.on_sqlite and type(column.type) is INTEGER:
        return _Kind("int")  # it has 64 bits there, as a model's int has everywhere
    simple = next((kind for sql, kind in _SIMPLE if isinstance(column.type, sql)), None)
    if simple is not None:
        return simple
    length = getattr(column.type, "length", None)
    return _Kind("str", options=(f"max_length={length}",) if length else ())


def _is_numbered(column: Column[Any]) -> bool:
    """Whether the database gives a new row its key."""
    return isinstance(column.type, Integer) and len(column.table.primary_key.columns) == 1


def _server_default(column: Column[Any], needs: _Needs) -> str:
    needs.add("sqlalchemy", "text")
    argument = getattr(column.server_default, "arg", "")
    return f'sa_column_kwargs={{"server_default": text({_string(str(getattr(argument, "text", argument)))})}}'


def _string(text: str) -> str:
    """``text`` as Python source, quoted as ruff quotes."""
    return repr(text) if '"' in text or "\\" in text else f'"{text}"'


def _enum(name: str, members: Sequence[str]) -> str:
    lines = [f"    {_identifier(member)} = {_string(member)}" for member in members]
    return "\n".join([f"class {name}(enum.Enum):", *lines])


def _imports(needs: _Needs) -> str:
    library = {name: found for name, found in needs.names.items() if name in {"datetime", "decimal", "typing", "uuid"}}
    others = {name: found for name, found in needs.names.items() if name not in library}
    blocks = [["import enum"] if needs.enums else []]
    blocks[0] += [f"from {name} import {_sorted(library[name])}" for name in sorted(library)]
    blocks.append([f"from {name} import {_sorted(others[name])}" for name in sorted(others)])
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _sorted(names: set[str]) -> str:
    """Constants, then classes, then the rest: isort's order."""
    return ", ".join(sorted(names, key=lambda name: (not name.isupper(), name[0].islower(), name)))


def _quoted(columns: Sequence[Column[Any]]) -> str:
    return ", ".join(f'"{column.name}"' for column in columns)


def _class_name(table: str) -> str:
    words = [word for word in re.split(r"[^A-Za-z0-9]+", table) if word]
    name = "".join(word[:1].upper() + word[1:] for word in words) or "Table"
    return f"T{name}" if name[0].isdigit() or keyword.iskeyword(name) else name


def _field_name(column: str) -> str:
    name = _identifier(column)
    return f"{name}_" if name in _TAKEN or name.startswith("model_") else name


def _identifier(text: str) -> str:
    name = re.sub(r"\W", "_", text).lstrip("_") or "value"
    name = f"n{name}" if name[0].isdigit() else name
    return f"{name}_" if keyword.iskeyword(name) else name
