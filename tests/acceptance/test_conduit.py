"""``examples/conduit``: a project of its own, whose own checks pass, and which starts with an empty database."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import Run, Serve

EXAMPLE = Path(__file__).parents[2] / "examples" / "conduit"


@pytest.fixture(scope="module")
def conduit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    ignored = shutil.ignore_patterns(".*", "*.db*", "__pycache__")
    return shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("examples") / "conduit", ignore=ignored)


def test_the_code_is_formatted_linted_and_typed(conduit: Path, run: Run) -> None:
    run("ruff", "check", cwd=conduit)
    run("ruff", "format", "--check", cwd=conduit)
    run("mypy", cwd=conduit)


def test_the_migrations_are_the_models(conduit: Path, run: Run) -> None:
    run("velox", "makemigrations", "--check", cwd=conduit)


def test_its_tests_pass(conduit: Path, run: Run) -> None:
    assert "20 passed" in run("pytest", cwd=conduit).stdout


def test_a_reader_signs_up_and_writes_on_a_new_server(conduit: Path, serve: Serve) -> None:
    with serve(conduit) as client:
        assert client.get("/api/articles").json() == {"articles": [], "articlesCount": 0}
        jake = {"username": "jake", "email": "jake@jake.jake", "password": "jakejake"}
        token = client.post("/api/users", json={"user": jake}).json()["user"]["token"]
        article = {"title": "Dragons", "description": "Big", "body": "They fly", "tagList": ["b", "a"]}
        headers = {"authorization": f"Token {token}"}
        written = client.post("/api/articles", json={"article": article}, headers=headers)
        assert written.status_code == 201
        assert written.json()["article"]["tagList"] == ["b", "a"]
        assert client.get("/api/tags").json() == {"tags": ["a", "b"]}
        paths = client.get("/openapi.json").json()["paths"]
        assert sum(len(operations) for path, operations in paths.items() if path.startswith("/api/")) == 19
