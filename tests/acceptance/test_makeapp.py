"""``velox makeapp``: a feature folder whose tests pass as it is written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import Run, Serve

EVERY_TYPE = (
    "title:str:index",
    "isbn:str:unique",
    "summary:text:optional",
    "pages:int=0",
    "rating:float:optional",
    "price:decimal=1.50",
    "in_print:bool=true",
    "published:date:index",
    "seen:datetime",
    "token:uuid:unique",
    "extra:json",
    "homepage:url",
)
LONG = "a_feature_with_a_really_very_long_names"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Path:
    """A project with features of every field type, of none, of a given class name and of a long name."""
    place = tmp_path_factory.mktemp("projects")
    run("velox", "makeproject", "shop", cwd=place)
    project = place / "shop"
    run("velox", "makeapp", "books", *EVERY_TYPE, cwd=project)
    run("velox", "makeapp", "tags", cwd=project / "app" / "items")
    run("velox", "makeapp", "people", "name:str", "born:date:optional", "--model", "Person", cwd=project)
    run("velox", "makeapp", LONG, f"{LONG}:decimal:unique:index=1", cwd=project)
    return project


def test_the_code_is_formatted_linted_and_typed(shop: Path, run: Run) -> None:
    """Whatever the names and types."""
    run("ruff", "check", cwd=shop)
    run("ruff", "format", "--check", cwd=shop)
    run("mypy", "--strict", cwd=shop)


def test_the_tests_pass_at_once(shop: Path, run: Run) -> None:
    """Seven tests a feature, and one more where a field is unique."""
    assert "39 passed" in run("pytest", cwd=shop).stdout


def test_the_app_finds_the_feature_by_itself(shop: Path, run: Run, serve: Serve) -> None:
    """No file of the project was changed for it; in dev, a new database gets the migrations that are there."""
    run("velox", "makemigrations", cwd=shop)
    with serve(shop) as client:
        assert client.post("/tags/", json={"name": "new"}).status_code == 201
        assert client.get("/people/").json()["items"] == []


def test_the_description_of_every_field_type_is_true(shop: Path, run: Run, serve: Serve) -> None:
    """schemathesis finds no value that the description allows and the app does not take, nor the other way round."""
    run("velox", "makemigrations", cwd=shop)
    run("velox", "migrate", cwd=shop)
    with serve(shop) as client:
        options = ("--max-examples", "15", "--checks", "all", "--generation-deterministic", "--no-color")
        url = f"{client.base_url}/openapi.json"
        run("schemathesis", "run", url, "--include-path-regex", "^/books", *options, cwd=shop, timeout_s=120)


def test_a_dry_run_writes_nothing(shop: Path, run: Run) -> None:
    """It prints what would be created."""
    printed = run("velox", "makeapp", "orders", "--dry-run", cwd=shop).stdout
    assert printed.count("create") == 4
    assert printed.endswith("Nothing was written (--dry-run).\n")
    assert not (shop / "app" / "orders").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["items"], "VX502 app is not empty: app/items/__init__.py"),
        (["people", "--model", "Human"], "VX502"),
        (["thing", "--model", "Item"], "VX502 app/items/models.py has a model Item already"),
        (["Orders"], "VX501"),
        (["settings"], "VX501"),
        (["pages"], "VX501"),
        (["orders", "title"], "VX503"),
        (["orders", "title:varchar"], "VX503"),
    ],
)
def test_what_cannot_work_is_refused(shop: Path, run: Run, arguments: list[str], code: str) -> None:
    """With a code and a hint, and nothing written."""
    before = sorted(shop.rglob("*.py"))
    refusal = run("velox", "makeapp", *arguments, cwd=shop, code=1).stderr
    assert code in refusal
    assert "Traceback" not in refusal
    assert sorted(shop.rglob("*.py")) == before


def test_a_module_of_that_name_is_in_the_way(tmp_path: Path, run: Run) -> None:
    """``app/orders.py`` and ``app/orders/`` cannot both be imported."""
    (tmp_path / "app").mkdir()
    for name in ("main.py", "orders.py"):
        (tmp_path / "app" / name).touch()
    assert "VX502 app/orders.py" in run("velox", "makeapp", "orders", cwd=tmp_path, code=1).stderr


def test_force_overwrites_the_feature(tmp_path: Path, run: Run) -> None:
    """A second attempt with other fields replaces the first."""
    (tmp_path / "velox.toml").write_text('app = "shop.main:create_app"\n')
    (tmp_path / "shop").mkdir()
    run("velox", "makeapp", "orders", "number:int", cwd=tmp_path)
    run("velox", "makeapp", "orders", "total:decimal", "--force", cwd=tmp_path)
    assert "total: Decimal" in (tmp_path / "shop" / "orders" / "models.py").read_text()
    assert "from shop.orders.models import Order" in (tmp_path / "shop" / "orders" / "routes.py").read_text()


def test_outside_a_project_it_is_refused(tmp_path: Path, run: Run) -> None:
    """The hint says how to start one."""
    assert "velox makeproject" in run("velox", "makeapp", "orders", cwd=tmp_path, code=1).stderr


def test_a_project_without_a_package_is_refused(tmp_path: Path, run: Run) -> None:
    """A feature folder has nowhere to go beside a single ``main.py``."""
    (tmp_path / "velox.toml").write_text('app = "main:create_app"\n')
    assert "VX504" in run("velox", "makeapp", "orders", cwd=tmp_path, code=1).stderr


def test_a_settings_file_that_cannot_be_read_is_refused(tmp_path: Path, run: Run) -> None:
    """With the place in the file."""
    (tmp_path / "velox.toml").write_text("app = \n")
    assert "VX304" in run("velox", "makeapp", "orders", cwd=tmp_path, code=1).stderr
