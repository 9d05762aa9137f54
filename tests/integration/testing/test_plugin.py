"""The pytest plugin as a project meets it: each test here writes a project with tests and runs pytest in it."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from velox import Settings, Velox
from velox.testing import TestClient, isolated

pytest_plugins = ["pytester"]

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
def _everything_imported() -> None:
    """A run inside this process forgets the modules that it imported; those of ours have to be there before."""

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


def test_what_a_test_commits_is_gone_in_the_next(project: pytest.Pytester) -> None:
    """Both through handlers, which commit, and through ``db``; the developer's database is never made."""
    project.makepyfile(
        test_notes="""
        import pytest
        from main import Note
        from velox.db import select

        @pytest.mark.parametrize("turn", [1, 2])
        async def test_handlers_commit(client, turn):
            assert (await client.get("/notes")).json() == []
            assert (await client.post("/notes", json={"text": "same"})).status_code == 201
            assert (await client.get("/notes")).json() == ["same"]

        @pytest.mark.parametrize("turn", [1, 2])
        async def test_the_test_commits(db, turn):
            assert (await db.exec(select(Note))).all() == []
            await db.add(Note(text="same"))
            await db.commit()
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=4)
    assert not (project.path / "precious.db").exists()


def test_a_test_and_the_handlers_see_what_the_other_wrote(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_notes="""
        from main import Note
        from velox.db import select

        async def test_the_handler_sees_the_test(client, db):
            await db.add(Note(text="from the test"))
            assert (await client.get("/notes")).json() == ["from the test"]

        async def test_the_test_sees_the_handler(client, db):
            note = await db.add(Note(text="old"))
            await client.put("/notes/old", json={"text": "new"})
            await client.post("/notes", json={"text": "second"})
            assert [note.text for note in await db.exec(select(Note).order_by(Note.id))] == ["new", "second"]
            assert note.text == "new"

        async def test_a_refused_write_leaves_the_rest(client, db):
            await db.add(Note(text="taken"))
            assert (await client.post("/notes", json={"text": "taken"})).status_code == 409
            assert (await client.post("/notes", json={"text": "free"})).status_code == 201
            assert (await client.get("/notes")).json() == ["taken", "free"]
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=3)


def test_async_tests_and_async_fixtures_share_one_loop_without_another_plugin(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_notes="""
        import asyncio
        import pytest
        from main import Note

        @pytest.fixture
        async def note(db):
            return await db.add(Note(text="made by a fixture"))

        @pytest.fixture
        async def loop_of_fixture():
            yield asyncio.get_running_loop()
            assert asyncio.get_running_loop().is_running()

        async def test_with_fixtures(client, note, loop_of_fixture):
            assert asyncio.get_running_loop() is loop_of_fixture
            assert (await client.get("/notes")).json() == [note.text]

        async def test_without_fixtures():
            await asyncio.sleep(0)

        def test_that_is_not_async(app):
            assert app.settings.env == "test"

        async def test_that_fails():
            assert (await asyncio.sleep(0, "left")) == "right"
        """
    )
    ran = project.runpytest_inprocess()
    ran.assert_outcomes(passed=3, failed=1)
    ran.stdout.fnmatch_lines(["*assert 'left' == 'right'*"])


@pytest.mark.parametrize("mark", ["asyncio", "anyio"])
def test_a_test_marked_for_another_plugin_is_told_so(project: pytest.Pytester, mark: str) -> None:
    """Two loops in one test end in confusing errors deep inside; the mark is refused by name instead."""
    project.makepyfile(
        test_notes=f"""
        import pytest

        @pytest.mark.{mark}
        async def test_marked(client):
            pass
        """
    )
    ran = project.runpytest_inprocess("-W", "ignore")
    ran.assert_outcomes(errors=1)
    ran.stdout.fnmatch_lines([f"test_marked* is marked '{mark}'*Remove the mark*"])


