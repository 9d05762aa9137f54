"""What each database answers to EXPLAIN, made a :class:`~velox.db.advice.plan.Plan`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from velox.db.advice.plan import Plan, Step

__all__ = ["from_mariadb", "from_postgresql", "from_sqlite"]

# https://www.sqlite.org/eqp.html; since 3.36 without the word TABLE.
_SQLITE = re.compile(
    r"(?P<how>SCAN|SEARCH) (?:TABLE )?(?P<table>\S+)"
    r"(?:.*?USING (?:AUTOMATIC )?(?:PARTIAL )?(?:COVERING )?INDEX (?P<index>\S+))?"
)
_PG_DETAILS = (
    "Index Cond",
    "Recheck Cond",
    "Hash Cond",
    "Merge Cond",
    "Join Filter",
    "Filter",
    "Sort Key",
    "Group Key",
)


def from_sqlite(rows: Iterable[Sequence[Any]], ms: float | None = None, found: int | None = None) -> Plan:
    """The rows of ``EXPLAIN QUERY PLAN``: (id, parent, unused, detail).

    Args:
        rows: As answered.
        ms: How long the statement took, if it was run.
        found: How many rows it gave then.
    """
    below: dict[int, list[tuple[int, str]]] = {}
    for number, parent, _, detail in rows:
        below.setdefault(parent, []).append((number, detail))

    def steps(parent: int) -> tuple[Step, ...]:
        return tuple(_sqlite_step(detail, steps(number)) for number, detail in below.get(parent, ()))

    return Plan(steps(0), ms=ms, rows=found)


def _sqlite_step(detail: str, children: tuple[Step, ...]) -> Step:
    found = _SQLITE.match(detail)
    if found is None or found["table"] in {"CONSTANT", "SUBQUERY"} or found["table"].startswith("("):
        return Step(detail, children=children)
    scans = found["how"] == "SCAN" and not found["index"] and "VIRTUAL TABLE" not in detail
    return Step(detail, table=found["table"], index=found["index"], scans=scans, children=children)


def from_postgresql(answer: Mapping[str, Any]) -> Plan:
    """The first object of ``EXPLAIN (FORMAT JSON)``, with or without ``ANALYZE``."""
    root = answer["Plan"]
    return Plan((_pg_step(root),), cost=root.get("Total Cost"), ms=answer.get("Execution Time"))


def _pg_step(node: Mapping[str, Any]) -> Step:
    kind, table, index = node["Node Type"], node.get("Relation Name"), node.get("Index Name")
    text = kind + (f" using {index}" if index else "") + (f" on {table}" if table else "")
    details = (node.get(name) for name in _PG_DETAILS)
    loops = node.get("Actual Loops", 1)
    rows, time = node.get("Actual Rows"), node.get("Actual Total Time")
    return Step(
        text,
        ", ".join(one if isinstance(one, str) else ", ".join(one) for one in details if one),
        table=table,
        index=index,
        scans=kind == "Seq Scan",
        estimated_rows=node.get("Plan Rows"),
        actual_rows=None if rows is None else rows * loops,
        loops=loops,
        ms=None if time is None else time * loops,
        children=tuple(_pg_step(child) for child in node.get("Plans", ())),
    )


def from_mariadb(answer: Mapping[str, Any]) -> Plan:
    """The object of ``EXPLAIN FORMAT=JSON`` or ``ANALYZE FORMAT=JSON``."""
    block = answer.get("query_block", answer)
    return Plan(tuple(_maria_steps(block)), cost=block.get("cost"), ms=block.get("r_total_time_ms"))


_MARIA_SORTS = {"filesort": "sort", "temporary_table": "temporary table"}


def _maria_steps(node: Any) -> Iterator[Step]:
    """Each table is a step; what only leads to tables is not, apart from sorting and copying."""
    if isinstance(node, list):
        for one in node:
            yield from _maria_steps(one)
        return
    if not isinstance(node, Mapping):
        return
    for name, value in node.items():
        if name == "table" and isinstance(value, Mapping):
            yield _maria_table(value)
        elif name in _MARIA_SORTS and isinstance(value, Mapping):
            detail = str(value.get("sort_key", ""))
            ms = value.get("r_total_time_ms")
            yield Step(_MARIA_SORTS[name], detail, ms=ms, children=tuple(_maria_steps(value)))
        else:
            yield from _maria_steps(value)


def _maria_table(node: Mapping[str, Any]) -> Step:
    how, table, index = node.get("access_type", ""), node.get("table_name"), node.get("key")
    text = f"{how} on {table}" + (f" using {index}" if index else "")
    loops = node.get("r_loops", 1)
    rows, time = node.get("r_rows"), node.get("r_table_time_ms")
    return Step(
        text,
        str(node.get("attached_condition", "")),
        table=table,
        index=index,
        scans=how == "ALL",
        estimated_rows=node.get("rows"),
        actual_rows=None if rows is None else rows * loops,
        loops=loops,
        ms=None if time is None else time + (node.get("r_other_time_ms") or 0),
        children=tuple(_maria_steps({name: value for name, value in node.items() if name != "table"})),
    )
