"""Several apps in one process know nothing of each other."""

from __future__ import annotations

import gc
import weakref

import pytest

from velox import Blueprint, ConfigurationError, Settings, Velox
from velox.testing import TestClient


class Clock:
    """What a provider makes."""

    def __init__(self, owner: str) -> None:
        self.owner = owner


SHARED = Blueprint("shared", url_prefix="/shared")


@SHARED.get("/<name>")
async def greet(name: str, clock: Clock) -> dict[str, str]:
    """A blueprint at module level, as feature folders have: every app that is made registers the same object."""
    return {"name": name, "clock": clock.owner}


def make_app(name: str, *, port: int = 8000, own_path: str = "/own") -> Velox:
    app = Velox(name, settings=Settings(env="test", database_url="sqlite://", port=port), title=f"{name} API")

    def clock() -> Clock:
        return Clock(name)

    app.provide(clock)

    @app.get(own_path)
    async def own() -> str:
        return name

    app.blueprint(SHARED)
    return app


async def test_two_apps_answer_for_themselves_at_the_same_time() -> None:
    """Names, routes, providers and settings of one are not the other's, also while both are running."""
    one, two = make_app("one", port=1111, own_path="/one"), make_app("two", port=2222, own_path="/two")
    async with TestClient(one) as ask_one, TestClient(two) as ask_two:
        assert (await ask_one.get("/shared/ada")).json() == {"name": "ada", "clock": "one"}
        assert (await ask_two.get("/shared/ada")).json() == {"name": "ada", "clock": "two"}
        assert (await ask_one.get("/one")).json() == "one"
        assert (await ask_one.get("/two")).status_code == 404
        assert (await ask_two.get("/one")).status_code == 404
    assert (one.settings.port, two.settings.port) == (1111, 2222)


def test_two_apps_have_documents_of_their_own() -> None:
    one, two = make_app("one", own_path="/one").openapi(), make_app("two", own_path="/two").openapi()
    assert (one["info"]["title"], two["info"]["title"]) == ("one API", "two API")
    assert "/one" in one["paths"]
    assert "/one" not in two["paths"]
    assert set(one["paths"]) - {"/one"} == set(two["paths"]) - {"/two"}


async def test_two_apps_of_one_name_do_not_mix() -> None:
    """As when a test makes the app again while another is still there."""
    first, second = make_app("same", own_path="/first"), make_app("same", own_path="/second")
    async with TestClient(first) as ask_first, TestClient(second) as ask_second:
        assert (await ask_first.get("/first")).status_code == 200
        assert (await ask_first.get("/second")).status_code == 404
        assert (await ask_second.get("/second")).status_code == 200
        assert (await ask_second.get("/first")).status_code == 404


async def test_the_same_factory_can_be_called_50_times() -> None:
    """Each call makes a complete app, and the last one answers as the first."""
    apps = [make_app("shop") for _ in range(50)]
    assert len({id(app) for app in apps}) == 50
    paths = [set(app.openapi()["paths"]) for app in apps]
    assert paths == [paths[0]] * 50
    for app in (apps[0], apps[-1]):
        async with TestClient(app) as client:
            assert (await client.get("/shared/ada")).json() == {"name": "ada", "clock": "shop"}


def test_apps_that_nobody_needs_any_more_are_freed() -> None:
    """A thousand tests make a thousand apps; only the last of a name is kept, by Sanic's registry."""
    apps = [make_app("passing") for _ in range(5)]
    gone = [weakref.ref(app) for app in apps]
    del apps
    gc.collect()
    assert [reference() is None for reference in gone[:-1]] == [True] * 4


async def test_a_route_added_to_a_shared_blueprint_later_is_in_later_apps_only() -> None:
    blueprint = Blueprint("growing", url_prefix="/growing")

    @blueprint.get("/first")
    async def first() -> str:
        return "first"

    before = Velox("before", settings=Settings(env="test", database_url="sqlite://"))
    before.blueprint(blueprint)

    @blueprint.get("/second")
    async def second() -> str:
        return "second"

    after = Velox("after", settings=Settings(env="test", database_url="sqlite://"))
    after.blueprint(blueprint)
    async with TestClient(before) as ask_before, TestClient(after) as ask_after:
        assert (await ask_after.get("/growing/first")).json() == "first"
        assert (await ask_after.get("/growing/second")).json() == "second"
        assert (await ask_before.get("/growing/first")).json() == "first"


def test_a_mistake_in_one_app_leaves_the_next_alone() -> None:
    """A factory that failed half-way can be corrected and called again in the same process (as the reloader does)."""
    wrong = Velox("retry", settings=Settings(env="test", database_url="sqlite://"))

    @wrong.get("/<item_id>")
    async def broken() -> None: ...

    with pytest.raises(ConfigurationError, match="VX205"):
        wrong.compile()
    right = make_app("retry")
    assert "/own" in right.openapi()["paths"]
