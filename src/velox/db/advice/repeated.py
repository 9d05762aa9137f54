"""N+1: a statement that is run again and again from one line, where a single one would do."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import Any

from sqlalchemy.orm import Mapper, RelationshipProperty

from velox.db.model import Model
from velox.db.observing import Seen

__all__ = ["Repeated", "remedy"]

logger = logging.getLogger("velox.db")

_TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE)\s+[\"`]?(?P<table>\w+)", re.IGNORECASE)


class Repeated:
    """Logs, once for each line of code and statement, that a request runs it many times; give it to
    ``database.listen``.

    Args:
        times: From how many times on in one request or job.
    """

    def __init__(self, times: int = 10) -> None:
        self.times = times
        self._reported: set[tuple[str, str]] = set()

    def __call__(self, seen: Seen) -> None:
        if seen.unit is None or seen.place is None:
            return
        key = (seen.sql, seen.place)
        if seen.unit.counts[key] < self.times or key in self._reported:
            return
        self._reported.add(key)
        logger.warning(
            "%s: the same statement %d times in one request: %s\n    %s",
            seen.place,
            seen.unit.counts[key],
            " ".join(seen.sql.split()),
            remedy(seen.sql),
        )


def remedy(sql: str) -> str:
    """What to write instead of running ``sql`` once for each row."""
    found = _TABLE.search(sql)
    table = found["table"] if found else ""
    verb = sql.split(None, 1)[0].upper()
    if verb == "INSERT":
        return "Write the rows in one statement: await db.insert_many(rows), in a Session"
    if verb in {"UPDATE", "DELETE"}:
        name = next((each.class_.__name__ for each in _mappers() if each.local_table.description == table), table)
        return f"Change them in one statement: {verb.lower()}({name}).where(col(...).in_(keys))"
    names = [_named(one) for each in _mappers() for one in each.relationships if _is_followed(one, table, sql)]
    if names:
        return (
            f"Load them with the rows that they belong to: load=[{names[0]}] in a Reader, "
            f".options(selectinload({names[0]})) in a Session"
            + (f"; or {', '.join(names[1:])}, whichever it is" if len(names) > 1 else "")
        )
    return "Read them with one statement: .where(col(...).in_(keys)), or a join"


def _is_followed(relationship: RelationshipProperty[Any], table: str, sql: str) -> bool:
    """Whether ``sql`` reads from ``table`` what ``relationship`` would load."""
    target = relationship.mapper.local_table
    asked = sql.partition("WHERE")[2].replace('"', "").replace("`", "")
    return target.description == table and any(
        re.search(rf"\b{table}\.{column.name} (?:=|IN)", asked)
        for column in relationship.remote_side
        if column.table is target
    )


def _named(relationship: RelationshipProperty[Any]) -> str:
    return f"{relationship.parent.class_.__name__}.{relationship.key}"


def _mappers() -> Iterable[Mapper[Any]]:
    found = Model._sa_registry.mappers
    return sorted(found, key=lambda mapper: mapper.class_.__name__)
