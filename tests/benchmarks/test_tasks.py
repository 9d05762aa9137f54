"""What the benchmark of job libraries reads from marks, and what its table says."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from benchmarks.tasks import child
from benchmarks.tasks.measure import LINE_BYTES, Figures, Plan, Trial, cpu_of_group
from benchmarks.tasks.report import Row, markdown

FIGURES = Figures(20_000, 40, 9_000, 100, 2_800, 150, missing=0, recovery_s=5.25, twice=3)
LOSSES = Figures(1_000, 900, 700, 1_200, 650, 1_300, missing=32, recovery_s=0.5, twice=0)


def test_the_table_says_who_loses_jobs_and_who_is_left_out() -> None:
    """In words, and why."""
    rows = [
        Row("Velox", "sqlite", FIGURES),
        Row("Hasty", "redis", LOSSES),
        Row("Absent", "redis", None, "it could not be installed"),
    ]
    said = markdown(rows, Plan(), {"velox": "1"}, "a machine", others=0.0)
    assert "| Velox | SQLite | 20,000 | 40 | 9,000 | 100 | 2,800 | 150 | all done, 5.2 s | 3 |" in said
    assert "| Hasty | Redis | 1,000 | 900 | 700 | 1,200 | 650 | 1,300 | **32 missing** | 0 |" in said
    assert "Absent on Redis is left out: it could not be installed" in said
    assert "Not a quiet machine" not in said
    assert "Not a quiet machine" in markdown(rows, Plan(), {}, "a machine", others=0.5)


def test_a_mark_has_the_length_that_is_counted_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its number is; and a half-written one is none."""
    marks = tmp_path / "marks"
    monkeypatch.setenv("BENCH_MARKS", str(marks))
    monkeypatch.setattr(child, "_file", None)
    for n in (7, 123_456, 7):
        child.mark(n)
    assert child._file is not None
    os.close(child._file)
    assert marks.stat().st_size == 3 * LINE_BYTES
    with marks.open("ab") as file:
        file.write(b"0000000008 00")
    trial = Trial([], {}, tmp_path)
    assert trial._lines() == 3
    assert sorted(trial._done()) == [7, 123_456]


def test_the_cpu_time_is_that_of_the_whole_group() -> None:
    """This process is in one."""
    before = cpu_of_group(os.getpgrp())
    until_s = time.process_time() + 0.05
    while time.process_time() < until_s:
        pass
    assert cpu_of_group(os.getpgrp()) > before
