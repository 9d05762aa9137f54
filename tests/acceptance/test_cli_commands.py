"""The commands that look at a project, in one that ``velox makeproject`` has just written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import Run


@pytest.fixture
def shop(tmp_path: Path, run: Run) -> Path:
    """A fresh project."""
    run("velox", "makeproject", "shop", cwd=tmp_path)
    return tmp_path / "shop"


def test_routes_lists_handlers_and_finds_the_one_behind_a_url(shop: Path, run: Run) -> None:
    """With file and line; a URL that nobody answers is VX703."""
    assert "app/items/routes.py:" in run("velox", "routes", cwd=shop).stdout
    (found,) = json.loads(run("velox", "routes", "/items/1", "--method", "GET", "--json", cwd=shop).stdout)
    assert (found["path"], found["handler"]) == ("/items/{item_id}", "read_item")
    missing = run("velox", "routes", "/nowhere", cwd=shop, code=1).stderr
    assert missing.startswith("error VX703 no handler answers /nowhere\n  hint ")


def test_openapi_is_written_and_checked(shop: Path, run: Run) -> None:
    """A difference is named by its JSON Pointer, exit code 1."""
    run("velox", "openapi", "--out", "openapi.json", cwd=shop)
    run("velox", "openapi", "--out", "openapi.json", "--check", cwd=shop)
    document = json.loads((shop / "openapi.json").read_text())
    document["info"]["title"] = "another"
    (shop / "openapi.json").write_text(json.dumps(document))
    differs = run("velox", "openapi", "--check", cwd=shop, code=1).stderr
    assert differs.startswith("error VX702 openapi.json differs from the app at /info/title\n")


def test_config_shows_each_source_and_no_secret(shop: Path, run: Run) -> None:
    """The project's own settings included."""
    secret = (shop / ".env").read_text().partition("VELOX_SECRET_KEY=")[2].splitlines()[0]
    printed = run("env", "VELOX_PORT=9000", "velox", "config", "--json", cwd=shop).stdout
    assert secret not in printed
    shown = json.loads(printed)
    assert shown["port"] == {"value": "9000", "source": "environment VELOX_PORT"}
    assert shown["secret_key"] == {"value": "**********", "source": ".env"}
    assert shown["currency"]["source"] == "default"


def test_shell_runs_code_with_await_and_the_sandbox_takes_it_back(shop: Path, run: Run) -> None:
    """What is added is there afterwards, except from a sandbox."""
    add = "await db.add(Item(name='pen', price='1.50'))"
    count = "print(await db.scalar(select(func.count()).select_from(Item)))"
    assert run("velox", "shell", "--sandbox", "-c", f"{add}\n{count}", cwd=shop).stdout == "1\n"
    assert run("velox", "shell", "-c", f"{count}\n{add}", cwd=shop).stdout == "0\n"
    assert run("velox", "shell", "-c", count, cwd=shop).stdout == "1\n"
    assert "ZeroDivisionError" in run("velox", "shell", "-c", "1 / 0", cwd=shop, code=1).stderr


def test_doctor_finds_nothing_in_a_fresh_project_and_something_in_a_broken_one(shop: Path, run: Run) -> None:
    """Findings are numbered and say what to do; errors exit 1, warnings do not."""
    assert run("velox", "doctor", cwd=shop).stdout.splitlines()[-1].startswith("0 errors, ")
    warned = run("env", "VELOX_PROT=1", "velox", "doctor", "--json", cwd=shop).stdout
    assert "no setting reads VELOX_PROT in the environment" in warned
    (shop / ".env").write_text("VELOX_SECRET_KEY=short\n")
    failed = run("velox", "doctor", "--prod", cwd=shop, code=1).stdout
    assert "fail secret_key is not fit for production: it has 5 bytes" in failed
    assert "fail migrations to apply: 0001_create_item" in failed
    (shop / "app" / "main.py").write_text("import no_such_package_anywhere\n")
    assert "VX103" in run("velox", "doctor", cwd=shop, code=1).stdout


def test_version_and_completion_print_what_they_say(tmp_path: Path, run: Run) -> None:
    """Outside of any project."""
    assert json.loads(run("velox", "version", "--json", cwd=tmp_path).stdout).keys() >= {"velox", "python", "sanic"}
    for shell in ("bash", "zsh", "fish"):
        assert "_VELOX_COMPLETE" in run("velox", "completion", shell, cwd=tmp_path).stdout
