"""``Timestamps``, ``Versioned`` and ``SoftDelete`` on every kind of database."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from velox.db import (
    Create,
    Database,
    Field,
    Model,
    PageQuery,
    Public,
    Relationship,
    SoftDelete,
    Timestamps,
    Update,
    Versioned,
    col,
    func,
    select,
    selectinload,
)
from velox.errors import Conflict


class MixinShelf(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    books: list[MixinBook] = Relationship(back_populates="shelf")


class MixinBook(Timestamps, Versioned, SoftDelete, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str = Field(default="", unique=True)
    shelf_id: int | None = Field(default=None, foreign_key="mixinshelf.id")
    shelf: MixinShelf | None = Relationship(back_populates="books")


def test_a_client_sets_none_of_their_columns() -> None:
    """They are no fields of a body, and a body that has them is refused."""
    assert set(Create[MixinBook].model_fields) == {"title", "shelf_id"}
    assert set(Update[MixinBook].model_fields) == {"title", "shelf_id"}
    assert {"created_at", "updated_at", "version"} < set(Public[MixinBook].model_fields)
    assert "deleted_at" not in Public[MixinBook].model_fields
    with pytest.raises(ValidationError):
        Create[MixinBook].model_validate({"title": "a", "created_at": "2026-01-01T00:00:00Z"})


async def test_a_row_knows_when_it_was_made_and_last_written(stored: Database) -> None:
    async with stored.session() as db:
        made = await db.add(MixinBook(title="a"))
    async with stored.session() as db:
        book = await db.one(select(MixinBook))
        assert book.created_at == made.created_at
        book.title = "b"
    assert book.created_at == made.created_at
    assert book.updated_at > made.updated_at


async def test_a_write_to_what_has_changed_meanwhile_is_a_conflict(stored: Database) -> None:
    """Nobody overwrites what they have not seen."""
    async with stored.session() as db:
        seen = await db.add(MixinBook(title="a"))
    assert seen.version == 1
    async with stored.session() as db:
        (await db.one(select(MixinBook))).title = "b"
    seen.title = "c"
    with pytest.raises(Conflict, match="changed it meanwhile"):
        async with stored.session() as db:
            await db.add(seen)
    async with stored.reader() as reader:
        book = await reader.one(select(MixinBook))
    assert (book.title, book.version) == ("b", 2)


@pytest.mark.parametrize("for_good", [False, True])
async def test_a_deletion_of_what_has_changed_meanwhile_is_a_conflict(stored: Database, for_good: bool) -> None:
    """Also one for good."""
    async with stored.session() as db:
        seen = await db.add(MixinBook(title="a"))
    async with stored.session() as db:
        (await db.one(select(MixinBook))).title = "b"
    with pytest.raises(Conflict, match="changed it meanwhile"):
        async with stored.session() as db:
            await db.delete(seen, for_good=for_good)


async def test_a_deleted_row_is_not_found(stored: Database) -> None:
    """By nobody, in no way, unless it is asked for."""
    async with stored.session() as db:
        shelf = await db.add(MixinShelf())
        kept = await db.add(MixinBook(title="kept", shelf_id=shelf.id))
        gone = await db.add(MixinBook(title="gone", shelf_id=shelf.id))
        await db.delete(gone)
        assert await db.get(MixinBook, gone.id) is None
        assert list(await db.exec(select(MixinBook.title))) == ["kept"]
    for opened in (stored.session, stored.reader):
        async with opened() as db:
            assert list(await db.exec(select(MixinBook.title))) == ["kept"]
            assert await db.get(MixinBook, gone.id) is None
            assert await db.get(MixinBook, kept.id) is not None
            assert (await db.exec(select(func.count()).select_from(MixinBook))).one() == 1
            assert (await db.page(select(MixinBook), PageQuery[MixinBook]())).total == 1
            assert [book.title async for book in db.stream(select(MixinBook))] == ["kept"]
            loaded = await db.one(select(MixinShelf).options(selectinload(MixinShelf.books)))  # type: ignore[arg-type]
            assert [book.title for book in loaded.books] == ["kept"]
            everything = select(MixinBook.title).order_by(col(MixinBook.id)).execution_options(with_deleted=True)
            assert list(await db.exec(everything)) == ["kept", "gone"]


async def test_a_deleted_row_can_be_had_back_or_deleted_for_good(stored: Database) -> None:
    async with stored.session() as db:
        book = await db.add(MixinBook(title="a"))
        await db.delete(book)
    async with stored.session() as db:
        assert await db.get(MixinBook, book.id) is None
        back = await db.get(MixinBook, book.id, execution_options={"with_deleted": True})
        assert back is not None
        back.deleted_at = None
    async with stored.session() as db:
        await db.delete(await db.one(select(MixinBook)), for_good=True)
    async with stored.session() as db:
        assert list(await db.exec(select(MixinBook).execution_options(with_deleted=True))) == []
