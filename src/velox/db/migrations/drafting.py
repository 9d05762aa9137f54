"""From a difference to a migration: renames first, then the rest, with values for rows that are already there."""

from __future__ import annotations

from dataclasses import dataclass

from alembic.operations.ops import AddColumnOp, AlterColumnOp, DropTableOp, MigrateOperation, ModifyTableOps, UpgradeOps
from sqlalchemy import Column, Connection, DefaultClause, MetaData, inspect

from velox.db.migrations.applied import VERSION_TABLE
from velox.db.migrations.choices import Choices, undecided
from velox.db.migrations.comparing import INTERNAL, differences, flat, undoing
from velox.db.migrations.describing import Change, describe, title
from velox.db.migrations.enums import EnumChange, enum_changes, is_change_of_members
from velox.db.migrations.filling import Fill, fills, fills_back
from velox.db.migrations.memory import Memory
from velox.db.migrations.renaming import Rename, find_renames, perform, refuse_unmet
from velox.db.migrations.warning import warnings
from velox.db.migrations.writing import Body

__all__ = ["Draft", "draft"]


@dataclass(frozen=True, slots=True)
class Draft:
    """A migration that is not written yet.

    Args:
        title: What it is about.
        changes: What it changes, one by one.
        notes: What existing rows get.
        warnings: What to know before it runs on a database with data.
        up, down: What it does, and how that is undone.
        imports: What its file imports besides the usual.
    """

    title: str
    changes: list[Change]
    notes: list[str]
    warnings: list[str]
    up: Body
    down: Body
    imports: tuple[str, ...] = ()


def draft(connection: Connection, metadata: MetaData, memory: Memory, choices: Choices) -> Draft | None:
    """What brings the database behind ``connection`` to ``metadata``; ``None`` when it is there.

    Renames are done on ``connection``, to see what else is left: it belongs to a clone.

    Raises:
        ConfigurationError: VX410, something is to be decided.
    """
    found = differences(connection, metadata, memory)
    _refuse_emptying(connection, metadata, found, choices)
    renames: list[Rename] = []
    # A table first: only then it shows whether a column of it was renamed, too.
    while again := find_renames(found, memory, choices):
        perform(connection, again, memory)
        renames += again
        found = differences(connection, metadata, memory)
    refuse_unmet(choices, renames)
    if not renames and not found.ops:
        return None
    back = undoing(found, memory)
    gaps = fills(found, metadata, choices)
    enums = enum_changes(found)
    changes = [rename.change for rename in renames]
    changes += describe([each for each in flat(found) if not is_change_of_members(each)])
    changes += [_shown(each) for each in enums]
    return Draft(
        title(changes),
        changes,
        [f"existing rows get {fill.shown or repr('')} in {fill.table}.{fill.column.name}" for fill in gaps],
        warnings(found, metadata),
        _up(connection, found, renames, gaps, enums),
        _down(connection, back, renames, enums),
        ("from velox.db.migrations.enums import change_enum",) if enums else (),
    )


def _refuse_emptying(connection: Connection, metadata: MetaData, found: UpgradeOps, choices: Choices) -> None:
    """Models that were not imported look as if they had been deleted."""
    present = [
        name
        for name in inspect(connection).get_table_names()
        if name != VERSION_TABLE and not name.startswith((INTERNAL, "sqlite_"))
    ]
    dropped = [each.table_name for each in flat(found) if isinstance(each, DropTableOp)]
    if present and set(present) == set(dropped) and not metadata.tables and not choices.allow_empty:
        raise undecided(
            f"this would drop every table ({', '.join(sorted(present))}): no model was found",
            "Are the models imported (app.discover)? If dropping all is meant: velox makemigrations --drop-all.",
        )


def _up(
    connection: Connection, found: UpgradeOps, renames: list[Rename], gaps: list[Fill], enums: list[EnumChange]
) -> Body:
    pieces: list[MigrateOperation | str] = [rename.piece for rename in renames]
    pieces += [change.source(change.after) for change in enums]
    return Body(pieces + _filled(connection, found, gaps))


def _filled(connection: Connection, operations: UpgradeOps, gaps: list[Fill]) -> list[MigrateOperation | str]:
    """``operations``, among what gives rows that are there a value in each of ``gaps``."""
    pieces: list[MigrateOperation | str] = []
    pieces += [f"op.execute({fill.update(connection)!r})" for fill in gaps if not fill.added]
    for fill in gaps:
        if fill.added:
            _give_default(operations, fill)
    pieces += _without_members(operations).ops
    pieces += [fill.forget_default() for fill in gaps if fill.added]
    return pieces


def _give_default(found: UpgradeOps, fill: Fill) -> None:
    """Let the column come with a default; a column of the operation's own, since the model's has none."""
    for each in flat(found):
        if isinstance(each, AddColumnOp) and (each.table_name, each.column.name) == (fill.table, fill.column.name):
            old = each.column
            each.column = Column(
                old.name, old.type, nullable=False, comment=old.comment, server_default=DefaultClause(fill.value)
            )


def _down(connection: Connection, back: UpgradeOps, renames: list[Rename], enums: list[EnumChange]) -> Body:
    pieces = _filled(connection, back, fills_back(back))
    pieces += [change.source(change.before) for change in reversed(enums)]
    pieces += [rename.undoing for rename in reversed(renames)]
    return Body(pieces)


def _without_members(operations: UpgradeOps) -> UpgradeOps:
    """``operations`` without the changes of an Enum's members, which have lines of their own."""
    kept: list[MigrateOperation] = []
    for each in operations.ops:
        if isinstance(each, ModifyTableOps):
            rest = [inner for inner in each.ops if not _members_only(inner)]
            if rest:
                kept.append(ModifyTableOps(each.table_name, rest, schema=each.schema))
        else:
            kept.append(each)
    return UpgradeOps(kept)


def _members_only(operation: MigrateOperation) -> bool:
    if not is_change_of_members(operation):
        return False
    assert isinstance(operation, AlterColumnOp)
    return operation.modify_nullable is None


def _shown(change: EnumChange) -> Change:
    new = [member for member in change.after if member not in change.before]
    gone = [member for member in change.before if member not in change.after]
    parts = [f"{sign}{member}" for sign, members in (("+", new), ("-", gone)) for member in members]
    return Change("~", f"enum {change.name}: {' '.join(parts) or 'another order'}", f"alter {change.name}", 3)
