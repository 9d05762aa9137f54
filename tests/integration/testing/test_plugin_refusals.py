"""What the pytest plugin refuses, and whom it leaves alone."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]


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


def test_a_project_without_velox_keeps_its_own_fixtures(pytester: pytest.Pytester, quiet: list[str]) -> None:
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
    pytester.runpytest_inprocess(*quiet).assert_outcomes(passed=1)


def test_a_project_elsewhere_asks_for_the_fixtures_by_name(pytester: pytest.Pytester, quiet: list[str]) -> None:
    """No ``main.py`` and no ``velox.toml``: ``pytest_plugins`` in ``conftest.py`` is the way."""
    pytester.makeconftest("pytest_plugins = ['velox.testing.fixtures']")
    pytester.makepyfile(test_it="async def test_it(velox_runner): pass")
    pytester.runpytest_inprocess(*quiet).assert_outcomes(passed=1)
