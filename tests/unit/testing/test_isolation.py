"""Which databases tests may write to."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from velox.testing import is_test_database

TEMPORARY = tempfile.gettempdir()


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite+aiosqlite:///:memory:",
        "sqlite:///file:shared?mode=memory&cache=shared&uri=true",
        f"sqlite:///{TEMPORARY}/anything.db",
        f"sqlite+aiosqlite:///{TEMPORARY}/deep/er/anything.db",
        "sqlite:///test.db",
        "sqlite:///data/shop-test.db",
        "postgresql://shop:secret@db.example/shop_test",
        "postgresql+asyncpg://db.example/test_shop",
        "mysql://root@localhost/TEST?charset=utf8mb4",
        "postgresql://db.example/shop_test1",
    ],
)
def test_a_test_database_is_in_memory_or_temporary_or_says_test_in_its_name(url: str) -> None:
    """SQLite in memory, SQLite in the directory for temporary files, and names with the word ``test``."""
    assert is_test_database(url)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///app.db",
        "sqlite:////srv/shop/app.db",
        "sqlite:///contest.db",
        "sqlite:///latest.db",
        "sqlite:////srv/test/app.db",
        f"sqlite:///{TEMPORARY}/../srv/app.db",
        "postgresql://shop:secret@db.example/shop",
        "postgresql://test:test@test.example/shop",
        "postgresql://db.example/shop?application_name=test",
        "postgresql://db.example/attestation",
        "postgresql://db.example",
    ],
)
def test_any_other_database_is_not_for_tests(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user, host, directory or option called ``test`` does not make it one, nor a word that only contains it."""
    monkeypatch.chdir("/")  # the repository itself may have been cloned into a temporary directory
    assert not is_test_database(url)


def test_a_relative_file_counts_by_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``sqlite:///app.db`` in a temporary directory is temporary."""
    monkeypatch.chdir(tmp_path)
    assert is_test_database("sqlite:///app.db") == tmp_path.is_relative_to(Path(TEMPORARY).resolve())
