"""Which indexes a workload wants: candidates are made on a copy and measured, and few that help most are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, inspect, make_url
from sqlalchemy.exc import SQLAlchemyError

from velox.db.advice.audit import Fault, Indexed, faults_of, indexes_of, unused
from velox.db.advice.candidates import Candidate, candidates
from velox.db.advice.explaining import explain
from velox.db.advice.trial import INDEX, Trial, trial
from velox.db.advice.uses import uses_of
from velox.db.advice.workload import Kind, Workload
from velox.db.database import Database

__all__ = ["Advice", "Gain", "Proposal", "advise"]

LEAST_FACTOR = 1.5
"""How many times faster a statement has to become. Less is noise, or not worth an index."""
_AS_GOOD = 1.25
"""A plainer index that is slower by no more than this factor is the better one."""
FEW_ROWS = 1000
MOST_STATEMENTS = 40
"""The most kinds of statements that are measured, those that took the most time first."""


@dataclass(frozen=True, slots=True)
class Gain:
    """What an index does for a kind of statement."""

    sql: str
    place: str | None
    count: int
    before_s: float
    after_s: float


@dataclass(frozen=True, slots=True)
class Proposal:
    """An index that helps."""

    candidate: Candidate
    gains: tuple[Gain, ...]
    """The statement that gains most first."""
    size_bytes: int | None
    """``None`` where the server does not tell."""
    writes: float | None
    """How many times longer writing rows takes with it; ``None`` when it could not be measured."""


@dataclass(slots=True)
class Advice:
    """What was found."""

    proposals: list[Proposal] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    statements: int = 0
    """How many kinds of statements were measured."""
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Measured:
    candidate: Candidate
    after_s: Mapping[str, float]
    """Statement → seconds with the index, where it is used."""
    size_bytes: int | None
    writes: float | None


async def advise(database: Database, workload: Workload, *, rows: int = 200_000) -> Advice:
    """Measure which indexes the statements of ``workload`` would gain from. The tables themselves are only read.

    Args:
        database: It is started.
        workload: What to be fast at.
        rows: The most rows of a table that are copied from a server. A SQLite file is copied as a whole.

    Raises:
        ConfigurationError: VX444, it cannot be copied; VX701, sqlglot is not installed.
    """
    dialect = make_url(database.url).get_backend_name()
    async with database.connection() as connection:
        schema, keys = await connection.run_sync(_shape_of)
    indexes = await indexes_of(database)
    advice = Advice(faults=await faults_of(database))
    wanted: dict[str, tuple[Kind, list[Candidate]]] = {}
    touched: set[str] = set()
    for kind in list(workload)[:MOST_STATEMENTS]:
        uses = uses_of(kind.sql, dialect, schema)
        touched |= {use.table for use in uses}
        found = [one for use in uses for one in candidates(use, dialect, all_columns=schema[use.table])]
        wanted[kind.sql] = (kind, [one for one in found if not _is_there(one, indexes)])
    advice.faults += unused(indexes, await _used_indexes(database, workload, advice), touched)
    if touched and any(found for _, found in wanted.values()):
        async with trial(database, sorted(touched), keys, rows=rows) as copy:
            advice.remarks += [f"{table} was measured with its first {rows} rows" for table in sorted(copy.cut)]
            advice.remarks += [
                f"{table} has {count} rows only, of which no index makes much; --url names a database with more"
                for table, count in sorted(copy.rows.items())
                if count < FEW_ROWS
            ]
            before = await _before(copy, wanted, advice)
            measured = await _measured(copy, wanted, before)
        advice.statements = len(before)
        advice.proposals = _chosen(measured, before, {sql: kind for sql, (kind, _) in wanted.items()})
    return advice


def _shape_of(connection: Connection) -> tuple[dict[str, frozenset[str]], dict[str, Sequence[str]]]:
    """Each table's columns, and its primary key."""
    inspector = inspect(connection)
    tables = inspector.get_table_names()
    columns = {table: frozenset(one["name"] for one in inspector.get_columns(table)) for table in tables}
    return columns, {table: inspector.get_pk_constraint(table)["constrained_columns"] for table in tables}


