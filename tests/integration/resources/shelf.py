"""A shop of books, for the tests of resources."""

from __future__ import annotations

from velox.db import Field, Model, Relationship, SoftDelete, Timestamps, Versioned


class ShelfAuthor(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, max_length=40)
    books: list[ShelfBook] = Relationship(back_populates="author")


class ShelfBook(Timestamps, Versioned, SoftDelete, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str = Field(index=True, min_length=1, max_length=50)
    price: float | None = Field(default=None, index=True)
    pages: int = 1
    cost: int = Field(default=0, server_set=True, private=True, index=True)
    owner: str = Field(default="", max_length=20, server_set=True, index=True)
    author_id: int | None = Field(default=None, foreign_key="shelfauthor.id", index=True)
    author: ShelfAuthor | None = Relationship(back_populates="books")
