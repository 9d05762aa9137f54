"""``velox db``: the content of a project's database, typed as a user types it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from velox.cli.db_shell import client_of

if TYPE_CHECKING:
    from tests.acceptance.conftest import Run

SEED = """
from decimal import Decimal

from app.items.models import Item
from velox.db import Session


async def seed(db: Session) -> None:
    await db.add(Item(name="Cup", price=Decimal("4.20"), note="a\\nlong | note"))
"""


@pytest.fixture
def shop(tmp_path: Path, run: Run) -> Path:
    """A fresh project with a seed, migrated."""
    run("velox", "makeproject", "shop", cwd=tmp_path)
    shop = tmp_path / "shop"
    (shop / "app" / "seed.py").write_text(SEED)
    run("velox", "migrate", cwd=shop)
    return shop


def test_rows_are_seeded_dumped_dropped_and_loaded(shop: Path, run: Run) -> None:
    """And after that, all is as it was."""
    show = ("velox", "db", "shell", "-c", "SELECT name, price, note FROM item")
    run("velox", "db", "seed", cwd=shop)
    before = run(*show, cwd=shop).stdout
    assert before.splitlines()[-1] == "Cup   4.2    a long | note"
    assert run("velox", "db", "dump", "all.jsonl", cwd=shop).stderr == "Wrote 1 row.\n"
    assert (shop / "all.jsonl").stat().st_mode & 0o077 == 0
    assert "VX412 there are rows in item" in run("velox", "db", "load", "all.jsonl", cwd=shop, code=1).stderr
    reset = run("velox", "db", "reset", "--yes", cwd=shop).stdout
    assert reset.splitlines() == ["  dropped 7 tables", "  applied 0001_create_item"]
    assert run("velox", "db", "load", "all.jsonl", cwd=shop).stdout == "Loaded 1 row.\n"
    assert run(*show, cwd=shop).stdout == before
    assert run("velox", "db", "dump", cwd=shop).stdout == (shop / "all.jsonl").read_text()


def test_production_is_neither_emptied_nor_seeded_by_accident(shop: Path, run: Run) -> None:
    """What would lose rows says so and does nothing."""
    in_prod = ("env", "VELOX_ENV=prod", "velox", "db")
    (shop / "all.jsonl").write_text("{}")
    for arguments in (("reset", "--yes"), ("seed",), ("load", "all.jsonl", "--replace")):
        assert "VX412" in run(*in_prod, *arguments, cwd=shop, code=1).stderr


def test_what_is_missing_is_explained(shop: Path, run: Run) -> None:
    """No seed; SQL with a mistake."""
    (shop / "app" / "seed.py").unlink()
    assert "VX414 there is no app/seed.py" in run("velox", "db", "seed", cwd=shop, code=1).stderr
    assert run("velox", "db", "shell", "-c", "SELEKT 1", cwd=shop, code=1).stderr == 'near "SELEKT": syntax error\n'


def test_reset_asks_first(shop: Path, run: Run) -> None:
    """Nobody answers, so nothing is dropped."""
    assert "Drop every table" in run("velox", "db", "reset", cwd=shop, code=130).stdout
    assert "item" in run("velox", "db", "shell", "-c", "SELECT name FROM sqlite_master", cwd=shop).stdout


def test_models_are_written_for_tables_that_are_there(shop: Path, run: Run) -> None:
    """They are typed, and differ in nothing; the file is never overwritten."""
    run("velox", "db", "shell", "-c", "CREATE TABLE visit (id INTEGER PRIMARY KEY, at DATE NOT NULL)", cwd=shop)
    out = ("--table", "visit", "--out", "app/visits/models.py")
    run("velox", "db", "inspect", *out, cwd=shop)
    run("mypy", "--strict", "app/visits/models.py", cwd=shop)
    assert "VX502" in run("velox", "db", "inspect", *out, cwd=shop, code=1).stderr
    made = run("velox", "makemigrations", cwd=shop)
    assert "the database has all of it already; only note it: velox migrate --fake" in made.stderr
    run("velox", "migrate", "--fake", cwd=shop)
    run("velox", "migrate", "--check", cwd=shop)


@pytest.mark.parametrize(
    ("url", "command", "secret"),
    [
        ("sqlite:///app.db", ["sqlite3", "-header", "-column", "app.db"], {}),
        (
            "postgresql://me:p%40ss@db.example/shop",
            ["psql", "-h", "db.example", "-U", "me", "-d", "shop"],
            {"PGPASSWORD": "p@ss"},
        ),
    ],
)
def test_a_password_is_in_no_command_line(
    monkeypatch: pytest.MonkeyPatch, url: str, command: list[str], secret: dict[str, str]
) -> None:
    """Other users of the machine can read those."""
    monkeypatch.setattr("shutil.which", lambda program: program)
    assert client_of(url) == (command, secret)
