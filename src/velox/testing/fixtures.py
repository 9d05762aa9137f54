"""The pytest fixtures ``app``, ``client``, ``db``, ``jobs``, ``private_app`` and ``live_server``, and the running of
async tests.

    app            made by the project's factory, with env = "test" and a temporary SQLite file
     └► db         the app started; a session: it and the handlers see what the other wrote
         ├► client an httpx client of that app, in this process
         └► jobs   what was enqueued, and running it
    private_app    the app started, on a migrated database of the test's own, where commits are commits
     └► private_client
    live_server    ``velox run`` on a socket, with a database file of its own

Whatever a test writes is rolled back at its end. To test another app, override the ``app`` fixture: the others follow.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import sqlite3
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from velox.errors import ConfigurationError

if TYPE_CHECKING:
    from velox.app import Velox
    from velox.db import Session
    from velox.factory import Factory
    from velox.testing.client import TestClient
    from velox.testing.jobs import Jobs
    from velox.testing.live_server import LiveServer
    from velox.testing.private import Template
    from velox.testing.session import TestSession

T = TypeVar("T")

RUNNER = "velox_runner"


@pytest.fixture
def velox_runner(request: pytest.FixtureRequest) -> Iterator[asyncio.Runner]:
    """The event loop of this test, of its fixtures and of the app. It ends with the test, and so do tasks left over."""
    for marker in ("asyncio", "anyio"):
        if request.node.get_closest_marker(marker):
            pytest.fail(
                f"{request.node.name} is marked {marker!r}, so it would run on another event loop than its fixtures. "
                "Remove the mark (or the auto mode that sets it): Velox runs async tests itself.",
                pytrace=False,
            )
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="session")
def velox_database_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where tests write: ``VELOX_DATABASE_URL`` if it is set, else a new SQLite file (one for each xdist worker)."""
    given = os.environ.get("VELOX_DATABASE_URL")
    return given or f"sqlite:///{tmp_path_factory.mktemp('velox') / 'test.db'}"


@pytest.fixture(scope="session")
def velox_factory(pytestconfig: pytest.Config) -> Factory:
    """The project's app factory, as ``velox run`` finds it."""
    from velox.factory import find_factory

    return find_factory(directory=pytestconfig.rootpath)


@pytest.fixture(scope="session")
def velox_other_urls(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], str]:
    """``velox_other_urls(name, url)``: where tests write instead of the database ``name`` of the settings, which is at
    ``url``: there, if it is a test database, else in a new SQLite file, the same for all tests.
    """
    from velox.testing.isolation import is_test_database

    folder = tmp_path_factory.mktemp("velox-others")
    return lambda name, url: url if is_test_database(url) else f"sqlite:///{folder / f'{name}-test.db'}"


@pytest.fixture
def app(velox_factory: Factory, velox_database_url: str, velox_other_urls: Callable[[str, str], str]) -> Velox:
    """The project's app, made anew for each test by its factory with ``env = "test"`` and test databases.

    It is not started yet, so ``app.provide(a_fake)`` in a fixture of your own still replaces a provider.
    """
    from velox.settings import options

    given: dict[str, Any] = {"env": "test", "database_url": velox_database_url, "create_tables": True, "queue_url": ""}
    with options(given):
        app = velox_factory.create()
    others = {"databases": app.settings.databases, "shards": app.settings.shards}
    if not any(others.values()):
        return app
    for name, urls in others.items():
        given[name] = {each: velox_other_urls(each, url) for each, url in urls.items()}
    with options(given):
        return velox_factory.create()


@pytest.fixture
def db(app: Velox, velox_runner: asyncio.Runner) -> Iterator[TestSession]:
    """A session on the database of the started app: ``link = await db.add(Link(slug="velox"))``.

    What is written until the test's end is undone then, also what handlers committed.
    """
    from velox.testing.isolation import isolated

    with _entered(velox_runner, isolated(app)) as session:
        yield session


@pytest.fixture
def client(app: Velox, db: Session, velox_runner: asyncio.Runner) -> Iterator[TestClient]:
    """A client of the app: ``answer = await client.get("/links/", params={"limit": 1})``."""
    from velox.testing.client import TestClient

    with _entered(velox_runner, TestClient(app)) as client:
        yield client


@pytest.fixture
def jobs(app: Velox, db: Session, velox_runner: asyncio.Runner) -> Jobs:
    """The jobs that the test and the handlers enqueue: ``await jobs.captured()``, ``await jobs.run_all()``."""
    from velox.testing.jobs import Jobs

    return Jobs(app)