def test_a_database_that_is_no_test_database_is_refused(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """VX601, before anything is opened."""
    monkeypatch.setenv("VELOX_DATABASE_URL", "sqlite:////srv/shop/app.db")
    project.makepyfile(test_notes="async def test_it(client): pass")
    ran = project.runpytest_inprocess()
    ran.assert_outcomes(errors=1)
    ran.stdout.fnmatch_lines(["VX601 the database sqlite:////srv/shop/app.db (*) is not a test database*"])


def test_an_app_of_the_dev_environment_is_refused(project: pytest.Pytester) -> None:
    """VX601 also for an ``app`` fixture that the project wrote itself."""
    project.makepyfile(
        test_notes="""
        import pytest
        from main import create_app

        @pytest.fixture
        def app():
            return create_app()

        async def test_it(client): pass
        """
    )
    ran = project.runpytest_inprocess()
    ran.assert_outcomes(errors=1)
    ran.stdout.fnmatch_lines(["VX601 tests run with env = 'dev' (.env)*"])


def test_an_overridden_app_is_what_the_other_fixtures_use(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_notes="""
        import pytest
        from velox import Settings, Velox

        @pytest.fixture
        def app():
            app = Velox("other", settings=Settings(env="test", database_url="sqlite://"))

            @app.get("/")
            async def hello() -> str:
                return "other"

            return app

        async def test_it(client):
            assert (await client.get("/")).json() == "other"
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=1)


def test_a_provider_can_be_replaced_by_a_fake(project: pytest.Pytester) -> None:
    """In a fixture that comes before ``client``; the next test has the real one again."""
    project.makepyfile(
        main="""
        from velox import Settings, Velox

        class Mailer:
            name = "real"

        def real_mailer() -> Mailer:
            return Mailer()

        def create_app(settings: Settings | None = None) -> Velox:
            app = Velox("mails", settings=settings or Settings())
            app.provide(real_mailer)

            @app.get("/mailer")
            async def name(mailer: Mailer) -> str:
                return mailer.name

            return app
        """,
        test_mails="""
        import pytest
        from main import Mailer

        class FakeMailer(Mailer):
            name = "fake"

        def fake_mailer() -> Mailer:
            return FakeMailer()

        @pytest.fixture
        def faked(app):
            app.provide(fake_mailer)

        async def test_with_the_fake(faked, client):
            assert (await client.get("/mailer")).json() == "fake"

        async def test_with_the_real_one(client):
            assert (await client.get("/mailer")).json() == "real"
        """,
    )
    project.runpytest_inprocess().assert_outcomes(passed=2)


def test_the_live_server_is_a_real_one_with_a_fresh_database_for_each_test(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_live="""
        import httpx
        import pytest

        @pytest.mark.parametrize("turn", [1, 2])
        def test_over_a_socket(live_server, turn):
            with httpx.Client(base_url=live_server.url) as http:
                assert http.get("/notes").json() == []
                assert http.post("/notes", json={"text": "same"}).status_code == 201
                assert http.get("/notes").json() == ["same"]

        async def test_over_a_socket_async(live_server):
            async with httpx.AsyncClient(base_url=live_server.url) as http:
                assert (await http.get("/notes")).json() == []
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=3)
    assert not (project.path / "precious.db").exists()


def test_workers_of_xdist_do_not_share_a_database(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_notes="""
        import pytest

        @pytest.mark.parametrize("turn", range(8))
        async def test_same_row_everywhere(client, turn):
            assert (await client.post("/notes", json={"text": "same"})).status_code == 201
        """
    )
    project.runpytest_inprocess("-n", "2").assert_outcomes(passed=8)


def test_a_project_without_velox_keeps_its_own_fixtures(pytester: pytest.Pytester) -> None:
    """``client`` and ``db`` are names of other plugins too: outside of a Velox project ours do not exist."""
    pytester.makepyfile(
        test_other="""
        import pytest

        def test_no_client(request):
            for name in ("app", "client", "db", "live_server", "velox_runner"):
                with pytest.raises(pytest.FixtureLookupError):
                    request.getfixturevalue(name)
        """
    )
    pytester.runpytest_inprocess(*QUIET.split()).assert_outcomes(passed=1)


def test_a_project_elsewhere_asks_for_the_fixtures_by_name(pytester: pytest.Pytester) -> None:
    """No ``main.py`` and no ``velox.toml``: ``pytest_plugins`` in ``conftest.py`` is the way."""
    pytester.makeconftest("pytest_plugins = ['velox.testing.fixtures']")
    pytester.makepyfile(test_it="async def test_it(velox_runner): pass")
    pytester.runpytest_inprocess(*QUIET.split()).assert_outcomes(passed=1)
