"""``Board``: numbers that workers share."""

from __future__ import annotations

import multiprocessing
import os
import socket
from pathlib import Path

import pytest

from velox.http import board
from velox.http.board import Board, folder_of


def total(one: Board) -> list[float]:
    return [sum(column) for column in zip(*one.all(), strict=True)]


def work(folder: Path, dies: bool) -> None:
    """Another worker: it counts, and ends with or without a goodbye."""
    mine = Board(folder, 3)
    mine.cells[1] += 2.0
    if not dies:
        mine.close()
    os._exit(0)


def other_worker(folder: Path, *, dies: bool) -> None:
    process = multiprocessing.get_context("spawn").Process(target=work, args=(folder, dies))
    process.start()
    process.join(30)
    assert 0 == process.exitcode


@pytest.mark.parametrize("dies", [True, False])
def test_what_an_ended_worker_counted_still_counts(tmp_path: Path, *, dies: bool) -> None:
    """Whether it was killed or said goodbye, and also for workers that start later: counters never fall."""
    mine = Board(tmp_path / "server", 3)
    mine.cells[1] += 1.0
    other_worker(tmp_path / "server", dies=dies)
    assert [0.0, 3.0, 0.0] == total(mine)
    other_worker(tmp_path / "server", dies=dies)
    assert [0.0, 5.0, 0.0] == total(mine)
    mine.close()


def test_what_an_ended_worker_did_at_the_moment_it_does_no_more(tmp_path: Path) -> None:
    """Neither before nor after the next worker has gathered its numbers."""
    mine = Board(tmp_path / "server", 3, passing=[1])
    mine.cells[1] = 1.0
    other_worker(tmp_path / "server", dies=True)
    assert [0.0, 1.0, 0.0] == total(mine)
    other_worker(tmp_path / "server", dies=False)
    assert [0.0, 1.0, 0.0] == total(mine)
    mine.close()


def test_the_last_worker_leaves_nothing_behind(tmp_path: Path) -> None:
    """Also when workers before it were killed."""
    mine = Board(tmp_path / "server", 3)
    other_worker(tmp_path / "server", dies=True)
    mine.close()
    mine.close()
    assert [] == list(tmp_path.iterdir())


def test_without_a_folder_the_numbers_are_this_processs_alone() -> None:
    """As in tests, where there is no socket."""
    mine = Board(None, 2)
    mine.cells[0] += 1.5
    assert [1.5, 0.0] == total(mine)
    mine.close()


def test_folders_of_killed_servers_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not those that are young, nor those with a living worker."""
    monkeypatch.setattr(board, "FRESH_S", -1.0)
    abandoned, alive = tmp_path / f"{board.PREFIX}1-a", tmp_path / f"{board.PREFIX}2-a"
    other_worker(abandoned, dies=True)
    alive.mkdir()
    (alive / str(os.getppid())).touch()
    mine = Board(tmp_path / f"{board.PREFIX}3-a", 3)
    assert not abandoned.exists()
    assert alive.exists()
    mine.close()


def test_workers_find_the_folder_by_their_socket() -> None:
    """A duplicate has the same, another socket another."""
    with socket.socket() as first, first.dup() as again, socket.socket() as second:
        assert folder_of(first, "digest") == folder_of(again, "digest") != folder_of(second, "digest")
        assert folder_of(first, "digest") != folder_of(first, "other")
