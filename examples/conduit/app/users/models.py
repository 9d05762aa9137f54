from velox.auth import Account
from velox.db import Field, Model


class User(Account, table=True):
    username: str = Field(max_length=100, unique=True)
    bio: str | None = None
    image: str | None = Field(default=None, max_length=2000)


class Follow(Model, table=True):
    """One user reads what another writes."""

    follower_id: int = Field(primary_key=True, foreign_key="user.id", ondelete="CASCADE")
    author_id: int = Field(primary_key=True, foreign_key="user.id", ondelete="CASCADE", index=True)
