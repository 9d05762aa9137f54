"""The OpenAPI document: valid, complete, the same in every process, and with names that a reader understands."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Generic, Literal, TypeVar

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel, Field
from sanic import Request
from typing_extensions import TypedDict

from velox import Conflict, Form, Header, JsonLines, NotFound, Query, Response, UploadFile, Velox

T = TypeVar("T")
APPS = Path(__file__).parent.parent.parent / "apps"


class Tree(BaseModel):
    """A tree of trees."""

    name: str = Field(description="What it is called", examples=["oak"])
    children: list[Tree] = []


class Box(BaseModel, Generic[T]):
    content: T


class Price(BaseModel):
    amount: Decimal = Field(max_digits=8, decimal_places=2)
    currency: Literal["EUR", "USD"] = "EUR"


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Upload(BaseModel):
    picture: UploadFile
    title: str = ""


class Problem(BaseModel):
    """A model of the app's own, of the same name as ours."""

    riddle: str


class Span(TypedDict):
    start: int


class Filter(BaseModel):
    limit: int = Field(default=20, ge=1, le=100, description="How many")
    tags: list[str] = Field(default=[], alias="tag")
    old: str | None = Field(default=None, deprecated=True)


def twin(module: str) -> Any:
    """A model named Item, as if it were written in ``module``."""
    made = ModuleType(module)
    exec(f"from pydantic import BaseModel\nclass Item(BaseModel):\n    {module}: int = 0\n", vars(made))
    vars(made)["Item"].__module__ = module
    return vars(made)["Item"]


def document(app: Velox) -> dict[str, Any]:
    made = app.openapi()
    OpenAPIV31SpecValidator(made).validate()
    return made


def operation(app: Velox, method: str = "get", path: str = "/") -> dict[str, Any]:
    found: dict[str, Any] = document(app)["paths"][path][method]
    return found


def test_an_app_without_routes(make_app: Callable[..., Velox]) -> None:
    assert document(make_app())["paths"] == {}


def test_a_recursive_model(make_app: Callable[..., Velox]) -> None:
    app = make_app()

    @app.post("/")
    async def plant(body: Tree) -> Tree:
        return body

    made = document(app)
    for name in ("Tree-Input", "Tree-Output"):
        schema = made["components"]["schemas"][name]
        assert schema["properties"]["children"]["items"] == {"$ref": f"#/components/schemas/{name}"}
    assert made["components"]["schemas"]["Tree-Input"]["description"] == "A tree of trees."
    assert made["components"]["schemas"]["Tree-Input"]["properties"]["name"]["examples"] == ["oak"]


def test_input_and_output_are_two_schemas_only_where_they_differ(make_app: Callable[..., Velox]) -> None:
    app = make_app()

    @app.post("/cats")
    async def cats(body: Cat) -> Cat:
        return body

    @app.post("/prices")
    async def prices(body: Price) -> Price:
        return body

    names = document(app)["components"]["schemas"].keys()
    assert {"Cat", "Price-Input", "Price-Output"} <= names


def test_generic_models_have_plain_names(make_app: Callable[..., Velox]) -> None:
    app = make_app()

    @app.get("/")
    async def read() -> Box[Cat]: ...  # type: ignore[empty-body]

    assert operation(app)["responses"]["200"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/Box_Cat"
    }


def test_a_discriminated_union(make_app: Callable[..., Velox]) -> None:
    app = make_app()

    @app.post("/")
    async def read(body: Annotated[Cat | Dog, Field(discriminator="kind")]) -> None: ...

    schema = operation(app, "post")["requestBody"]["content"]["application/json"]["schema"]
    assert schema["discriminator"]["propertyName"] == "kind"
    assert len(schema["oneOf"]) == 2


def test_two_models_of_one_name_have_two_names(make_app: Callable[..., Velox]) -> None:
    app = make_app()
    for module in ("shop", "stock"):

        async def read() -> Any: ...

        read.__annotations__["return"] = twin(module)
        app.get(f"/{module}", name=module)(read)
    names = [name for name in document(app)["components"]["schemas"] if "Item" in name]
    assert names == ["shop__Item", "stock__Item"]


def test_a_model_named_like_ours_keeps_its_name(make_app: Callable[..., Velox]) -> None:
    app = make_app()

    @app.get("/")
    async def read() -> Problem: ...  # type: ignore[empty-body]

    made = document(app)
    assert "riddle" in made["components"]["schemas"]["Problem"]["properties"]
    assert "errors" in made["components"]["schemas"]["VeloxProblem"]["properties"]
    problem = made["paths"]["/"]["get"]["responses"]["default"]["content"]["application/problem+json"]
    assert problem["schema"] == {"$ref": "#/components/schemas/VeloxProblem"}


def test_parameters_have_all_that_their_types_say(make_app: Callable[..., Velox]) -> None:
    app = make_app()

    @app.get("/<item_id>")
    async def read(
        item_id: int,
        query: Filter,
        size: Annotated[int, Query("pageSize"), Field(ge=1, description="A size", examples=[7])] = 2,
        x_token: Annotated[str | None, Header()] = None,
    ) -> None: ...

    found = {each["name"]: each for each in operation(app, path="/{item_id}")["parameters"]}
    assert list(found) == ["item_id", "limit", "tag", "old", "pageSize", "x-token"]
    assert found["item_id"]["required"] is True
    assert found["limit"]["description"] == "How many"
    assert found["limit"]["schema"]["default"] == 20
    assert found["tag"]["schema"]["type"] == "array"
    assert found["old"]["deprecated"] is True
    assert found["pageSize"]["schema"]["minimum"] == 1
    assert found["pageSize"]["examples"] == {"example 1": {"value": 7}}
    assert found["x-token"]["in"] == "header"