def _is_there(candidate: Candidate, indexes: Sequence[Indexed]) -> bool:
    """Whether an index that there is finds the same rows, or at most one for each value."""
    wanted = tuple(name for name, _ in candidate.columns)
    for one in indexes:
        if one.table != candidate.table or one.special:
            continue
        if one.unique and set(one.columns) <= set(wanted):
            return True
        plain = not (candidate.include or candidate.where or candidate.pattern) and candidate.kind in {"btree", "hash"}
        if plain and one.columns[: len(wanted)] == wanted:
            return True
    return False


async def _used_indexes(database: Database, workload: Workload, advice: Advice) -> set[str]:
    used: set[str] = set()
    for kind in workload:
        try:
            async with database.writing_connection() as connection, connection.begin() as transaction:
                plan = await explain(connection, kind.sql, kind.samples[0] if kind.samples else ())
                await transaction.rollback()
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
            advice.remarks.append(f"left out, since {reason}: {' '.join(kind.sql.split())[:100]}")
        else:
            used |= plan.indexes()
    return used


async def _before(copy: Trial, wanted: Mapping[str, tuple[Kind, list[Candidate]]], advice: Advice) -> dict[str, float]:
    times: dict[str, float] = {}
    for sql, (kind, found) in wanted.items():
        if not found:
            continue
        try:
            times[sql] = await copy.seconds(sql, kind.samples)
        except SQLAlchemyError:
            continue  # it has been left out with a remark already, or works on the tables themselves only
    return times


async def _measured(
    copy: Trial, wanted: Mapping[str, tuple[Kind, list[Candidate]]], before: Mapping[str, float]
) -> list[_Measured]:
    by_candidate: dict[Candidate, list[Kind]] = {}
    for sql in before:
        kind, found = wanted[sql]
        for candidate in found:
            by_candidate.setdefault(candidate, []).append(kind)
    measured = []
    for candidate, kinds in by_candidate.items():
        try:
            async with copy.index(candidate) as size_bytes:
                after_s = {
                    kind.sql: await copy.seconds(kind.sql, kind.samples)
                    for kind in kinds
                    if INDEX in (await copy.plan(kind.sql, kind.samples)).indexes()
                }
                if not after_s:
                    continue
                with_it_s = await copy.writing_s(candidate.table)
            slower = _ratio(with_it_s, await copy.writing_s(candidate.table))
        except SQLAlchemyError:
            continue  # there can be no such index: a type without an order, for example
        measured.append(_Measured(candidate, after_s, size_bytes, slower))
    return measured


def _ratio(after: float | None, before: float | None) -> float | None:
    return None if after is None or not before else after / before


def _chosen(measured: Sequence[_Measured], before: Mapping[str, float], kinds: Mapping[str, Kind]) -> list[Proposal]:
    """The best index first, then the best for what is still slow, until none helps any more."""
    now = dict(before)
    chosen: list[Proposal] = []
    left = list(measured)
    while left:
        best = max(left, key=lambda one: _saved(one, now, kinds))
        saved = _saved(best, now, kinds)
        if saved <= 0:
            break
        good = [one for one in left if _is_as_good(one, best, now)]
        one = min(good, key=lambda each: (*each.candidate.effort, each.size_bytes or 0))
        helped = [sql for sql in one.after_s if now[sql] / one.after_s[sql] >= LEAST_FACTOR]
        gains = [Gain(sql, kinds[sql].place, kinds[sql].count, now[sql], one.after_s[sql]) for sql in helped]
        gains.sort(key=lambda gain: -(gain.before_s - gain.after_s) * gain.count)
        chosen.append(Proposal(one.candidate, tuple(gains), one.size_bytes, one.writes))
        for sql in helped:
            now[sql] = one.after_s[sql]
        left.remove(one)
    return chosen


def _saved(one: _Measured, now: Mapping[str, float], kinds: Mapping[str, Kind]) -> float:
    """Seconds that the workload would have taken less."""
    return sum(
        (now[sql] - after_s) * kinds[sql].count
        for sql, after_s in one.after_s.items()
        if now[sql] / after_s >= LEAST_FACTOR
    )


def _is_as_good(one: _Measured, best: _Measured, now: Mapping[str, float]) -> bool:
    """Whether it helps all that the best one helps, nearly as much."""
    helped = [sql for sql, after_s in best.after_s.items() if now[sql] / after_s >= LEAST_FACTOR]
    return one.candidate.table == best.candidate.table and all(
        sql in one.after_s
        and one.after_s[sql] <= best.after_s[sql] * _AS_GOOD
        and now[sql] / one.after_s[sql] >= LEAST_FACTOR
        for sql in helped
    )
