"""A database is opened, and imported, only for apps that use one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = """
import asyncio, sys
from velox import Settings, Velox
{imports}
app = Velox("small", Settings(env="prod", secret_key="c5fW1o9-RwKXlTq_7hYzB3dNn0JmAuEe8sVgPk2LxQi"{settings}))
{routes}
async def run():
    async with app.lifespan():
        print(app.uses_database, "sqlalchemy" in sys.modules, await app.readiness())
asyncio.run(run())
"""
ASKS = "@app.get('/')\nasync def handler(db: {kind}) -> None: ...\n"
PROVIDES = "@app.provide\ndef rows(db: Session) -> list[int]: ...\n@app.get('/')\nasync def handler(it: list[int]): ..."
TABLE = "from velox.db import Model, Field\nclass Row(Model, table=True):\n    id: int = Field(primary_key=True)"


def run(folder: Path, imports: str = "", settings: str = "", routes: str = "") -> str:
    """What a process of its own says: others' imports and tables are not in it."""
    source = PROJECT.format(imports=imports, settings=settings, routes=routes)
    done = subprocess.run([sys.executable, "-c", source], cwd=folder, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
    return done.stdout.strip()


def test_an_app_without_one_imports_nothing_of_it(tmp_path: Path) -> None:
    """21 MB and a tenth of a second less, no file, and ready all the same."""
    assert "False False {}" == run(tmp_path, routes="@app.get('/')\nasync def handler() -> str: ...")
    assert [] == list(tmp_path.iterdir())


def test_importing_it_alone_is_no_use(tmp_path: Path) -> None:
    """As a parent of several workers does, before it knows their app."""
    assert "False True {}" == run(tmp_path, imports="import velox.db")
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("imports", "settings", "routes"),
    [
        ("from velox.db import Session", "", ASKS.format(kind="Session")),
        ("from velox.db import Reader", "", ASKS.format(kind="Reader")),
        ("from velox.db import Session", "", PROVIDES),
        (TABLE, "", ""),
        ("", ', database_url="sqlite:///app.db"', ""),
        ("", "", "app.database"),
    ],
    ids=["session", "reader", "provider", "table", "setting", "by hand"],
)
def test_whoever_names_it_has_it(tmp_path: Path, imports: str, settings: str, routes: str) -> None:
    """In a handler, a provider, a table, a setting, or the app factory."""
    assert "True True {}" == run(tmp_path, imports, settings, routes)
    assert (tmp_path / "app.db").exists()
