"""An app with one of everything that OpenAPI has a word for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Constraint
from typing_extensions import TypedDict

from velox import (
    Blueprint,
    Conflict,
    Cookie,
    EventStream,
    Form,
    Header,
    JsonLines,
    NotFound,
    Query,
    ServerSentEvent,
    Settings,
    UploadFile,
    Velox,
)
from velox.db import Create, Field, Model, Page, PageQuery, Public, Reader, Session, Update, select

T = TypeVar("T")


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


class Tree(BaseModel):
    """Recursive."""

    name: str = Constraint(max_length=20)
    children: list[Tree] = []


class Box(BaseModel, Generic[T]):
    """Generic."""

    content: T
    count: int = Constraint(default=1, ge=1, le=9)


class Price(BaseModel):
    amount: Decimal = Constraint(max_digits=8, decimal_places=2, ge=0)
    currency: Literal["EUR", "USD"] = "EUR"


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = Constraint(ge=0, le=9)


class Dog(BaseModel):
    kind: Literal["dog"]
    colour: Colour


Animal = Annotated[Cat | Dog, Constraint(discriminator="kind")]


@dataclass
class Point:
    x: float
    y: float


class Span(TypedDict):
    start: date
    end: date


class Filter(BaseModel):
    """A group of query parameters."""

    model_config = ConfigDict(extra="forbid")

    colour: Colour | None = None
    tag: list[str] = []
    since: date | None = None


class Account(BaseModel):
    """A form."""

    email: str = Constraint(pattern=r"^[a-z]{1,8}@example\.org$")
    age: int = Constraint(ge=18, le=150)


class Author(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(min_length=1, max_length=40, unique=True, schema_extra={"pattern": "^[a-z]+$"})
    born: date | None = None
    balance: Decimal = Field(default=Decimal(0), max_digits=10, decimal_places=2, ge=0)
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC), server_set=True)
    password_digest: str = Field(default="", server_set=True, private=True)


values = Blueprint("values", url_prefix="/values")
authors = Blueprint("authors", url_prefix="/authors")


@values.post("/tree")
async def echo_tree(body: Tree) -> Tree:
    return body


@values.post("/box")
async def echo_box(body: Box[Price]) -> Box[Price]:
    return body


@values.post("/boxes")
async def echo_boxes(body: list[Box[int]]) -> list[Box[int]]:
    return body


@values.post("/animal")
async def echo_animal(body: Animal) -> Animal:
    return body


@values.put("/point")
async def echo_point(body: Point) -> Point:
    return body


@values.post("/span")
async def echo_span(body: Span) -> Span:
    return body


@values.get("/query")
async def echo_query(
    number: Annotated[int, Constraint(ge=1, le=100, description="A small number")],
    ratio: float = 0.5,
    flag: bool = False,
    when: datetime | None = None,
    key: UUID | None = None,
    colour: Colour = Colour.RED,
    size: Literal["s", "m", "l"] = "m",
    tags: Annotated[list[str], Query("tag")] = [],  # noqa: B006 - never changed; a query's default is written like that
) -> dict[str, str]:
    return {"number": str(number), "colour": colour.value, "size": size, "tags": ",".join(tags)}


@values.get("/filter")
async def echo_filter(query: Filter) -> Filter:
    return query


@values.get("/headers")
async def echo_headers(
    x_token: Annotated[str, Header(), Constraint(pattern="^[a-z]{1,10}$")],
    theme: Annotated[Colour | None, Cookie()] = None,
) -> dict[str, str]:
    return {"token": x_token, "theme": theme.value if theme else ""}


@values.get("/path/<number>/<key>/<colour>")
async def echo_path(number: int, key: UUID, colour: Colour) -> dict[str, str]:
    return {"number": str(number), "key": str(key), "colour": colour.value}


@values.post("/form")
async def echo_form(form: Annotated[Account, Form()]) -> Account:
    return form


@values.post("/file")
async def measure_file(upload: UploadFile, title: Annotated[str, Form()] = "") -> dict[str, int]:
    return {"size": len(await upload.read()), "title": len(title)}


@values.get("/events")
async def events(count: Annotated[int, Constraint(ge=0, le=3)] = 2) -> EventStream[Price]:
    for number in range(count):
        yield ServerSentEvent(Price(amount=Decimal(number)), event="price", id=str(number))


@values.get("/lines")
async def lines(count: Annotated[int, Constraint(ge=0, le=3)] = 2) -> JsonLines[Price]:
    for number in range(count):
        yield Price(amount=Decimal(number))


@values.delete("/nothing")
async def nothing() -> None:
    return None


@authors.get("/")
async def list_authors(query: PageQuery[Author], db: Reader) -> Page[Public[Author]]:
    return await db.page(select(Author), query)


@authors.post("/", status=201, problems=[Conflict])
async def create_author(body: Create[Author], db: Session) -> Public[Author]:
    return await db.add(Author.from_(body), conflict=Conflict("that name is taken"))


@authors.get("/<author_id>", problems=[NotFound])
async def read_author(author_id: int, db: Reader) -> Public[Author]:
    return await db.one(select(Author).where(Author.id == author_id), missing=NotFound("no such author"))


@authors.patch("/<author_id>", problems=[NotFound, Conflict])
async def update_author(author_id: int, body: Update[Author], db: Session) -> Public[Author]:
    author = await db.one(select(Author).where(Author.id == author_id), missing=NotFound("no such author"))
    return author.apply(body)


@authors.delete("/<author_id>", problems=[NotFound])
async def delete_author(author_id: int, db: Session) -> None:
    author = await db.one(select(Author).where(Author.id == author_id), missing=NotFound("no such author"))
    await db.delete(author)


def create_app(settings: Settings | None = None) -> Velox:
    app = Velox("everything", settings=settings or Settings())
    app.blueprint(values)
    app.blueprint(authors)
    return app
