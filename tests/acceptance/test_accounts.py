"""``velox makeproject --auth``: accounts that work as they were written, and the commands that look after them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import Run, Serve

ADA, BOB, PASSWORD = "ada@example.org", "bob@example.org", "correct horse battery"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Path:
    place = tmp_path_factory.mktemp("projects")
    run("velox", "makeproject", "shop", "--auth", cwd=place)
    return place / "shop"


def token(client: httpx.Client, email: str) -> str:
    """The access token of an account, which is made for it."""
    body = {"email": email, "password": PASSWORD}
    assert client.post("/auth/register", json=body).status_code == 202
    found: str = client.post("/auth/login", json=body).json()["access_token"]
    return found


def test_the_code_is_formatted_linted_and_typed(shop: Path, run: Run) -> None:
    run("ruff", "check", cwd=shop)
    run("ruff", "format", "--check", cwd=shop)
    run("mypy", "--strict", cwd=shop)


def test_its_tests_pass_at_once(shop: Path, run: Run) -> None:
    assert "14 passed" in run("pytest", cwd=shop).stdout


def test_a_project_that_is_there_gets_accounts_too(tmp_path: Path, run: Run) -> None:
    run("velox", "makeproject", "shop", cwd=tmp_path)
    said = run("velox", "makeapp", "people", "--auth", cwd=tmp_path / "shop").stdout
    assert "pip install 'velox-framework[auth]'" in said
    assert "14 passed" in run("pytest", cwd=tmp_path / "shop").stdout
    refused = run("velox", "makeapp", "others", "name:str", "--auth", cwd=tmp_path / "shop", code=2).stderr
    assert "--auth brings its own model" in refused


def test_the_commands_look_after_accounts_and_keys(tmp_path: Path, run: Run, serve: Serve) -> None:
    """With the server running beside them."""
    run("velox", "makeproject", "shop", "--auth", cwd=tmp_path)
    shop = tmp_path / "shop"
    with serve(shop) as client:
        create = ("velox", "users", "create", ADA, "--password", PASSWORD)
        assert run(*create, "--role", "admin", cwd=shop).stdout == f"account 1: {ADA}\n"
        assert f"VX704 {ADA} has an account already" in run(*create, cwd=shop, code=1).stderr
        (listed,) = json.loads(run("velox", "users", "list", "--json", cwd=shop).stdout)
        assert (listed["email"], listed["roles"]) == (ADA, ["admin"])
        assert "password_digest" not in listed
        key = run("velox", "apikey", "create", ADA, "--name", "import", "--scope", "x:y", cwd=shop).stdout.strip()
        headers = {"x-api-key": key}
        assert client.get("/users/", headers=headers).json()["total"] == 1
        run("velox", "users", "grant", ADA, cwd=shop)
        assert client.get("/users/", headers=headers).status_code == 403
        run("velox", "users", "disable", ADA, cwd=shop)
        assert client.get("/auth/me", headers=headers).status_code == 401
        run("velox", "users", "enable", ADA, cwd=shop)
        assert client.get("/auth/me", headers=headers).status_code == 200
        run("velox", "apikey", "revoke", key.split("_")[1], cwd=shop)
        assert client.get("/auth/me", headers=headers).status_code == 401
        run("velox", "users", "password", ADA, "--password", "another horse battery", cwd=shop)
        assert client.post("/auth/login", json={"email": ADA, "password": PASSWORD}).status_code == 401
        assert "VX704" in run("velox", "apikey", "revoke", "nobody00", cwd=shop, code=1).stderr
        assert "VX704" in run("velox", "users", "disable", "eve@example.org", cwd=shop, code=1).stderr


def test_an_app_without_accounts_says_so(tmp_path: Path, run: Run) -> None:
    run("velox", "makeproject", "shop", cwd=tmp_path)
    assert "VX212" in run("velox", "users", "list", cwd=tmp_path / "shop", code=1).stderr


def test_its_description_is_true_and_what_is_ada_s_is_not_bob_s(
    shop: Path, run: Run, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """schemathesis, which tries every operation without and with wrong credentials too, and again what it has deleted,
    finds nothing; and whatever Ada asks for by its id, Bob has asked for before, in vain.
    """
    with serve(shop) as client:
        monkeypatch.setenv("SCHEMATHESIS_HOOKS", "two_users")
        monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
        monkeypatch.setenv("OTHER_TOKEN", token(client, BOB))
        monkeypatch.setenv("ASKED", str(tmp_path / "asked"))
        options = (
            "--max-examples",
            "1",
            "--phases",
            "examples,fuzzing,stateful",
            "--checks",
            "all",
            "--generation-deterministic",
            "--no-color",
        )
        header = ("--header", f"Authorization: Bearer {token(client, ADA)}")
        left_out = ("--exclude-path", "/auth/logout", "--exclude-path", "/auth/password")  # they would end the sign-in
        paths = ("--include-path-regex", "^/(auth|users)/", *left_out)
        run("schemathesis", "run", f"{client.base_url}/openapi.json", *paths, *header, *options, cwd=shop)
    assert "DELETE /auth/keys/{key_id}" in (tmp_path / "asked").read_text()
