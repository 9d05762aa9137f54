"""Where each parameter comes from, and what is said at start-up, with file and line, when that cannot be told."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from pydantic import BaseModel
from sanic import Request
from typing_extensions import TypedDict

from velox import (
    Body,
    ConfigurationError,
    Cookie,
    File,
    Form,
    Header,
    JsonLines,
    Path,
    Provide,
    Query,
    UploadFile,
    Velox,
)
from velox.db import Field, Model

if TYPE_CHECKING:
    from decimal import Decimal


Decorator = Callable[[Callable[..., Any]], None]


class Item(BaseModel):
    name: str


@dataclass
class Point:
    x: int


class Span(TypedDict):
    start: int


class Badge(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)


class Thing:
    """Nothing that pydantic, a query or a body knows."""


class Calling(BaseModel):
    back: Callable[[], None]


class Tool(Thing):
    pass


class Toy(Thing):
    pass


def sources(app: Velox, index: int = -1) -> dict[str, str]:
    return {parameter.name: parameter.source.value for parameter in app.plans[index].parameters}


def refused(app: Velox, code: str) -> ConfigurationError:
    """The mistake that compiling ``app`` finds; every one says where it is and what to do."""
    with pytest.raises(ConfigurationError) as found:
        app.compile()
    assert found.value.code == code, found.value
    assert f"{FilePath(__file__).name}:" in found.value.message
    assert found.value.hint
    return found.value


def test_the_type_says_the_source(make_app: Callable[..., Velox]) -> None:
    app = make_app()

    @app.post("/<item_id>")
    async def handler(
        request: Request,
        item_id: int,
        limit: int,
        tags: list[str],
        body: Item,
        token: Annotated[str, Header()],
        theme: Annotated[str, Cookie()],
    ) -> None: ...

    assert sources(app) == {
        "request": "request",
        "item_id": "path",
        "limit": "query",
        "tags": "query",
        "body": "body",
        "token": "header",
        "theme": "cookie",
    }


@pytest.mark.parametrize(
    "annotation",
    [Item, Point, Span, dict[str, int], list[Item], Item | Point, Item | None, Annotated[int, Body()], dict, list],
    ids=str,
)
def test_structures_are_bodies(make_app: Callable[..., Velox], annotation: Any) -> None:
    async def handler(value: Any) -> None: ...

    handler.__annotations__["value"] = annotation
    app = make_app()
    app.post("/")(handler)
    assert sources(app) == {"value": "body"}


def test_files_and_forms(make_app: Callable[..., Velox]) -> None:
    app = make_app()

    @app.post("/")
    async def handler(
        upload: UploadFile,
        more: list[UploadFile],
        scan: Annotated[UploadFile, File("s")],
        title: Annotated[str, Form()],
    ) -> None: ...

    assert sources(app) == {"upload": "file", "more": "file", "scan": "file", "title": "form"}


def test_a_plain_handler_of_sanics_gets_the_request_and_the_path(make_app: Callable[..., Velox]) -> None:
    app = make_app()

    @app.get("/<a>/<b>")
    async def handler(req, a, b):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
        ...

    assert sources(app) == {"req": "request", "a": "path", "b": "path"}


def test_keyword_arguments_take_what_is_left_of_the_path(make_app: Callable[..., Velox]) -> None:
    app = make_app()

    @app.get("/<a>/<b>")
    async def handler(request: Request, a: int, **rest: Any) -> None: ...

    assert sources(app) == {"request": "request", "a": "path", "b": "path"}


def test_classes_inside_of_a_function_are_found(make_app: Callable[..., Velox]) -> None:
    """Although annotations are only text here, and the name is nowhere to be found once the function is left."""
    app = make_app()

    def factory() -> None:
        class Local(BaseModel):
            name: str

        @app.post("/")
        async def handler(body: Local) -> Local:
            return body

        async def by_hand(body: Local) -> None: ...

        app.add_route(by_hand, "/by-hand", methods=["POST"])

    factory()
    assert sources(app, -2) == sources(app, -1) == {"body": "body"}


class TestProviders:
    def test_a_provided_type_is_not_a_body(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()

        @app.provide
        async def item() -> Item:
            return Item(name="provided")

        @app.post("/")
        async def handler(item: Item) -> None: ...

        assert sources(app) == {"item": "provider"}

    def test_a_base_class_asks_for_its_one_provided_subclass(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()
        app.provide(Tool)

        @app.get("/")
        async def handler(thing: Thing) -> None: ...

        assert sources(app) == {"thing": "provider"}

    def test_a_base_class_of_two_provided_classes_is_ambiguous(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()
        app.provide(Tool)
        app.provide(Toy)

        @app.get("/")
        async def handler(thing: Thing) -> None: ...

        assert "could be any of Tool, Toy" in refused(app, "VX207").message

    def test_a_name_in_the_path_wins_over_a_provider(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()

        @app.provide
        def number() -> int:
            return 1

        @app.get("/<item_id>")
        async def handler(item_id: int, other: int) -> None: ...

        assert sources(app) == {"item_id": "path", "other": "provider"}

    def test_inputs_of_a_class_are_those_of_its_constructor(self, make_app: Callable[..., Velox]) -> None:
        class Paging:
            def __init__(self, limit: int = 10) -> None:
                self.limit = limit

        app = make_app()

        @app.get("/")
        async def handler(paging: Annotated[Paging, Provide(Paging)]) -> None: ...

        assert [parameter.alias for parameter in app.plans[-1].inputs()] == ["limit"]

    def test_a_circle_is_named(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()

        @app.provide
        def tool(toy: Toy) -> Tool:
            return Tool()

        @app.provide
        def toy(tool: Tool) -> Toy:
            return Toy()

        @app.get("/")
        async def handler(tool: Tool) -> None: ...

        assert "tool → " in refused(app, "VX207").message

    def test_a_provider_needs_to_say_what_it_makes(self, make_app: Callable[..., Velox]) -> None:
        def provider():  # type: ignore[no-untyped-def] # noqa: ANN202
            ...

        def generator() -> Thing:  # type: ignore[misc]
            yield Thing()

        for wrong in (provider, generator):
            with pytest.raises(ConfigurationError, match=r"VX207 .*test_signature.py:\d+"):
                make_app().provide(wrong)

    def test_an_app_provider_cannot_need_a_request(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()

        def tool(request: Request) -> Tool:
            return Tool()

        app.provide(tool, scope="app")

        @app.get("/")
        async def handler(tool: Tool) -> None: ...

        assert "once per worker" in refused(app, "VX207").message

    def test_a_scope_is_app_or_request(self, make_app: Callable[..., Velox]) -> None:
        with pytest.raises(ConfigurationError, match="VX106"):
            make_app().provide(Tool, scope="session")


class TestMistakes:
    def check(self, app: Velox, code: str, text: str, *, path: str = "/", method: str = "post") -> Decorator:
        """A decorator for a wrong handler."""

        def decorate(handler: Callable[..., Any]) -> None:
            getattr(app, method)(path)(handler)
            error = refused(app, code)
            assert text in error.message, error.message
            # Line 0 is the decorator's, where the function begins.
            assert f"{FilePath(__file__).name}:{handler.__code__.co_firstlineno}" in error.message

        return decorate

    def test_a_type_that_has_no_source(self, make_app: Callable[..., Velox]) -> None:
        @self.check(make_app(), "VX201", "has type Thing, which has no source")
        async def handler(thing: Thing) -> None: ...

    def test_a_parameter_without_a_type(self, make_app: Callable[..., Velox]) -> None:
        @self.check(make_app(), "VX201", "'other' of")
        async def handler(request, other):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
            ...

    def test_a_positional_only_parameter(self, make_app: Callable[..., Velox]) -> None:
        @self.check(make_app(), "VX201", "positional-only")
        async def handler(limit: int, /) -> None: ...

    def test_a_mark_in_the_place_of_the_default(self, make_app: Callable[..., Velox]) -> None:
        @self.check(make_app(), "VX201", "has Query(...) as its default")
        async def handler(limit: int = Query()) -> None:  # type: ignore[assignment]
            ...

    def test_a_body_where_the_method_has_none(self, make_app: Callable[..., Velox]) -> None:
        @self.check(make_app(), "VX201", "GET requests have none", method="get")
        async def handler(item: Annotated[Item, Body()]) -> None: ...

    def test_a_dict_of_a_get_handler(self, make_app: Callable[..., Velox]) -> None:
        @self.check(make_app(), "VX201", "has no source", method="get")
        async def handler(item: dict[str, int]) -> None: ...

    def test_a_wrapper_that_does_not_hand_on(self, make_app: Callable[..., Velox]) -> None:
        def logged(fn: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(fn)
            async def wrapper(request: Request) -> Any: ...

            return wrapper

        app = make_app()

        @app.get("/")
        @logged
        async def handler(limit: int) -> None: ...

        assert "wrapper" in refused(app, "VX201").message

    def test_a_name_that_is_only_there_for_type_checkers(self, make_app: Callable[..., Velox]) -> None:
        @self.check(make_app(), "VX202", "name 'Decimal', which is not there at run time")
        async def handler(price: Decimal) -> None: ...

    def test_a_type_that_cannot_be_checked(self, make_app: Callable[..., Velox]) -> None:
        @self.check(make_app(), "VX202", "cannot be checked")
        async def handler(thing: Annotated[Thing, Query()]) -> None: ...

    def test_an_answer_that_cannot_be_written(self, make_app: Callable[..., Velox]) -> None:
        @self.check(make_app(), "VX202", "cannot be checked")
        async def handler() -> Thing:
            return Thing()

    def test_a_type_that_cannot_be_documented(self, make_app: Callable[..., Velox]) -> None:
        @self.check(make_app(), "VX202", "cannot be documented")
        async def handler() -> Calling: ...  # type: ignore[empty-body]

    def test_a_stream_of_what_has_no_bytes(self, make_app: Callable[..., Velox]) -> None:
        @self.check(make_app(), "VX202", "a plain stream is of bytes or str")
        async def handler() -> AsyncIterator[int]:
            yield 1

    def test_a_stream_that_does_not_say_so(self, make_app: Callable[..., Velox]) -> None:
        @self.check(make_app(), "VX202", "names no stream")
        async def handler():  # type: ignore[no-untyped-def] # noqa: ANN202
            yield b""

    def test_a_plain_generator(self, make_app: Callable[..., Velox]) -> None:
        @self.check(make_app(), "VX202", "names no stream")
        def handler() -> Iterator[bytes]:
            yield b""

    @pytest.mark.parametrize("annotation", [Badge, list[Badge], Badge | None, Annotated[Badge, Body()]], ids=str)
    def test_a_table_class_as_a_body(self, make_app: Callable[..., Velox], annotation: Any) -> None:
        async def handler(badge: Any) -> None: ...

        handler.__annotations__["badge"] = annotation
        app = make_app()
        app.post("/")(handler)
        assert "Create[Badge]" in refused(app, "VX203").hint

    def test_a_piece_of_the_path_that_nobody_takes(self, make_app: Callable[..., Velox]) -> None:
        @self.check(make_app(), "VX205", "has <item_id>", path="/<item_id>")
        async def handler(limit: int) -> None: ...

    def test_a_path_parameter_that_is_not_in_the_path(self, make_app: Callable[..., Velox]) -> None:
        @self.check(make_app(), "VX205", "'item_id' of")
        async def handler(item_id: Annotated[int, Path()]) -> None: ...

    def test_two_bodies(self, make_app: Callable[..., Velox]) -> None:
        @self.check(make_app(), "VX206", "one, two")
        async def handler(one: Item, two: Point) -> None: ...

    def test_a_body_and_a_form(self, make_app: Callable[..., Velox]) -> None:
        @self.check(make_app(), "VX206", "one, upload")
        async def handler(one: Item, upload: UploadFile) -> None: ...


def test_a_stream_of_models_compiles(make_app: Callable[..., Velox]) -> None:
    app = make_app()

    @app.get("/")
    async def handler() -> JsonLines[Item]:
        yield Item(name="x")

    app.compile()


def test_a_path_in_braces_is_refused_with_the_way_to_write_it() -> None:
    """It would be matched letter by letter, and answer nothing."""
    with pytest.raises(ConfigurationError, match=r"VX205 .*test_signature.py:\d+: .*{item_id}.*Write <item_id>"):

        @Velox("braces").get("/items/{item_id}")
        async def read(item_id: int) -> int:
            return item_id


def test_a_regular_expression_in_a_path_may_have_braces() -> None:
    @Velox("expression").get(r"/codes/<code:[a-z]{3}>")
    async def read(code: str) -> str:
        return code


@pytest.mark.parametrize(("option", "fix"), [("status_code", "status="), ("response_model", "return annotation")])
def test_an_option_of_another_framework_is_refused_with_its_name_here(option: str, fix: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"VX211 .*test_signature.py:\d+: .*'{option}'.*{fix}"):

        @Velox("habits").get("/", **{option: 201})
        async def read() -> int:
            return 1


@pytest.mark.parametrize(
    ("options", "fix"),
    [
        ({"methods": ["GET", "PUT"]}, r"no option 'methods'.*route\('/', methods=\['GET', 'PUT'\]\)"),
        ({"status": 99}, r"not 99.*200 to 599"),
        ({"status": "201"}, r"not '201'.*200 to 599"),
        ({"tags": "items"}, r"tags='items'.*tags=\['items'\]"),
        ({"security": "bearer"}, r"security='bearer'.*security=\['bearer'\]"),
    ],
)
def test_an_option_with_a_wrong_value_is_refused_with_the_right_one(options: dict[str, Any], fix: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"VX211 .*test_signature.py:\d+: .*{fix}"):

        @Velox("values").get("/", **options)
        async def read() -> int:
            return 1


def test_a_decorator_without_its_path_is_refused_at_once() -> None:
    """Its handler would be lost without a word."""
    app: Any = Velox("bare")
    with pytest.raises(ConfigurationError, match=r'VX211 .*test_signature.py:\d+: .*@app.get\("/path"\)'):

        @app.get  # type: ignore[untyped-decorator]
        async def read() -> int:
            return 1


def test_a_constraint_in_a_mark_is_refused_with_its_place() -> None:
    """In a postponed annotation, and where the mark is made at once."""
    app = Velox("marks")

    @app.get("/")
    async def read(q: Annotated[str, Query(min_length=3)]) -> str:
        return q

    beside = r"VX201 .*test_signature.py:\d+: Query .*min_length.*Query\(\), Field\(min_length=3\)\]"
    with pytest.raises(ConfigurationError, match=beside):
        app.compile()
    with pytest.raises(ConfigurationError, match=beside):
        Query(min_length=3)  # type: ignore[call-arg]
    with pytest.raises(ConfigurationError, match=r"VX201 .*not Ellipsis"):
        Query(...)  # type: ignore[arg-type]