def test_paths_that_differ_in_their_parameters_names_are_one(make_app: Callable[..., Velox]) -> None:
    app = make_app()

    @app.get("/shops/<shop>/items/<item>")
    async def read(shop: int, item: int) -> None: ...

    @app.delete("/shops/<shop_id>/items/<item_id>")
    async def remove(shop_id: int, item_id: int) -> None: ...

    (found,) = document(app)["paths"].values()
    names = {method: [each["name"] for each in found[method]["parameters"]] for method in found}
    assert names == {"get": ["shop", "item"], "delete": ["shop", "item"]}


def test_a_default_that_json_cannot_hold_is_left_out(make_app: Callable[..., Velox]) -> None:
    app = make_app()

    async def read(limit: Any = OpenAPIV31SpecValidator, ratio: float = math.nan) -> None: ...

    read.__annotations__["limit"] = int
    app.get("/")(read)
    found = {each["name"]: each["schema"] for each in operation(app)["parameters"]}
    assert found == {"limit": {"type": "integer"}, "ratio": {"type": "number"}}


def test_forms_and_files(make_app: Callable[..., Velox]) -> None:
    app = make_app()

    @app.post("/parts")
    async def parts(picture: UploadFile, more: list[UploadFile], title: Annotated[str, Form()] = "") -> None: ...

    @app.post("/group")
    async def group(upload: Annotated[Upload, Form()]) -> None: ...

    @app.post("/fields")
    async def fields(title: Annotated[str, Form()]) -> None: ...

    content = {path: item["post"]["requestBody"]["content"] for path, item in document(app)["paths"].items()}
    schema = content["/parts"]["multipart/form-data"]["schema"]
    assert schema["required"] == ["picture", "more"]
    assert schema["properties"]["more"]["items"]["contentMediaType"] == "application/octet-stream"
    assert list(content["/group"]) == ["multipart/form-data"]
    assert list(content["/fields"]) == ["multipart/form-data", "application/x-www-form-urlencoded"]


@pytest.mark.parametrize(
    ("returns", "content"),
    [
        (None, {}),
        (Response, {"*/*": {"schema": {}}}),
        (int, {"application/json": {"schema": {"type": "integer"}}}),
        (int | Response, {"application/json": {"schema": {"type": "integer"}}}),
        (JsonLines[int], {"application/jsonl": {"schema": {"type": "integer"}}}),
    ],
    ids=str,
)
def test_answers(make_app: Callable[..., Velox], returns: Any, content: dict[str, Any]) -> None:
    async def read() -> Any: ...

    read.__annotations__["return"] = returns
    app = make_app()
    app.get("/")(read)
    answers = operation(app)["responses"]
    assert answers["204" if returns is None else "200"].get("content", {}) == content


def test_every_problem_is_listed(make_app: Callable[..., Velox]) -> None:
    """Those of the inputs, those the decorator names, and those the handler raises by name."""
    app = make_app()

    @app.post("/", problems=[Conflict])
    async def create(body: Span) -> None:
        raise NotFound

    @app.get("/nothing")
    async def nothing(request: Request) -> None: ...

    made = document(app)
    assert list(made["paths"]["/"]["post"]["responses"]) == ["204", "400", "404", "409", "413", "415", "422", "default"]
    assert list(made["paths"]["/nothing"]["get"]["responses"]) == ["204", "default"]


def test_what_the_decorator_says(make_app: Callable[..., Velox]) -> None:
    app = make_app()
    app.add_security_scheme("token", {"type": "http", "scheme": "bearer"})

    @app.get("/", tags=["one"], name="named", deprecated=True, security=["token"], status=202)
    async def handler() -> int:
        """The summary.

        And more.
        """
        return 1

    @app.get("/hidden", hidden=True)
    async def hidden() -> int:
        return 1

    made = document(app)
    found = made["paths"]["/"]["get"]
    assert (found["summary"], found["description"], found["operationId"]) == ("The summary.", "And more.", "named")
    assert found["deprecated"] is True
    assert found["security"] == [{"token": []}]
    assert "202" in found["responses"]
    assert made["components"]["securitySchemes"] == {"token": {"type": "http", "scheme": "bearer"}}
    assert made["tags"] == [{"name": "one"}]
    assert "/hidden" not in made["paths"]


def test_the_document_is_the_same_in_every_process() -> None:
    """To the byte, whatever the hashes of strings are."""
    code = (
        "import everything, velox; from pydantic_core import to_json;"
        "settings = velox.Settings(env='test', database_url='sqlite://');"
        "print(to_json(everything.create_app(settings).openapi()).decode())"
    )
    documents = set()
    for seed in ("1", "2", "3"):
        environment = {
            **os.environ,
            "PYTHONHASHSEED": seed,
            "PYTHONPATH": f"{APPS}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
        }
        command = [sys.executable, "-c", code]
        ended = subprocess.run(command, env=environment, cwd=APPS, capture_output=True, text=True, check=True)
        documents.add(ended.stdout)
    assert len(documents) == 1
