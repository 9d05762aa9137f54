"""Values of path, query, headers and cookies arrive as what the signature says, or are a 422 that names them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, NewType
from uuid import UUID

import pytest
from pydantic import AliasChoices, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from velox import BadRequest, Cookie, Header, Path, Query, Velox
from velox.routing.binding import parse_query, parse_urlencoded
from velox.testing import TestClient

UserId = NewType("UserId", int)


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Filter(BaseModel):
    model_config = ConfigDict(extra="forbid")

    colour: Colour | None = None
    tags: list[str] = Field(default=[], alias="tag")
    limit: int = Field(default=20, ge=1)


class Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)

    page_size: int = 10
    other: str = Field(default="", validation_alias=AliasChoices("oth", "another"))


class Tracing(BaseModel):
    x_trace: str
    accept_language: str = "en"


async def ask(app: Velox, url: str, **options: Any) -> Any:
    async with TestClient(app) as client:
        return (await client.get(url, **options)).json()


def seen(annotation: Any, default: Any = ...) -> Callable[..., Any]:
    """A handler whose parameter ``value`` has type ``annotation``; it answers the value's ``repr``."""

    async def handler(value: Any = default) -> str:
        return repr(value)

    handler.__annotations__["value"] = annotation
    if default is ...:
        handler.__defaults__ = None
    return handler


SCALARS = [
    (int, "-7", -7),
    (float, "1e3", 1000.0),
    (bool, "true", True),
    (bool, "off", False),
    (str, "a%20b+c%C3%A9", "a b cé"),
    (str, "", ""),
    (bytes, "abc", b"abc"),
    (Decimal, "1.10", Decimal("1.10")),
    (UUID, "6f1c6a1e-5b4e-4b1c-9d0a-0a0b0c0d0e0f", UUID("6f1c6a1e-5b4e-4b1c-9d0a-0a0b0c0d0e0f")),
    (date, "2026-02-28", date(2026, 2, 28)),
    (datetime, "2026-02-28T01:02:03", datetime(2026, 2, 28, 1, 2, 3)),  # noqa: DTZ001 - as the text has it
    (timedelta, "PT90S", timedelta(seconds=90)),
    (Colour, "blue", Colour.BLUE),
    (Level, "2", Level.HIGH),
    (Literal["s", "m"], "m", "m"),
    (UserId, "3", 3),
    (int | None, "3", 3),
    (int | str, "x", "x"),
    (list[int], "1&value=2", [1, 2]),
    (list[int] | None, "1", [1]),
    (set[Colour], "red&value=red", {Colour.RED}),
    (frozenset[int], "1", frozenset({1})),
    (tuple[int, ...], "1&value=2", (1, 2)),
    (Sequence[str], "a&value=b", ["a", "b"]),
]


@pytest.mark.parametrize(("annotation", "text", "value"), SCALARS, ids=lambda value: str(value)[:40])
async def test_a_query_parameter_takes_its_type(
    make_app: Callable[..., Velox], annotation: Any, text: str, value: Any
) -> None:
    app = make_app()
    app.get("/")(seen(annotation))
    assert await ask(app, f"/?value={text}") == repr(value)


@pytest.mark.parametrize(("annotation", "text", "value"), SCALARS[:13], ids=lambda value: str(value)[:40])
async def test_a_piece_of_the_path_takes_its_type(
    make_app: Callable[..., Velox], annotation: Any, text: str, value: Any
) -> None:
    app = make_app()
    app.get("/at/<value>")(seen(annotation))
    # A plus sign stands for itself in a path.
    expected = value.replace("b c", "b+c") if isinstance(value, str) else value
    assert await ask(app, f"/at/{text or '%20'}") == repr(" " if text == "" else expected)


async def test_an_absent_parameter_has_its_own_default(make_app: Callable[..., Velox]) -> None:
    """The very object, not a copy that went through a check."""
    default = object()
    app = make_app()
    handler = seen(int, default)
    app.get("/")(handler)
    assert await ask(app, "/") == repr(default)


@pytest.mark.parametrize(
    ("url", "parameter", "code"),
    [
        ("/?number=1", "query.name", "missing"),
        ("/?name=a&number=x", "query.number", "int_parsing"),
        ("/?name=a&number=0", "query.number", "greater_than_equal"),
        ("/?name=a&number=1&number=2", "query.number", "repeated"),
        ("/?name=a&colour=red&colour=blue", "query.colour", "repeated"),
        ("/?name=a&colour=green", "query.colour", "enum"),
        ("/?name=a&many=1&many=x", "query.many.1", "int_parsing"),
        ("/?name=a&either=x", "query.either", "int_parsing"),
        ("/?name=a&wireName=x", "query.wireName", "int_parsing"),
    ],
)
async def test_a_wrong_value_is_named(make_app: Callable[..., Velox], url: str, parameter: str, code: str) -> None:
    app = make_app()

    @app.get("/")
    async def handler(
        name: str,
        number: Annotated[int, Field(ge=1)] = 1,
        colour: Colour = Colour.RED,
        many: list[int] = [],  # noqa: B006 - never changed
        either: int | bool = 1,
        alias: Annotated[int, Query("wireName")] = 1,
    ) -> None: ...

    answer = await ask(app, url)
    assert answer["status"] == 422
    assert [(error["parameter"], error["code"]) for error in answer["errors"]] == [(parameter, code)]


