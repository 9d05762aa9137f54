"""Plans on each server: drawn with what was expected and what was found, and nothing is changed by asking."""

from __future__ import annotations

import pytest

from velox.db import Database, Field, Model, func, select
from velox.db.advice.explained import plan_of
from velox.db.advice.explaining import reads
from velox.db.advice.plan import drawn
from velox.errors import ConfigurationError


class PlanTeam(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=40, index=True)


class PlanPlayer(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=40)
    team_id: int = Field(foreign_key="planteam.id")


@pytest.fixture
async def filled(stored: Database) -> Database:
    async with stored.session() as db:
        await db.add(PlanTeam(id=1, name="a"))
        await db.insert_many([PlanPlayer(name=f"p{number}", team_id=1) for number in range(50)])
    return stored


async def test_a_scan_is_told_with_its_rows(filled: Database) -> None:
    plan = await plan_of(filled, "SELECT * FROM planplayer WHERE name LIKE 'p1%';")
    assert plan.scanned() == ["planplayer"]
    assert plan.ms is not None
    text = "\n".join(drawn(plan))
    assert "planplayer" in text
    assert "11 rows" in text or "11 found" in text or "50 found" in text


async def test_an_index_is_named(filled: Database) -> None:
    plan = await plan_of(filled, "SELECT id, name FROM planteam WHERE name = 'a' ORDER BY name")
    if filled.engine.url.get_backend_name() != "postgresql":  # to which one page is not worth an index
        assert plan.indexes() == {"ix_planteam_name"}
        assert plan.scanned() == []


@pytest.mark.parametrize("run", [False, True])
async def test_a_change_is_undone_or_not_made(filled: Database, run: bool) -> None:
    plan = await plan_of(filled, "DELETE FROM planplayer WHERE name = 'p1'", run_changes=run)
    # MariaDB tells no time for a change.
    assert (plan.ms is not None) == run or filled.engine.url.get_backend_name() == "mariadb"
    async with filled.reader() as db:
        assert await db.one(select(func.count()).select_from(PlanPlayer)) == 50


@pytest.mark.parametrize("sql", ["DROP TABLE planteam", "SELECT nothing FROM planteam", "SELEC 1"])
async def test_what_has_no_plan_is_said(filled: Database, sql: str) -> None:
    with pytest.raises(ConfigurationError, match="VX440"):
        await plan_of(filled, sql)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 'delete' FROM t -- update", True),
        ("select a from t for update", True),
        ("WITH x AS (DELETE FROM t RETURNING id) SELECT * FROM x", False),
        ("SELECT * INTO copy FROM t", False),
        ("UPDATE t SET a = 1", False),
    ],
)
def test_what_reads_is_told_from_what_writes(sql: str, expected: bool) -> None:
    assert reads(sql) == expected
