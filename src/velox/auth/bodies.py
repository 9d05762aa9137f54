"""What clients send to sign in and what they get back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model

from velox.auth.tables import Account
from velox.db import Create

__all__ = ["Address", "Credentials", "KeyBody", "NewKey", "PublicKey", "SessionAnswer", "Tokens", "bodies"]

# What is not an address at all; whether one exists, only a letter to it can tell. Controls and spaces are in none.
ADDRESS = r"^[!-?A-~¡-\uffff]{1,64}@[!-?A-~¡-\uffff]+\.[!-?A-~¡-\uffff]+$"
MAX_PASSWORD_LENGTH = 256

Address = Annotated[
    str, Field(max_length=254, pattern=ADDRESS, examples=["ada@example.org"]), AfterValidator(str.lower)
]
"""An e-mail address, in lower case."""
Scope = Annotated[str, Field(pattern=r"^[a-z0-9_.:*-]{1,64}$", examples=["links:write"])]
Password = Annotated[str, Field(max_length=MAX_PASSWORD_LENGTH, json_schema_extra={"format": "password"})]


class Body(BaseModel):
    """What a client sends: nothing but what is asked for."""

    model_config = ConfigDict(extra="forbid")


class Credentials(Body):
    """An address and its password."""

    email: Address
    password: Password


class AddressBody(Body):
    email: Address


class TokenBody(Body):
    """A token out of a letter."""

    token: str = Field(max_length=4096)


class RefreshBody(Body):
    refresh_token: str = Field(max_length=256)


class KeyBody(Body):
    """An API key to be made."""

    name: str = Field(min_length=1, max_length=100, examples=["nightly import"])
    scopes: list[Scope] = Field(default=[], max_length=100)
    """What it is good for: a route with ``guard=scopes(...)`` asks for them."""
    expires_in_days: int | None = Field(default=None, ge=1, le=3650)
    """When it ends by itself; null: never."""


class PublicKey(BaseModel):
    """An API key as it can be shown."""

    id: int
    name: str
    prefix: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class NewKey(PublicKey):
    """An API key just made, with its text: it is never shown again."""

    key: str


class Tokens(BaseModel):
    """What a sign-in is used with (the members of RFC 6749, section 5.1)."""

    access_token: str
    refresh_token: str
    token_type: str = "Bearer"  # noqa: S105 - the name of a scheme
    expires_in: int
    """Seconds until the access token runs out."""


class SessionAnswer(BaseModel):
    """What a page needs beside the cookie."""

    csrf_token: str
    """To be sent as ``X-CSRF-Token`` with everything that changes something."""


def bodies(account: type[Account], min_password_length: int) -> tuple[type[Any], type[Any], type[Any]]:
    """The models with a new password: to register, to change the password, and to set it with a token.

    Args:
        account: The project's table: what a client may set of it is part of registering.
        min_password_length: Characters.
    """
    new = Annotated[Password, Field(min_length=min_password_length)]
    made: Any = Create  # a checker takes Create[account] for a type, and account is a variable
    registration: type[Any] = create_model(
        f"{account.__name__}Registration", __base__=made[account], email=(Address, ...), password=(new, ...)
    )
    change = create_model("PasswordChange", __base__=Body, password=(Password, ...), new_password=(new, ...))
    reset = create_model("PasswordReset", __base__=TokenBody, password=(new, ...))
    return registration, change, reset
