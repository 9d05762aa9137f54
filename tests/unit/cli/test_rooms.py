"""What ``velox doctor`` makes of what it has found out."""

from __future__ import annotations

from velox.cli.checks import _Patient, _room
from velox.db.engine import Room
from velox.settings import Settings


def test_connections_that_do_not_all_fit_are_a_failure_that_says_how_many_would() -> None:
    """Workers times what each may open, against what the server allows."""
    patient = _Patient(settings=Settings(workers=8, database_pool_size=10))
    (finding,) = _room(Room(worker=20, server=97), patient)
    assert (finding.level, finding.text) == ("fail", "8 x 20 connections at most, of 97 that the database allows")
    assert finding.hint.startswith("Set database_pool_size to 6, ")


def test_connections_that_fit_are_fine() -> None:
    (finding,) = _room(Room(worker=12, server=97), _Patient(settings=Settings(workers=8)))
    assert finding.level == "ok"


def test_a_file_has_no_connections_to_count() -> None:
    assert list(_room(None, _Patient(settings=Settings()))) == []
