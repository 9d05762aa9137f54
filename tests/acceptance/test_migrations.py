"""Change a model, ``velox makemigrations``, ``velox migrate``: the loop of every day, typed as a user types it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from velox.testing import LiveServer

if TYPE_CHECKING:
    from tests.acceptance.conftest import Run, Serve

MODELS = "app/items/models.py"
NOTE = "    note: str | None = Field(default=None, max_length=10_000)\n"


@pytest.fixture
def shop(tmp_path: Path, run: Run) -> Path:
    """A fresh project."""
    run("velox", "makeproject", "shop", cwd=tmp_path)
    return tmp_path / "shop"


def edit(shop: Path, old: str, new: str) -> None:
    path = shop / MODELS
    source = path.read_text()
    assert old in source
    path.write_text(source.replace(old, new))


def test_the_migrations_of_a_new_project_are_what_its_models_say(tmp_path: Path, run: Run) -> None:
    """``makeproject`` brings them, byte for byte what ``makemigrations`` writes."""
    run("velox", "makeproject", "shop", "--auth", cwd=tmp_path)
    shop = tmp_path / "shop"
    assert run("velox", "makemigrations", "--check", cwd=shop).stdout.startswith("No changes")
    first = ("-m", "Create item, and the queue of jobs", "--name", "create_item")
    for name, message in (("0002_create_accounts", ("-m", "Create accounts")), ("0001_create_item", first)):
        path = shop / f"migrations/{name}.py"
        brought = path.read_text()
        path.unlink()
        if name == "0001_create_item":
            shutil.rmtree(shop / "app" / "users")
        run("velox", "makemigrations", *message, cwd=shop)
        assert path.read_text() == brought
        path.unlink()


def test_a_changed_model_is_migrated_and_back(shop: Path, run: Run) -> None:
    """What is printed on the way says what happens."""
    run("velox", "migrate", cwd=shop)
    run("velox", "shell", "-c", "await db.add(Item(name='pen', price='1.50', note='blue'))", cwd=shop)
    edit(shop, NOTE, NOTE.replace("note", "remark") + "    stock: int = Field(default=7, ge=0)\n")
    assert "VX410 item.note is gone and item.remark is new" in run("velox", "makemigrations", cwd=shop, code=1).stderr
    assert "VX406" in run("velox", "makemigrations", "--check", cwd=shop, code=1).stderr
    made = run("velox", "makemigrations", "--rename", "item.note:remark", cwd=shop).stdout
    assert "~ column item.note: renamed to remark" in made
    assert "+ column item.stock (BIGINT, not null)" in made
    assert "proved  up, same as the models, down, up: on a copy of the database (1 row)" in made
    (revision,) = [path.stem for path in (shop / "migrations").glob("0002_*.py")]
    assert f"  apply {revision}" in run("velox", "migrate", "--plan", cwd=shop).stdout
    assert "VX409" in run("velox", "migrate", "--check", cwd=shop, code=1).stderr
    assert "ADD COLUMN stock INTEGER DEFAULT '7'" in run("velox", "sqlmigrate", "0002", cwd=shop).stdout
    assert run("velox", "migrate", cwd=shop).stdout.startswith(f"  applied {revision}  ")
    show = "item = await db.one(select(Item)); print(item.remark, item.stock)"
    assert run("velox", "shell", "-c", show, cwd=shop).stdout == "blue 7\n"
    assert "and as the models say" in run("velox", "migrate", "--check", cwd=shop).stdout
    run("velox", "migrate", "0001", cwd=shop)
    listed = json.loads(run("velox", "showmigrations", "--json", cwd=shop).stdout)
    assert [each["applied"] for each in listed] == [True, False]
    run("ruff", "check", cwd=shop)
    run("ruff", "format", "--check", "migrations", cwd=shop)


def test_two_branches_are_joined(shop: Path, run: Run) -> None:
    """``--merge`` writes the migration that comes after both."""
    for name in ("mine", "yours"):
        run("velox", "makemigrations", "--empty", "--name", name, cwd=shop)
        (shop / f"migrations/0002_{name}.py").rename(shop / f"{name}.py")
    for name in ("mine", "yours"):
        (shop / f"{name}.py").rename(shop / f"migrations/0002_{name}.py")
    refused = run("velox", "migrate", cwd=shop, code=1).stderr
    assert "error VX405 0002_mine and 0002_yours come after the same migration" in refused
    assert "velox makemigrations --merge" in refused
    run("velox", "makemigrations", "--merge", cwd=shop)
    run("velox", "migrate", cwd=shop)
    assert "[x] 0003_merge" in run("velox", "showmigrations", cwd=shop).stdout


def test_a_database_changed_by_hand_is_found(shop: Path, run: Run) -> None:
    """Every migration is applied, and yet it is not what the models say."""
    run("velox", "migrate", cwd=shop)
    run("sqlite3", "app.db", "ALTER TABLE item ADD COLUMN extra TEXT; DROP INDEX ix_item_name", cwd=shop)
    checked = run("velox", "migrate", "--check", cwd=shop, code=1)
    assert "- column item.extra" in checked.stdout
    assert "+ index ix_item_name on item (name)" in checked.stdout
    assert "VX406" in checked.stderr


def test_run_says_what_is_pending_and_production_refuses(shop: Path, run: Run) -> None:
    """In dev a new database is filled, and one that is behind is told of; in production it must be up to date."""
    with LiveServer(directory=shop, environment={"VELOX_ENV": "dev"}) as server:
        assert server.stop() == 0
        assert "applied 0001_create_item" in server.output
    edit(shop, NOTE, "")
    with LiveServer(directory=shop, environment={"VELOX_ENV": "dev"}) as server:
        assert server.stop() == 0
    run("velox", "makemigrations", cwd=shop)
    with LiveServer(directory=shop, environment={"VELOX_ENV": "dev"}) as server:
        assert server.stop() == 0
        assert "not applied yet: 0002_remove_note_from_item. Run: velox migrate" in server.output
    refused = run("velox", "run", "--prod", "--port", "0", "--workers", "2", cwd=shop, code=78).stderr
    assert "VX409 the database is behind its migrations by 1: 0002_remove_note_from_item" in refused
    run("velox", "migrate", cwd=shop)
    with LiveServer(directory=shop, environment={"VELOX_ENV": "prod"}) as server:
        assert server.stop() == 0


def test_run_says_what_no_migration_makes(shop: Path, run: Run, serve: Serve) -> None:
    """A feature that was just added answers as soon as its table is there; the running server need not know."""
    run("velox", "migrate", cwd=shop)
    run("velox", "makeapp", "books", "title:str", cwd=shop)
    with serve(shop) as client:
        assert client.get("/books/").status_code == 500
        run("velox", "makemigrations", cwd=shop)
        run("velox", "migrate", cwd=shop)
        assert client.get("/books/").json()["total"] == 0
