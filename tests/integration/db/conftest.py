"""A database of each kind, open, with the tables that a test needs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import MetaData, delete

from velox.db import Database, Model
from velox.db.tables import is_table_class

NEEDED = {"postgresql": "PostgreSQL at TEST_POSTGRESQL_URL", "mariadb": "MariaDB at TEST_MARIADB_URL"}


@pytest.fixture
def anyio_backend() -> str:
    """Velox runs on asyncio."""
    return "asyncio"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """On a SQLite file."""
    found = Database(f"sqlite:///{tmp_path}/test.db", timeout_s=30)
    await found.start()
    await found.create_tables()
    yield found
    await found.stop()


@pytest.fixture(params=["file", "memory"])
async def either(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """SQLite on a file, then in memory."""
    found = Database(f"sqlite:///{tmp_path}/test.db" if request.param == "file" else "sqlite://", timeout_s=30)
    await found.start()
    await found.create_tables()
    yield found
    await found.stop()


@pytest.fixture
def url_of(
    tmp_path: Path, require: Callable[[object, str], None], server_databases: Callable[[str], str | None]
) -> Callable[[str], str]:
    """``url_of("mariadb")``: where a database of this kind is; the test is skipped when its server is missing."""

    def find(kind: str) -> str:
        if kind == "file":
            return f"sqlite:///{tmp_path}/test.db"
        if kind == "memory":
            return "sqlite://"
        url = server_databases(kind)
        require(url, NEEDED[kind])
        return str(url)

    return find


@pytest.fixture(params=["file", "memory", "postgresql", "mariadb"])
async def every(request: pytest.FixtureRequest, url_of: Callable[[str], str]) -> AsyncIterator[Database]:
    """Every kind of database, one after the other."""
    async with opened(url_of(request.param), request.module) as found:
        yield found


@pytest.fixture(params=["file", "postgresql", "mariadb"])
async def stored(request: pytest.FixtureRequest, url_of: Callable[[str], str]) -> AsyncIterator[Database]:
    """Every kind of database that outlives the process."""
    async with opened(url_of(request.param), request.module) as found:
        yield found


@pytest.fixture(params=["postgresql", "mariadb"])
async def server(request: pytest.FixtureRequest, url_of: Callable[[str], str]) -> AsyncIterator[Database]:
    """PostgreSQL, then MariaDB."""
    async with opened(url_of(request.param), request.module) as found:
        yield found


def tables_of(module: ModuleType) -> MetaData:
    """The tables of ``module`` alone: other tests' models are made for one server, or for none."""
    tables = MetaData(naming_convention=Model.metadata.naming_convention)
    for model in vars(module).values():
        if is_table_class(model):
            model.__table__.to_metadata(tables)
    return tables


@asynccontextmanager
async def opened(url: str, module: ModuleType) -> AsyncIterator[Database]:
    """The database at ``url`` with the tables of ``module``, which are empty at the end."""
    tables = tables_of(module)
    found = Database(url, timeout_s=30)
    await found.start()
    await found.create_tables(tables)
    yield found
    if not url.startswith("sqlite"):
        async with found.session() as db:
            for table in reversed(tables.sorted_tables):
                await db.exec(delete(table))
    await found.stop()
