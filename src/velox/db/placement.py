"""In which database a table is: what its class says, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import MetaData, Table
from sqlalchemy.sql import visitors

from velox.db.borrowed import sources_of
from velox.errors import ConfigurationError

__all__ = ["MAIN", "SHARDS", "Placement", "check_references", "group_of", "groups_in", "part_of", "place", "tables_in"]

MAIN = ""
"""The group of the tables that say nothing: those in the database of ``database_url``."""
SHARDS = "shards"
"""The group of the tables that are spread over all shards."""

_INFO = "velox_placement"


@dataclass(frozen=True, slots=True)
class Placement:
    """What a table class says about its place.

    Args:
        database: The name of another database in the settings; ``None``: the main one.
        shard_by: The field that tells on which shard a row is; ``None``: the table is not spread over shards.
    """

    database: str | None = None
    shard_by: str | None = None

    @property
    def group(self) -> str:
        return SHARDS if self.shard_by is not None else self.database or MAIN


_IN_MAIN = Placement()


def place(table: Table, placement: Placement) -> None:
    """Remember where ``table`` is."""
    table.info[_INFO] = placement


def placement_of(table: Any) -> Placement:
    """Where ``table`` is, a table or an alias of one."""
    info = getattr(getattr(table, "element", table), "info", {})
    found: Placement = info.get(_INFO, _IN_MAIN)
    return found


def group_of(table: Any) -> str:
    """The group of ``table``: a database's name, :data:`MAIN` or :data:`SHARDS`."""
    return placement_of(table).group


def groups_in(metadata: MetaData) -> set[str]:
    """The groups that the tables of ``metadata`` are in."""
    return {group_of(table) for table in metadata.tables.values()}


def part_of(metadata: MetaData, groups: set[str]) -> MetaData:
    """The tables of some groups, in a MetaData of their own; ``metadata`` itself where there are no others."""
    if groups_in(metadata) <= groups:
        return metadata
    part = MetaData(naming_convention=metadata.naming_convention)
    for table in metadata.sorted_tables:
        if group_of(table) in groups:
            table.to_metadata(part)
    return part


def check_references(metadata: MetaData) -> None:
    """Refuse a reference from one database into another: no database can keep it.

    Raises:
        ConfigurationError: VX431, naming both tables.
    """
    for table in metadata.sorted_tables:
        for reference in table.foreign_key_constraints:
            other = reference.referred_table
            if group_of(other) != group_of(table):
                columns = ", ".join(column.name for column in reference.columns)
                raise ConfigurationError(
                    "VX431",
                    f"{table.name}.{columns} refers to {other.name}, which is in another database: "
                    f"{table.name} is in {called(group_of(table))}, {other.name} in {called(group_of(other))}",
                    hint="Put both into one database, or keep the key in a plain column without foreign_key=.",
                )


def called(group: str) -> str:
    """The group as a message calls it."""
    return {MAIN: "the main database", SHARDS: "the shards"}.get(group, f"the database {group!r}")


def tables_in(statement: Any) -> set[Any]:
    """Every table that ``statement`` reads or writes, subqueries included."""
    return {table for table in _walk(statement, set()) if isinstance(table, Table)}


def _walk(element: Any, seen: set[int]) -> Iterator[Any]:
    if id(element) in seen:
        return
    seen.add(id(element))
    for one in visitors.iterate(element):
        yield from _self_and_sources(one, element, seen)


def _self_and_sources(one: Any, element: Any, seen: set[int]) -> Iterable[Any]:
    yield one
    for source in sources_of(one):
        yield source
        if source is not element:
            yield from _walk(source, seen)
