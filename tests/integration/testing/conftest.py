"""A project of its own for each test of the pytest plugin."""

from __future__ import annotations

import asyncio
import itertools

import httpcore  # noqa: F401 - httpx imports it with its first connection; see everything_imported
import pytest

from velox import Settings, Velox
from velox.testing import TestClient, isolated

# Other plugins of this environment take seconds to load.
QUIET = "-p no:randomly -p no:cacheprovider -p no:schemathesis -p no:hypothesispytest -p no:pytest_cov"

MAIN = """
from velox import Settings, Velox
from velox.db import Create, Field, Model, Public, Reader, Session, select


class {table}(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    text: str = Field(unique=True)


Note = {table}


def create_app(settings: Settings | None = None) -> Velox:
    app = Velox("notes", settings=settings or Settings())

    @app.get("/notes")
    async def list_notes(db: Reader) -> list[str]:
        return [note.text for note in await db.exec(select(Note).order_by(Note.id))]

    @app.post("/notes", status=201)
    async def create_note(body: Create[Note], db: Session) -> Public[Note]:
        return await db.add(Note.from_(body))

    @app.put("/notes/<text>")
    async def rename_note(text: str, body: Create[Note], db: Session) -> Public[Note]:
        note = await db.one(select(Note).where(Note.text == text))
        note.text = body.text
        return note

    return app
"""


# Each project's table class is another one to SQLAlchemy, which lives longer than the project: runs share this process.
NUMBERS = itertools.count()


@pytest.fixture(scope="module", autouse=True)
def everything_imported() -> None:
    """A run inside this process forgets the modules that it imported; ours, and what they import, are there before."""

    async def use_an_app() -> None:
        app = Velox("warm", settings=Settings(env="test", database_url="sqlite://"))
        async with isolated(app), TestClient(app) as client:
            await client.get("/health/ready")

    asyncio.run(use_an_app())


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A minimal project: one ``main.py``, and a ``.env`` that names the developer's own database."""
    monkeypatch.delenv("VELOX_DATABASE_URL", raising=False)
    pytester.makefile(".py", main=MAIN.replace("{table}", f"Note{next(NUMBERS)}"))
    (pytester.path / ".env").write_text("VELOX_ENV=dev\nVELOX_DATABASE_URL=sqlite:///precious.db\n")
    pytester.makeini(f"[pytest]\nfilterwarnings = error\naddopts = {QUIET}\n")
    return pytester


@pytest.fixture
def quiet() -> list[str]:
    """Options of a run that is not in a project."""
    return QUIET.split()
