"""The pytest plugin as a project meets it: each test here writes a project with tests and runs pytest in it."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]


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
