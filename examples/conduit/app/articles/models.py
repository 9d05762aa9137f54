from datetime import UTC, datetime

from velox.db import Field, Model, Relationship


def now() -> datetime:
    return datetime.now(UTC)


class Article(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(max_length=255, unique=True)
    title: str = Field(max_length=255)
    description: str
    body: str
    author_id: int = Field(foreign_key="user.id", ondelete="CASCADE", index=True)
    created_at: datetime = Field(default_factory=now)
    updated_at: datetime = Field(default_factory=now)

    tags: list["Tag"] = Relationship(
        cascade_delete=True, sa_relationship_kwargs={"order_by": "Tag.place", "lazy": "selectin"}
    )

    @property
    def stored_id(self) -> int:
        assert self.id is not None, "it was not written"
        return self.id


class Tag(Model, table=True):
    """A word that an article has; ``place`` is where in its list."""

    article_id: int | None = Field(default=None, primary_key=True, foreign_key="article.id", ondelete="CASCADE")
    name: str = Field(primary_key=True, max_length=100, index=True)
    place: int


class Favorite(Model, table=True):
    user_id: int = Field(primary_key=True, foreign_key="user.id", ondelete="CASCADE")
    article_id: int = Field(primary_key=True, foreign_key="article.id", ondelete="CASCADE", index=True)


class Comment(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    article_id: int = Field(foreign_key="article.id", ondelete="CASCADE", index=True)
    author_id: int = Field(foreign_key="user.id", ondelete="CASCADE", index=True)
    body: str
    created_at: datetime = Field(default_factory=now)
    updated_at: datetime = Field(default_factory=now)
