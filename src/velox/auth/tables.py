"""The tables of the lock: who has an account, where they are signed in, and which API keys they have."""

from __future__ import annotations

from datetime import UTC, datetime

from velox.db import Field, Model

__all__ = ["Account", "ApiKey", "SignIn"]


def now() -> datetime:
    return datetime.now(UTC)


class Account(Model):
    """What a project's table of users begins with: ``class User(Account, table=True)``.

    A client sets none of these columns, except by registering and through the routes of
    :class:`~velox.auth.Accounts`; columns that the project adds are the client's, as everywhere.
    """

    id: int | None = Field(default=None, primary_key=True)
    email: str = Field(max_length=254, unique=True, server_set=True)
    """In lower case."""
    password_digest: str = Field(max_length=255, server_set=True, private=True)
    roles: list[str] = Field(default_factory=list, server_set=True)
    """What :func:`~velox.auth.roles` asks for, such as ``["admin"]``."""
    is_active: bool = Field(default=True, server_set=True)
    """An account that is not gets in nowhere, with nothing."""
    verified_at: datetime | None = Field(default=None, server_set=True)
    """When the owner proved that the address is theirs."""
    created_at: datetime = Field(default_factory=now, server_set=True)

    @property
    def stored_id(self) -> int:
        """The id of a row that was written.

        Raises:
            ValueError: It was not.
        """
        if self.id is None:
            raise ValueError("the account has no id yet: it was not written")
        return self.id


class SignIn(Model, table=True):
    """One place where an account is signed in: a browser's session, or an app's row of refresh tokens."""

    __tablename__ = "auth_sign_in"

    id: str = Field(primary_key=True, max_length=32)
    account_id: int = Field(index=True)
    digest: str = Field(max_length=64, private=True)
    """Of the refresh token that is good now; of one before, somebody has a copy."""
    created_at: datetime = Field(default_factory=now)
    refreshed_at: datetime = Field(default_factory=now)
    expires_at: datetime
    ended_at: datetime | None = Field(default=None)


class ApiKey(Model, table=True):
    """A key by which a program acts for an account."""

    __tablename__ = "auth_api_key"

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(index=True)
    prefix: str = Field(max_length=16, unique=True)
    digest: str = Field(max_length=64, private=True)
    name: str = Field(max_length=100)
    scopes: list[str] = Field(default_factory=list)
    created_at: datetime = Field(default_factory=now)
    expires_at: datetime | None = Field(default=None)
    last_used_at: datetime | None = Field(default=None)
    revoked_at: datetime | None = Field(default=None)
