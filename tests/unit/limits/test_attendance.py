"""How many are in, across workers that live and die."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from velox.limits.attendance import PLACES, Attendance, attendance_bytes

KEY, OTHER = b"k" * 16, b"o" * 16
Open = Callable[[int], Attendance]


@pytest.fixture
def open_as(tmp_path: Path) -> Iterator[Open]:
    """A worker's view of one file, by the worker's number."""
    path = tmp_path / "leases"
    path.write_bytes(bytes(attendance_bytes(1)))
    opened: list[Attendance] = []

    def open_(worker: int) -> Attendance:
        opened.append(Attendance(1, path, worker))
        return opened[-1]

    yield open_
    for each in opened:
        each.close()


def dead_process() -> int:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def test_as_many_as_may_come_in_and_one_more_when_one_has_left() -> None:
    """In memory of one process; another key counts by itself."""
    house = Attendance(100)
    assert [house.enter(KEY, 2) for _ in range(3)] == [1, 0, None]
    assert house.enter(OTHER, 1) == 0
    house.leave(KEY)
    assert [house.enter(KEY, 2) for _ in range(2)] == [0, None]
    house.close()


def test_workers_count_together(open_as: Open) -> None:
    """Each writes its own, and sees all."""
    one, two = open_as(os.getpid()), open_as(os.getppid())
    assert [one.enter(KEY, 3), two.enter(KEY, 3), one.enter(KEY, 3)] == [2, 1, 0]
    assert two.enter(KEY, 3) is None
    one.leave(KEY)
    assert two.enter(KEY, 3) == 0


def test_what_a_dead_worker_had_is_free(open_as: Open) -> None:
    """It has no chance to give anything back."""
    dead, alive = open_as(dead_process()), open_as(os.getpid())
    assert dead.enter(KEY, 1) == 0
    assert alive.enter(KEY, 1) == 0
    assert alive.enter(KEY, 1) is None


def test_where_nobody_can_be_written_down_nobody_comes_in() -> None:
    """Else a flood of keys would be a way past the limit."""
    house = Attendance(1)
    keys = [number.to_bytes(16, "little") for number in range(PLACES + 1)]
    assert [house.enter(key, 1) for key in keys] == [0] * PLACES + [None]
    house.leave(keys[0])
    assert house.enter(keys[-1], 1) == 0
    house.close()