async def test_all_wrong_fields_are_in_one_answer(make_app: Callable[..., Velox]) -> None:
    """Of all sources, the body included: nobody likes to mend one mistake at a time."""
    app = make_app()

    @app.post("/<item_id>")
    async def handler(
        item_id: int, limit: int, x_token: Annotated[int, Header()], theme: Annotated[Colour, Cookie()], body: Camel
    ) -> None: ...

    async with TestClient(app) as client:
        headers = {"x-token": "y", "cookie": "theme=z"}
        answer = await client.post("/x?limit=w", headers=headers, json={"pageSize": "v"})
    places = [error.get("parameter") or error["pointer"] for error in answer.json()["errors"]]
    assert places == ["path.item_id", "query.limit", "header.x-token", "cookie.theme", "/pageSize"]


class TestGroups:
    async def test_a_model_of_a_get_handler_is_a_group(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()

        @app.get("/")
        async def handler(query: Filter) -> Any:
            return [query.colour, query.tags, query.limit]

        assert await ask(app, "/") == [None, [], 20]
        assert await ask(app, "/?colour=red&tag=a&tag=b&limit=3") == ["red", ["a", "b"], 3]

    async def test_its_wrong_fields_are_named(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()

        @app.get("/")
        async def handler(query: Filter, also: int = 0) -> None: ...

        answer = await ask(app, "/?colour=x&limit=0&limit=1&unknown=1&also=2")
        found = {error["parameter"]: error["code"] for error in answer["errors"]}
        assert found == {"query.colour": "enum", "query.limit": "repeated", "query.unknown": "extra_forbidden"}

    async def test_aliases_are_the_names_on_the_wire(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()

        @app.get("/")
        async def handler(query: Camel) -> Any:
            return [query.page_size, query.other]

        assert await ask(app, "/?pageSize=3&oth=x") == [3, "x"]

    async def test_headers_can_be_a_group(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()

        @app.get("/")
        async def handler(tracing: Annotated[Tracing, Header()]) -> Any:
            return [tracing.x_trace, tracing.accept_language]

        assert await ask(app, "/", headers={"X-Trace": "t", "Accept-Language": "de"}) == ["t", "de"]
        assert (await ask(app, "/"))["errors"][0]["parameter"] == "header.x-trace"

    async def test_cookies_can_be_a_group(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()

        @app.get("/")
        async def handler(tracing: Annotated[Tracing, Cookie()]) -> str:
            return tracing.x_trace

        assert await ask(app, "/", headers={"cookie": "x_trace=t"}) == "t"


class TestHeadersAndCookies:
    async def test_a_header_is_named_with_dashes_whatever_its_case(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()

        @app.get("/")
        async def handler(
            x_token: Annotated[str, Header()],
            tag: Annotated[list[str], Header("X-Tag")] = [],  # noqa: B006 - never changed
            renamed: Annotated[int, Header(), Field(alias="X-Count")] = 0,
        ) -> Any:
            return [x_token, tag, renamed]

        headers = [("X-TOKEN", "t"), ("x-tag", "a"), ("X-Tag", "b"), ("x-count", "3")]
        assert await ask(app, "/", headers=headers) == ["t", ["a", "b"], 3]

    async def test_a_cookie_is_read_by_its_name(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()

        @app.get("/")
        async def handler(theme: Annotated[Colour | None, Cookie()] = None) -> Colour | None:
            return theme

        assert await ask(app, "/", headers={"cookie": "a=b; theme=red"}) == "red"
        assert await ask(app, "/") is None


class TestPath:
    @pytest.mark.parametrize("route", ["/<value>", "/<value:str>", "/<value:path>", "/<value:[^/]+>"])
    async def test_values_are_percent_decoded(self, make_app: Callable[..., Velox], route: str) -> None:
        app = make_app()

        @app.get(route)
        async def handler(value: str) -> str:
            return value

        assert await ask(app, "/a%2Fb%20c%C3%A9+%25") == "a/b cé+%"

    @pytest.mark.parametrize("path", ["/%ff", "/caf%E9", "/a%C3", "/%ED%A0%80"])
    async def test_a_path_that_is_not_utf_8_is_a_400(self, make_app: Callable[..., Velox], path: str) -> None:
        """All of them would be the same value; the replacement character itself is one as any other."""
        app = make_app()

        @app.get("/<value>")
        async def handler(value: str) -> str:
            return value

        async with TestClient(app) as client:
            assert (await client.get(path)).status_code == 400
        assert await ask(app, "/%EF%BF%BD") == "\N{REPLACEMENT CHARACTER}"

    async def test_a_parameter_may_have_another_name_than_its_piece(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()

        @app.get("/<id>")
        async def handler(number: Annotated[int, Path("id")]) -> int:
            return number

        assert await ask(app, "/7") == 7

    async def test_values_added_by_hand_are_decoded_too(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()

        async def handler(value: str) -> str:
            return value

        app.add_route(handler, "/<value>")
        assert await ask(app, "/a%20b") == "a b"


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", {}),
        ("a=1&a=2&b=", {"a": ["1", "2"], "b": [""]}),
        ("a&&b=c=d", {"a": [""], "b": ["c=d"]}),
        ("%61=%2B&b=x+y", {"a": ["+"], "b": ["x y"]}),
        ("a=%zz", {"a": ["%zz"]}),
    ],
)
def test_a_query_is_read_as_browsers_write_it(text: str, values: dict[str, list[str]]) -> None:
    assert parse_query(text) == values
    assert parse_urlencoded(text) == values


def test_a_query_that_is_not_utf_8_is_a_bad_request() -> None:
    with pytest.raises(BadRequest, match="UTF-8"):
        parse_query("a=%ff")


def test_a_form_has_a_limit_of_fields() -> None:
    with pytest.raises(BadRequest, match="more than 2 fields"):
        parse_urlencoded("a=1&b=2&c=3", max_fields=2)
