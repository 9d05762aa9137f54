"""``grow``: paths lead where Sanic's own router leads, or Sanic is asked."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sanic import HTTPResponse, Request, Sanic
from sanic.exceptions import SanicException

from velox.extension import ENDPOINT_MARK
from velox.http.routes import RouteFinder

NUMBERS = count()
PATHS = (
    "/",
    "/items",
    "/items/<item_id>",
    "/items/<item_id>/parts/<part:int>",
    "/items/special",
    "/users/<user:uuid>",
    "/files/<name:path>",
    "/pages/<page:int>",
    "/pages/<slug:slug>",
    "/years/<year:[0-9]{4}>",
    "/dates/<day:ymd>/<kind:alpha>",
    "/docs/<name=str:ext>",
    "/strict/<one>/",
)
WORDS = "items special parts pages files users about years dates strict docs"
VALUES = "7 -7 2024 a a%20b %2F % Ä x.txt"
PIECES = st.sampled_from(["", *WORDS.split(), *VALUES.split()])


def finder(paths: tuple[str, ...], *, unquotes: bool = True) -> tuple[Sanic[Any, Any], RouteFinder]:
    app: Sanic[Any, Any] = Sanic(f"tree_{next(NUMBERS)}", configure_logging=False)

    async def handler(request: Request, **values: Any) -> HTTPResponse:
        raise NotImplementedError

    setattr(handler, ENDPOINT_MARK, 0)
    for number, path in enumerate(paths):
        strict = path.endswith("/") and path != "/"
        app.add_route(handler, path, methods=["GET", "PUT"], name=f"r{number}", unquote=unquotes, strict_slashes=strict)
    app.finalize()
    return app, RouteFinder(app, may_go_straight=True)


APPS = {"clear": finder(PATHS), "crossing": finder(("/<section>/about", *PATHS))}


def by_sanic(app: Sanic[Any, Any], path: str, method: str) -> Any:
    try:
        route, _, values = app.router.get(path, method, None)
    except SanicException:
        return None
    return route.name, values


def by_us(finder: RouteFinder, path: str, method: str) -> Any:
    found = finder.find(method, path.encode())
    return None if found is None else (found[0].route.name, found[1])


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(APPS)),
    st.lists(PIECES, max_size=5).map(lambda pieces: "/" + "/".join(pieces)),
    st.sampled_from(["GET", "PUT", "POST"]),
)
def test_the_answer_is_sanics(name: str, path: str, method: str) -> None:
    """Route and values, also where literals, values and regular expressions are in each other's way."""
    app, own = APPS[name]
    assert by_sanic(app, path, method) == by_us(own, path, method)


@pytest.mark.parametrize("unquotes", [True, False])
def test_values_are_decoded_as_sanic_decodes_them(*, unquotes: bool) -> None:
    """Where the route says so."""
    app, own = finder(("/a/<text>", "/b/<text>/<number:float>"), unquotes=unquotes)
    for path in ("/a/x%20y", "/b/%C3%A9/1.5", "/b/%/x", "/b/a/%31.5"):
        assert by_sanic(app, path, "GET") == by_us(own, path, "GET")


def test_most_paths_need_not_be_asked_for() -> None:
    """Or the tree would be of no use."""
    tree = APPS["clear"][1]._tree
    found = tree.find(["items", "7", "parts", "8"], "PUT")
    assert found is not None
    assert {"item_id": "7", "part": 8} == found[1]
    assert tree.find(["pages", "7"], "GET") is None
