"""The index lab: one table, several indexes, several questions, and how long each takes with each."""

from __future__ import annotations

import random
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from velox.db.advice.candidates import Candidate
from velox.db.advice.plan import Plan
from velox.db.advice.trial import Trial, autocommit
from velox.db.database import Database
from velox.errors import ConfigurationError

__all__ = ["NONE", "Laboratory", "Measurement", "Question", "measure"]

TABLE = "velox_lab"
NONE = "no index"
TAGS = 1000
"""Different tags; each row has one."""
_INSERTED = 2000
"""Rows in a statement."""
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Question:
    """A kind of statement, with values."""

    name: str
    about: str
    sql: str
    samples: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class Measurement:
    """An index, and what came of it."""

    name: str
    ddl: str
    seconds: dict[str, float]
    """Question → seconds."""
    plans: dict[str, Plan]
    write_s: float
    """Seconds of writing 500 rows."""
    size_bytes: int
    uses: frozenset[str]
    """The questions whose plans use it."""


@dataclass(slots=True)
class Laboratory:
    """What was measured."""

    server: str
    rows: int
    questions: list[Question]
    measurements: list[Measurement] = field(default_factory=list)

    def best(self, question: str) -> Measurement:
        """The index with which the question takes the least time."""
        return min(self.measurements, key=lambda one: one.seconds[question])


async def measure(rows: int, url: str | None = None, *, seed: int = 0) -> Laboratory:
    """Fill a table, and ask it all questions without an index, and with each in turn.

    Args:
        rows: How many rows the table has.
        url: A PostgreSQL server, where the table is a temporary one; ``None``: a SQLite file that is removed.
        seed: What the values depend on.

    Raises:
        ConfigurationError: VX402, the server cannot be reached; VX444, it does not make the table.
    """
    async with _place(url) as database:
        dialect = make_url(database.url).get_backend_name()
        try:
            async with autocommit(database) as connection:
                trial = Trial(connection, dialect, {TABLE: ["id"]})
                try:
                    await _fill(trial, rows, seed)
                    found = Laboratory(
                        "SQLite" if dialect == "sqlite" else "PostgreSQL", rows, _questions(dialect, rows)
                    )
                    for name, candidate in _indexes(dialect):
                        found.measurements.append(await _measured(trial, found.questions, name, candidate))
                finally:
                    await connection.invalidate()  # the temporary table goes with it
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
            raise ConfigurationError(
                "VX444", f"{database.display_url} makes no table: {reason}", hint="It has to be a temporary one."
            ) from None
    return found


@asynccontextmanager
async def _place(url: str | None) -> AsyncIterator[Database]:
    with tempfile.TemporaryDirectory(prefix="velox-lab-") as folder:
        database = Database(url or f"sqlite:///{Path(folder)}/lab.db", statement_timeout_s=600)
        await database.start()
        try:
            yield database
        finally:
            await database.stop()


async def _fill(trial: Trial, rows: int, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - it is no secret
    temporary = "" if trial.dialect == "sqlite" else "TEMPORARY "  # there, the whole file is one
    await trial.run(
        f"CREATE {temporary}TABLE {TABLE} (id INTEGER PRIMARY KEY, code VARCHAR(16) NOT NULL, tag INTEGER NOT NULL, "
        "created_at INTEGER NOT NULL, amount INTEGER NOT NULL, note VARCHAR(80) NOT NULL)"
    )
    for start in range(0, rows, _INSERTED):
        values = ", ".join(
            f"({n}, '{_code(n)}', {chance.randrange(TAGS)}, {n * 10}, {chance.randrange(10**6)}, '{'x' * 40}')"
            for n in range(start, min(start + _INSERTED, rows))
        )
        await trial.run(f"INSERT INTO {TABLE} (id, code, tag, created_at, amount, note) VALUES {values}")
    await trial.analyze(TABLE)


def _code(number: int) -> str:
    """A different one for each number, in no order."""
    return f"{number * 2654435761 % 2**32:08x}"


def _questions(dialect: str, rows: int) -> list[Question]:
    """Each with three sets of values."""
    first, second = ("$1", "$2") if dialect == "postgresql" else ("?", "?")
    picked = [rows // 7, rows // 3, rows * 5 // 6]
    width = max(rows // 1000, 10) * 10
    prefix = f"code LIKE {first}" if dialect == "postgresql" else f"code GLOB {first}"
    star = "%" if dialect == "postgresql" else "*"
    return [
        Question(
            "equality",
            "One row by its code",
            f"SELECT code, amount FROM {TABLE} WHERE code = {first}",
            tuple((_code(n),) for n in picked),
        ),
        Question(
            "range",
            "A thousandth of the rows, by time",
            f"SELECT sum(amount) FROM {TABLE} WHERE created_at BETWEEN {first} AND {second}",
            tuple((n * 10, n * 10 + width) for n in picked),
        ),
        Question(
            "sort",
            "The ten newest rows with a tag",
            f"SELECT id, note FROM {TABLE} WHERE tag = {first} ORDER BY created_at DESC LIMIT 10",
            tuple((n % TAGS,) for n in picked),
        ),
        Question(
            "prefix",
            "The codes that begin with three characters",
            f"SELECT count(*) FROM {TABLE} WHERE {prefix}",
            tuple((_code(n)[:3] + star,) for n in picked),
        ),
    ]


def _indexes(dialect: str) -> list[tuple[str, Candidate | None]]:
    code, tag, time = ("code", False), ("tag", False), ("created_at", False)
    found: list[tuple[str, Candidate | None]] = [
        (NONE, None),
        ("B-tree (code)", Candidate(TABLE, (code,))),
        ("covering (code, amount)", Candidate(TABLE, (code,), include=("amount",))),
        ("B-tree (created_at)", Candidate(TABLE, (time,))),
        ("B-tree (tag)", Candidate(TABLE, (tag,))),
        ("composite (tag, created_at)", Candidate(TABLE, (tag, time))),
    ]
    if dialect == "postgresql":
        found += [
            ("hash (code)", Candidate(TABLE, (code,), "hash")),
            ("B-tree, characters (code)", Candidate(TABLE, (code,), pattern="code")),
            ("BRIN (created_at)", Candidate(TABLE, (time,), "brin")),
        ]
    return found


async def _measured(trial: Trial, questions: Sequence[Question], name: str, candidate: Candidate | None) -> Measurement:
    if candidate is None:
        return await _asked(trial, questions, name, "", 0)
    async with trial.index(candidate) as size_bytes:
        return await _asked(trial, questions, name, candidate.ddl(trial.dialect), size_bytes or 0)


async def _asked(trial: Trial, questions: Sequence[Question], name: str, ddl: str, size_bytes: int) -> Measurement:
    seconds = {one.name: await trial.seconds(one.sql, one.samples) for one in questions}
    plans = {one.name: await trial.plan(one.sql, one.samples) for one in questions}
    uses = frozenset(one for one, plan in plans.items() if any("velox_trial" in index for index in plan.indexes()))
    return Measurement(name, ddl, seconds, plans, await trial.writing_s(TABLE) or 0.0, size_bytes, uses)
