"""What a test expects of the statements in a block, and what is said when it is otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from velox.db.advice.answers import from_mariadb, from_postgresql, from_sqlite
from velox.db.advice.explaining import as_json, explainable
from velox.db.advice.plan import Plan, drawn
from velox.db.advice.workload import is_internal
from velox.db.observing import Seen

__all__ = ["Expectation", "Statement"]


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that was run."""

    sql: str
    """As the driver got it."""
    place: str | None
    """``file:line`` of who asked."""
    plan: Plan


@dataclass(slots=True)
class Expectation:
    """Listens to a database; :meth:`check` then compares.

    Args:
        max_queries: The most statements; ``None``: any number.
        no_scan: Whether no table may be read as a whole without an index.
    """

    max_queries: int | None = None
    no_scan: bool = False
    statements: list[Statement] = field(default_factory=list)
    """What was run, in its order, apart from what concerns Velox's own tables."""

    def __call__(self, seen: Seen) -> None:
        if explainable(seen.sql) and not is_internal(seen.sql):
            self.statements.append(Statement(seen.sql, seen.place, _plan(seen)))

    def check(self) -> None:
        """Raise ``AssertionError`` unless all is as expected."""
        __tracebackhide__ = True  # pytest shows the test's own line instead
        count = len(self.statements)
        wrong = []
        if self.max_queries is not None and count > self.max_queries:
            plural = "" if self.max_queries == 1 else "s"
            wrong.append(f"expected at most {self.max_queries} statement{plural}, and there were {count}")
        scanned = sorted({table for one in self.statements for table in one.plan.scanned()})
        if self.no_scan and scanned:
            wrong.append(f"expected no scan, and {', '.join(scanned)} is read as a whole")
        if wrong:
            raise AssertionError("\n".join(["; ".join(wrong), *self._listed()]))

    def _listed(self) -> Iterator[str]:
        for number, one in enumerate(self.statements, 1):
            yield f"{number}. {one.place or 'a library'}: {' '.join(one.sql.split())}"
            yield from (f"      {line}" for line in drawn(one.plan))


def _plan(seen: Seen) -> Plan:
    """The plan, while the statement's connection is there. It is not run again.

    PostgreSQL reads a small table as a whole even where an index would do, and a test's tables are small: so it is
    asked what it would do if that cost much.
    """
    if seen.dialect == "sqlite":
        return from_sqlite(seen.ask(f"EXPLAIN QUERY PLAN {seen.sql}", seen.parameters))
    if seen.dialect == "postgresql":
        seen.ask("SET enable_seqscan = off", ())
        try:
            ((answer,),) = seen.ask(f"EXPLAIN (FORMAT JSON) {seen.sql}", seen.parameters)
        finally:
            seen.ask("RESET enable_seqscan", ())
        return from_postgresql(as_json(answer)[0])
    ((answer,),) = seen.ask(f"EXPLAIN FORMAT=JSON {seen.sql}", seen.parameters)
    return from_mariadb(as_json(answer))
