"""What a user writes, with every decorator and every kind of parameter; type checkers must have nothing to say."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, assert_type

from pydantic import BaseModel
from pydantic import Field as Constraint
from sanic import Websocket
from typing_extensions import TypedDict

from velox import (
    Blueprint,
    Body,
    Conflict,
    Cookie,
    EventStream,
    File,
    Form,
    Header,
    JsonLines,
    NotFound,
    Path,
    Provide,
    Query,
    Request,
    Response,
    ServerSentEvent,
    Settings,
    UploadFile,
    Velox,
)
from velox.db import Create, Field, Model, Page, PageQuery, Public, Reader, Session, Update, select


class ShopSettings(Settings):
    currency: str = "EUR"


class Link(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(min_length=3, unique=True)
    url: str
    hits: int = Field(default=0, ge=0, server_set=True)


class Item(BaseModel):
    name: str


@dataclass
class Point:
    x: int


class Span(TypedDict):
    start: int


class Clock:
    async def now(self) -> float:
        return 0.0


links = Blueprint("links", url_prefix="/links")


@links.get("/")
async def list_links(query: PageQuery[Link], db: Reader) -> Page[Public[Link]]:
    return await db.page(select(Link), query)


@links.post("/", status=201, tags=["links"], problems=[Conflict])
async def create_link(body: Create[Link], db: Session) -> Public[Link]:
    assert_type(body.slug, str)
    return await db.add(Link.from_(body), conflict=Conflict("that slug is taken"))


@links.get("/<slug>", summary="Read a link", deprecated=True)
async def read_link(slug: str, db: Reader) -> Public[Link]:
    return await db.one(select(Link).where(Link.slug == slug), missing=NotFound("no such link"))


@links.patch("/<slug>", max_body_bytes=1000)
async def update_link(slug: str, body: Update[Link], db: Session) -> Public[Link]:
    link = await db.one(select(Link).where(Link.slug == slug))
    return link.apply(body)


@links.delete("/<slug>", security=["token"])
async def delete_link(slug: str, db: Session) -> None:
    link = await db.one(select(Link).where(Link.slug == slug))
    await db.delete(link)


@links.put("/everything/<number>")
async def everything(
    request: Request,
    number: Annotated[int, Path()],
    body: Annotated[Item | Point | Span, Body()],
    limit: Annotated[int, Query("max"), Constraint(ge=1)] = 10,
    tags: list[str] | None = None,
    token: Annotated[str, Header("X-Token")] = "",
    theme: Annotated[str | None, Cookie()] = None,
) -> dict[str, Any] | Response:
    return {"path": request.path, "number": number}


@links.post("/files")
async def files(
    upload: UploadFile, more: Annotated[list[UploadFile], File()], title: Annotated[str, Form()] = ""
) -> int:
    content = await upload.read()
    async for chunk in upload:
        content += chunk
    return len(content) + len(more) + len(title)


@links.get("/events")
async def events(count: int = 3) -> EventStream[Item]:
    for number in range(count):
        yield Item(name=str(number))
    yield ServerSentEvent(Item(name="last"), event="end")


@links.get("/lines")
async def lines() -> JsonLines[Item]:
    yield Item(name="x")


@links.get("/bytes")
async def octets() -> AsyncIterator[bytes]:
    yield b""


@links.head("/head")
async def head() -> None: ...


@links.options("/options")
async def options() -> None: ...


@links.route("/both", methods=["GET", "POST"])
def in_a_thread(number: int) -> Item:
    return Item(name=str(number))


@links.websocket("/feed")
async def feed(request: Request, ws: Websocket) -> None:
    await ws.send("hello")


def make_point() -> Point:
    return Point(1)


async def clock() -> AsyncIterator[Clock]:
    yield Clock()


def create_app(settings: Settings | None = None) -> Velox:
    app = Velox("shop", settings=settings or ShopSettings(), title="Shop", version="1.0")
    app.blueprint(links)
    app.provide(clock, scope="app")
    app.add_security_scheme("token", {"type": "http", "scheme": "bearer"})

    @app.provide
    def points() -> Iterator[Point]:
        yield Point(1)

    @app.on_start
    async def start(app: Velox) -> None: ...

    @app.on_stop
    def stop(app: Velox) -> None: ...

    @app.get("/time")
    async def time(clock: Clock, point: Annotated[Point, Provide(make_point)]) -> float:
        return await clock.now() + point.x

    return app


async def handlers_are_still_functions(db: Session, reader: Reader) -> None:
    """A decorated handler is called and awaited like the function that was written."""
    assert_type(await read_link("velox", db=reader), Link)
    assert_type(await delete_link("velox", db), None)
    assert_type(in_a_thread(3), Item)
    async for item in lines():
        assert_type(item, Item)
    async for event in events(count=2):
        assert_type(event, Item | ServerSentEvent)
