"""The database benchmark compares like with like, and judges by its targets."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.binding.measure import Disagreement
from benchmarks.db.cases import GET, OPERATIONS, REQUESTS
from benchmarks.db.contenders import (
    BUILT,
    DJANGO,
    FASTAPI,
    LITESTAR,
    NAIVE,
    NAIVE_ON_SERVER,
    POOL,
    RAW,
    READER,
    SESSION,
    VELOX,
    children,
    children_on_server,
)
from benchmarks.db.measure import does, measure_children, running
from benchmarks.db.report import SERVER, SQLITE, TARGETS, Result, markdown, to_json
from benchmarks.db.rows import ROWS, make
from benchmarks.db.stock import stocked
from benchmarks.summary import Sample


def result(ours_s: float) -> Result:
    """Every peer takes 100 µs, and ours ``ours_s`` seconds for 1,000 operations."""

    def samples(names: tuple[str, ...]) -> dict[str, list[Sample]]:
        return {name: [Sample(1000, *[ours_s if name in {READER, SESSION} else 0.1] * 2)] * 3 for name in names}

    inside, over_http = (
        {f"{where}: {case.name}": samples(names) for where in (SQLITE, SERVER) for case in cases}
        for cases, names in (
            (OPERATIONS, (RAW, POOL, READER, SESSION, NAIVE, NAIVE_ON_SERVER)),
            (REQUESTS, (VELOX, FASTAPI, LITESTAR, DJANGO)),
        )
    )
    return Result(inside, over_http, {"django": "5.2"}, "Linux, 2 cores", "Three rounds.", 0.02)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    make(tmp_path / "heroes.db")
    return tmp_path / "heroes.db"


def test_ours_reads_the_rows_that_the_driver_reads_and_stores_what_it_says(file: Path, tmp_path: Path) -> None:
    """In a process of its own, as the peers in theirs."""
    make(tmp_path / "other.db")
    lines = children(Path(sys.executable), Path(sys.executable))
    with running(lines[RAW], str(tmp_path / "other.db")) as raw, running(lines[READER], str(file)) as ours:
        assert raw.shown == ours.shown
        assert all(ours.run(operation.method, 40, operation.tasks).cpu_s > 0 for operation in OPERATIONS)
    with closing(sqlite3.connect(file)) as connection:
        assert [(ROWS + 80,)] == connection.execute("SELECT count(*) FROM hero").fetchall()


def test_on_a_server_ours_reads_the_rows_that_the_driver_reads(
    require: Callable[[object, str], None], server_databases: Callable[[str], str | None]
) -> None:
    require(server_databases("postgresql"), "PostgreSQL")
    lines = children_on_server(Path(sys.executable), Path(sys.executable))
    with stocked() as one, stocked() as other, running(lines[POOL], one) as raw, running(lines[READER], other) as ours:
        assert raw.shown == ours.shown
        assert all(ours.run(operation.method, 40, operation.tasks).cpu_s > 0 for operation in OPERATIONS)


def test_contenders_that_read_something_else_are_not_timed(file: Path) -> None:
    lines = children(Path(sys.executable), Path(sys.executable))
    with running(lines[RAW], str(file)) as one, running(lines[RAW], str(file)) as other:
        other.shown = [["nothing"]]
        with pytest.raises(Disagreement, match="different rows"):
            measure_children({"one": one, "other": other}, 1, SQLITE)


def test_a_way_of_building_statements_is_compared_where_one_is_built() -> None:
    assert ["20 rows"] == [operation.name for operation in OPERATIONS if does(BUILT, operation)]


def test_requests_ask_for_rows_that_are_there() -> None:
    assert GET.numbers == ROWS


@pytest.mark.parametrize(("ours_s", "missed"), [(0.009, 0), (0.5, len(TARGETS))])
def test_a_target_that_is_missed_says_so(ours_s: float, missed: int) -> None:
    """For readers and for programs."""
    found = result(ours_s)
    assert missed == markdown(found).count("(missed)")
    assert [pytest.approx(ours_s / 0.1)] * len(TARGETS) == [
        target["measured"] for target in json.loads(to_json(found))["targets"]
    ]
