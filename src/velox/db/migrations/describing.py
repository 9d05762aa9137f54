"""A change in plain words: what is printed, and what a migration is called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from alembic.operations.ops import (
    AddColumnOp,
    AddConstraintOp,
    AlterColumnOp,
    CreateIndexOp,
    CreateTableOp,
    DropColumnOp,
    DropConstraintOp,
    DropIndexOp,
    DropTableOp,
    MigrateOperation,
)
from sqlalchemy import Column

from velox.db.migrations.memory import meaning

__all__ = ["Change", "describe", "slug", "title"]

LONGEST_SLUG = 60
"""Characters of a migration's name, without its number."""


class Change:
    """One change.

    Args:
        sign: ``+``, ``-`` or ``~``.
        text: What is added, removed or altered: ``column link.hits (INTEGER)``.
        name: The same as a part of a name: ``add hits to link``.
        weight: The heaviest changes give a migration its name.
    """

    __slots__ = ("name", "sign", "text", "weight")

    def __init__(self, sign: str, text: str, name: str, weight: int = 1) -> None:
        self.sign, self.text, self.name, self.weight = sign, text, name, weight


def describe(operations: Sequence[MigrateOperation]) -> Iterator[Change]:
    """A line for each of ``operations``."""
    for each in operations:
        match each:
            case CreateTableOp():
                columns = ", ".join(item.name for item in each.columns if isinstance(item, Column))
                yield Change("+", f"table {each.table_name} ({columns})", f"create {each.table_name}", 5)
            case DropTableOp():
                yield Change("-", f"table {each.table_name}", f"remove {each.table_name}", 5)
            case AddColumnOp():
                text = f"column {each.table_name}.{each.column.name} ({_kind(each.column)})"
                yield Change("+", text, f"add {each.column.name} to {each.table_name}", 4)
            case DropColumnOp():
                name = f"remove {each.column_name} from {each.table_name}"
                yield Change("-", f"column {each.table_name}.{each.column_name}", name, 4)
            case AlterColumnOp():
                text = f"column {each.table_name}.{each.column_name}: {', '.join(_alterations(each))}"
                yield Change("~", text, f"alter {each.column_name} of {each.table_name}", 3)
            case CreateIndexOp():
                columns = ", ".join(_column_names(each))
                what = "unique index" if each.unique else "index"
                text = f"{what} {each.index_name} on {each.table_name} ({columns})"
                yield Change("+", text, f"index {columns.replace(', ', '_')} of {each.table_name}", 2)
            case DropIndexOp():
                text = f"index {each.index_name} of {each.table_name}"
                yield Change("-", text, f"remove {each.index_name}", 2)
            case AddConstraintOp():
                constraint = each.to_constraint()
                text = f"{_constraint_kind(each)} {constraint.name} on {constraint.table.name}"
                yield Change("+", text, f"add {constraint.name}", 2)
            case DropConstraintOp():
                text = f"constraint {each.constraint_name} of {each.table_name}"
                yield Change("-", text, f"remove {each.constraint_name}", 2)
            case _:
                yield Change("~", type(each).__name__, "change", 0)


def title(changes: Sequence[Change]) -> str:
    """``Add hits to link``; of several changes, the heaviest, and that there are more."""
    heaviest = [each for each in changes if each.weight == max(change.weight for change in changes)]
    names = [each.name for each in heaviest]
    if len(names) > 1 and all(name.startswith("create ") for name in names) and len(names) <= 3:
        text = "create " + " and ".join(name.removeprefix("create ") for name in names)
    elif len(names) > 1:
        text = f"{names[0]} and {len(names) - 1} more"
    else:
        text = names[0] if names else "change nothing"
    return text[:1].upper() + text[1:]


def slug(text: str) -> str:
    """``text`` as a part of a file's name."""
    words = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    return words[:LONGEST_SLUG].rstrip("_") or "change"


def _kind(column: Column[object]) -> str:
    return f"{meaning(column.type)[0]}{'' if column.nullable else ', not null'}"


def _alterations(operation: AlterColumnOp) -> Iterator[str]:
    if operation.modify_type is not None:
        before = meaning(operation.existing_type)[0] if operation.existing_type is not None else "?"
        yield f"{before} becomes {meaning(operation.modify_type)[0]}"
    if operation.modify_nullable is not None:
        yield "may be null" if operation.modify_nullable else "not null"
    if operation.modify_server_default is not False:
        yield "another default in the database" if operation.modify_server_default else "no default in the database"
    if operation.modify_comment is not False:
        yield "another comment"


def _column_names(operation: CreateIndexOp) -> list[str]:
    return [each if isinstance(each, str) else str(getattr(each, "name", each)) for each in operation.columns]


def _constraint_kind(operation: AddConstraintOp) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(operation).__name__.removeprefix("Create").removesuffix("Op"))
    return words.lower()
