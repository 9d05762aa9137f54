"""A pid file is true or ignored."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from velox.http.pidfile import PidFile, default_pid_file, read_pid


def test_it_names_the_process_as_long_as_it_lives(tmp_path: Path) -> None:
    """And is gone with it."""
    path = tmp_path / "server.pid"
    written = PidFile(path)
    assert read_pid(path) == os.getpid()
    written.remove()
    assert not path.exists()
    assert read_pid(path) is None


def test_a_file_left_by_a_dead_process_names_nobody(tmp_path: Path) -> None:
    """Another process may have its number by now."""
    path = tmp_path / "server.pid"
    path.write_text(f"{os.getpid()}\n")
    assert read_pid(path) is None


def test_two_servers_do_not_share_one(tmp_path: Path) -> None:
    """The first one keeps it."""
    first = PidFile(tmp_path / "server.pid")
    with pytest.raises(OSError, match="unavailable"):
        PidFile(tmp_path / "server.pid")
    assert read_pid(tmp_path / "server.pid") == os.getpid()
    first.remove()


def test_the_folder_for_them_belongs_to_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that others can write to could name any process."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = default_pid_file(8000)
    assert found is not None
    assert found.name == "8000.pid"
    assert found.parent.stat().st_mode & 0o777 == 0o700
    found.parent.chmod(0o777)
    assert default_pid_file(8000) is None
