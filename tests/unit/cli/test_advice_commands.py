"""What the commands about plans and indexes refuse, before they ask a database anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from velox.cli.db_advise import _read, _request
from velox.cli.db_explain import refuse_changes
from velox.cli.lab_indexes import _server
from velox.cli.requesting import Request
from velox.db.advice.workload import Workload
from velox.errors import ConfigurationError


def test_a_request_that_may_change_something_is_sent_when_that_is_said() -> None:
    post = Request("POST", "/items/")
    with pytest.raises(ConfigurationError, match="VX441"):
        refuse_changes(post, yes=False)
    refuse_changes(post, yes=True)
    refuse_changes(Request("GET", "/items/"), yes=False)


def test_a_route_of_the_advisor_is_a_route() -> None:
    with pytest.raises(ConfigurationError, match="VX106"):
        _request("SELECT 1", yes=True)


def test_sql_in_a_file_is_a_workload(tmp_path: Path) -> None:
    file = tmp_path / "slow.sql"
    file.write_text("SELECT a FROM b;\nSELECT c FROM d;")
    assert [kind.sql for kind in _read(file, "sqlite")] == ["SELECT a FROM b", "SELECT c FROM d"]


def test_a_file_that_is_no_workload_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "w.jsonl"
    file.write_text('{"sql": "SELECT 1"}\n{"count": 3}\n')
    with pytest.raises(ConfigurationError, match=r"VX442 .*w\.jsonl is no workload: line 2"):
        Workload.read(file)


def test_the_lab_wants_to_know_where_postgresql_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert _server("sqlite", None) is None
    assert _server("postgresql", "postgresql://a@b/c") == "postgresql://a@b/c"
    with pytest.raises(ConfigurationError, match="VX106"):
        _server("postgresql", None)
    with pytest.raises(ConfigurationError, match="VX106"):
        _server("sqlite", "postgresql://a@b/c")
