"""The advisor finds a planted missing index on every server, and has nothing to say where all is well."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import Index, inspect

from velox.db import Database, Field, Model, col, func, select
from velox.db.advice.advising import Advice, advise
from velox.db.advice.audit import faults_of
from velox.db.advice.report import as_json, as_lines
from velox.db.advice.workload import Kind, Workload
from velox.errors import ConfigurationError


class AdvisedOwner(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=40)


class AdvisedLink(Model, table=True):
    __table_args__ = (
        Index("ix_advised_twice", "slug"),
        Index("ix_advised_longer", "hits", "slug"),
        Index("ix_advised_shorter", "hits"),
    )
    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(max_length=40, unique=True)
    tag: str = Field(max_length=40)
    hits: int = 0
    owner_id: int = Field(foreign_key="advisedowner.id")


ROWS = 6000


@pytest.fixture
async def filled(stored: Database) -> Database:
    async with stored.session() as db:
        await db.add(AdvisedOwner(id=1, name="a"))
        await db.insert_many(
            [AdvisedLink(slug=f"s{n}", tag=f"t{n * 7919 % ROWS}", hits=n, owner_id=1) for n in range(ROWS)]
        )
    return stored


async def observed(database: Database) -> Workload:
    workload = Workload()
    async with database.reader() as db:
        with database.listening(workload.note):
            for number in range(3):
                await db.exec(select(AdvisedLink).where(AdvisedLink.tag == f"t{number}"))
                await db.exec(select(AdvisedLink).where(AdvisedLink.slug == f"s{number}"))
    return workload


async def test_the_missing_index_is_found_and_the_tables_are_as_before(filled: Database) -> None:
    """With what it gains, by measurement, and the line that asks; the statement that has its index gets no other."""
    dialect = filled.engine.url.get_backend_name()
    before = await shape(filled)
    advice = await advise(filled, await observed(filled))
    (proposal,) = advice.proposals
    assert proposal.candidate.columns[0] == ("tag", False)
    (gain,) = proposal.gains
    assert gain.count == 3
    assert "test_advising.py" in str(gain.place)
    assert gain.before_s > gain.after_s
    assert (proposal.size_bytes or 0) > 0 or dialect == "mariadb"
    assert proposal.writes is not None
    assert before == await shape(filled)
    text = "\n".join(as_lines(advice, dialect))
    assert "times faster" in text
    assert "velox makemigrations" in text
    json.dumps(as_json(advice, dialect))


async def shape(database: Database) -> tuple[object, int]:
    async with database.connection() as connection:
        indexes = await connection.run_sync(lambda raw: inspect(raw).get_indexes("advisedlink"))
    async with database.reader() as db:
        return sorted(str(one["name"]) for one in indexes), await db.one(select(func.count(col(AdvisedLink.id))))


async def test_what_is_wrong_with_the_indexes_is_listed(stored: Database) -> None:
    """Twice the same, one that another begins with, a reference without any, and those that nothing uses."""
    faults = {(fault.kind, fault.subject) for fault in await faults_of(stored)}
    expected = {("duplicate", "ix_advised_twice"), ("redundant", "ix_advised_shorter")}
    if stored.engine.url.get_backend_name() != "mariadb":  # which makes that index itself
        expected |= {("reference without index", "owner_id")}
    assert expected == {one for one in faults if "advised" in one[1] or one[1] == "owner_id"}
    workload = Workload([Kind("SELECT id FROM advisedlink WHERE hits = 1 ORDER BY slug", 1)])
    advice = await advise(stored, workload)
    assert "ix_advised_twice" in {fault.subject for fault in advice.faults if fault.kind == "unused"}


async def test_a_statement_that_fails_is_left_out_with_its_reason(database: Database) -> None:
    workload = Workload([Kind("SELECT nothing FROM advisedlink WHERE tag = 'a'", 1)])
    advice = await advise(database, workload)
    assert advice.proposals == []
    assert any("nothing" in remark for remark in advice.remarks)


async def test_a_database_in_memory_is_not_copied() -> None:
    memory = Database("sqlite://")
    await memory.start()
    await memory.create_tables()
    with pytest.raises(ConfigurationError, match="VX444"):
        await advise(memory, Workload([Kind("SELECT id FROM advisedlink WHERE tag = 'a'", 1)]))
    await memory.stop()


def test_without_proposals_the_report_says_why() -> None:
    assert "by an index that is there" in "\n".join(as_lines(Advice(), "sqlite"))
    assert "No index" in "\n".join(as_lines(Advice(statements=2), "sqlite"))