@pytest.fixture(scope="session")
def velox_template(
    velox_factory: Factory, velox_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Template]:
    """A migrated, empty database, which is copied for each test that wants one of its own."""
    from velox.settings import options
    from velox.testing.private import Template

    with options({"env": "test", "database_url": velox_database_url, "queue_url": ""}):
        app = velox_factory.create()
    with (
        asyncio.Runner() as runner,
        _entered(runner, Template.made(app, tmp_path_factory.mktemp("velox-private"))) as template,
    ):
        yield template


@pytest.fixture
def private_app(velox_factory: Factory, velox_template: Template, velox_runner: asyncio.Runner) -> Iterator[Velox]:
    """The project's app, started, on a migrated database of this test's own.

    For what a transaction that is rolled back hides: several transactions at once, locks, what happens after a commit.
    On SQLite a copy takes well under a millisecond, on PostgreSQL some ten.
    """
    from velox.settings import options

    with _entered(velox_runner, velox_template.copy()) as url:
        with options({"env": "test", "database_url": url, "create_tables": False, "queue_url": ""}):
            app = velox_factory.create()
        with _entered(velox_runner, app.lifespan()):
            yield app


@pytest.fixture
def private_client(private_app: Velox, velox_runner: asyncio.Runner) -> Iterator[TestClient]:
    """A client of ``private_app``."""
    from velox.testing.client import TestClient

    with _entered(velox_runner, TestClient(private_app)) as client:
        yield client


@pytest.fixture(scope="session")
def velox_live_process(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[LiveServer, sqlite3.Connection, sqlite3.Connection]]:
    """One server process for the whole run, its database, and a copy of that as it was after the start."""
    from velox.testing.live_server import LiveServer

    file = tmp_path_factory.mktemp("velox-live") / "test.db"
    environment = {"VELOX_DATABASE_URL": f"sqlite:///{file}", "VELOX_CREATE_TABLES": "true"}
    with (
        LiveServer(directory=pytestconfig.rootpath, environment=environment) as server,
        closing(sqlite3.connect(file)) as live,
        closing(sqlite3.connect(":memory:")) as fresh,
    ):
        live.backup(fresh)
        yield server, live, fresh


@pytest.fixture
def live_server(
    velox_live_process: tuple[LiveServer, sqlite3.Connection, sqlite3.Connection],
    velox_runner: asyncio.Runner,
) -> LiveServer:
    """``velox run`` of the project on a real socket: ``httpx.AsyncClient(base_url=live_server.url)``.

    The process is shared by all tests of a run. Its database is not the one of ``db`` and ``client``, whose open
    transaction no other process could look into; it is put back to its state after start-up before each test.
    """
    server, live, fresh = velox_live_process
    fresh.backup(live)
    return server


@pytest.hookimpl
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine, on the loop of its fixtures, unless another plugin has claimed it."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in inspect.signature(pyfuncitem.obj).parameters}
    runner: Any = pyfuncitem.funcargs.get(RUNNER)
    with nullcontext(runner) if runner else asyncio.Runner() as loop:
        loop.run(pyfuncitem.obj(**arguments))
    return True


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Let a project's fixtures be ``async def`` too (with ``yield`` or without), on the loop of the test.

    A developer's mistake (VX...) that shows while setting up is told in its own line, without our traceback.
    """
    written = fixturedef.func
    adapt = _as_generator if inspect.isasyncgenfunction(written) else _as_function
    if adapt is _as_generator or inspect.iscoroutinefunction(written):
        fixturedef.func = adapt(written, request.getfixturevalue(RUNNER))  # type: ignore[misc]  # declared Final
    try:
        return (yield)
    except ConfigurationError as error:
        if os.environ.get("VELOX_DEBUG", "") not in {"", "0", "false"}:
            raise
        raise pytest.fail.Exception(str(error), pytrace=False) from None
    finally:
        fixturedef.func = written  # type: ignore[misc]


def _as_function(written: Callable[..., Any], runner: asyncio.Runner) -> Callable[..., Any]:
    def fixture(**arguments: Any) -> Any:
        return runner.run(written(**arguments))

    return fixture


def _as_generator(written: Callable[..., Any], runner: asyncio.Runner) -> Callable[..., Iterator[Any]]:
    def fixture(**arguments: Any) -> Iterator[Any]:
        with _entered(runner, asynccontextmanager(written)(**arguments)) as value:
            yield value

    return fixture


@contextmanager
def _entered(runner: asyncio.Runner, manager: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """``async with manager`` from the outside of ``runner``'s loop."""
    value = runner.run(manager.__aenter__())
    try:
        yield value
    finally:
        runner.run(manager.__aexit__(None, None, None))
