"""What a type checker sees of ``velox.db``: schemas are their table class, queries know their rows."""

from __future__ import annotations

from typing import assert_type

from velox.db import (
    Create,
    Database,
    Field,
    Json,
    Model,
    Page,
    PageQuery,
    Public,
    Reader,
    Relationship,
    Rows,
    Session,
    Update,
    Writer,
    select,
)
from velox.errors import Conflict, NotFound


class Link(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(min_length=3, max_length=32, unique=True)
    hits: int = Field(default=0, ge=0)
    visits: list[Visit] = Relationship(back_populates="link")


class Visit(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    link_id: int | None = Field(default=None, foreign_key="link.id")
    link: Link | None = Relationship(back_populates="visits")


async def list_links(query: PageQuery[Link], db: Reader) -> Page[Public[Link]]:
    assert_type(query.limit, int)
    assert_type(query.sort, str)
    page = await db.page(select(Link), query)
    assert_type(page, Page[Link])
    assert_type(page.items, list[Link])
    return page


async def create_link(body: Create[Link], db: Session) -> Public[Link]:
    assert_type(body, Link)
    assert_type(body.slug, str)
    link = await db.add(Link.from_(body, hits=1), conflict=Conflict("that slug is taken"))
    assert_type(link, Link)
    return link


async def update_link(slug: str, body: Update[Link], db: Session) -> Public[Link]:
    link = await db.one(select(Link).where(Link.slug == slug), missing=NotFound("no such link"))
    assert_type(link, Link)
    return await db.add(link.apply(body))


async def read_link(link_id: int, db: Reader) -> Public[Link]:
    found = await db.get(Link, link_id)
    assert_type(found, Link | None)
    slug, hits = await db.one(select(Link.slug, Link.hits))
    assert_type(slug, str)
    assert_type(hits, int)
    return await db.one(select(Link).where(Link.id == link_id))


async def delete_link(link: Link, db: Session) -> None:
    await db.delete(link)


async def by_hand(database: Database) -> list[Link]:
    async with database.session() as session, database.reader() as reader:
        assert_type(session, Session)
        assert_type(reader, Reader)
        rows = await reader.exec(select(Link), load=[Link.visits])
        assert_type(rows, Rows[Link])
        assert_type(rows.first(), Link | None)
        assert_type(await reader.exec(select(Link.slug, Link.hits)), Rows[tuple[str, int]])
        assert_type(await reader.json(select(Link), Public[Link]), Json[list[Public[Link]]])
        return rows.all()


async def import_link(body: Create[Link], db: Writer) -> Public[Link]:
    link = await db.add(Link.from_(body), conflict=Conflict("that slug is taken"))
    assert_type(link, Link)
    return link


# The constructor knows what is required: each of these lines is an error, and says so if it stops being one.
Link(slug="abc")
Link(hits=1)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
Link(slug=1)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
Field(min_lenght=3)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
