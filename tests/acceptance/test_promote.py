"""``velox db promote``, typed as a user types it, and the app on the server afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.acceptance.conftest import Run


def test_a_project_moves_to_a_server(
    tmp_path: Path,
    run: Run,
    require: Callable[[object, str], None],
    server_databases: Callable[[str], str | None],
) -> None:
    """The tables are the migrations', so that the next command finds nothing to do there."""
    url = server_databases("postgresql")
    require(url, "PostgreSQL at TEST_POSTGRESQL_URL")
    run("velox", "makeproject", "shop", cwd=tmp_path)
    shop = tmp_path / "shop"
    on_server = ("env", f"VELOX_DATABASE_URL={url}", "velox")
    run(*on_server, "db", "reset", "--yes", cwd=shop)
    run("velox", "migrate", cwd=shop)
    insert = "INSERT INTO item (name, price, created_at) VALUES ('Cup', 4.2, '2030-01-01 12:00:00.000000')"
    run("velox", "db", "shell", "-c", insert, cwd=shop)
    moved = run("velox", "db", "promote", str(url), cwd=shop).stdout.splitlines()
    assert moved[0].startswith("Copied 1 row to postgresql://")
    assert moved[1].startswith("From now on: VELOX_DATABASE_URL=postgresql://")
    assert "is up to date, and as the models say" in run(*on_server, "migrate", "--check", cwd=shop).stdout
    run(*on_server, "db", "reset", "--yes", cwd=shop)
