"""An app with accounts, and what its clients do all day."""

from __future__ import annotations

from typing import Annotated, Any

from velox import Blueprint, NotFound, Provide, Settings, Velox
from velox.auth import Account, Accounts, CurrentUser, OptionalUser, only, roles, scopes, signed_in
from velox.db import Field, Model, Public, Reader, Session, select
from velox.testing import TestClient

PASSWORD = "correct horse battery"


class Person(Account, table=True):
    """A project's table of users."""

    __tablename__ = "auth_test_user"

    name: str = Field(default="", max_length=100)


class Diary(Model, table=True):
    __tablename__ = "auth_test_diary"

    id: int | None = Field(default=None, primary_key=True)
    owner_id: int
    text: str


async def diary_of(diary_id: int, db: Reader) -> Diary:
    return await db.one(select(Diary).where(Diary.id == diary_id), missing=NotFound("no such diary"))


Asked = Annotated[Diary, Provide(diary_of)]


def owns(user: CurrentUser[Person], diary: Asked) -> bool:
    return diary.owner_id == user.id


async def never() -> bool:
    return False


def make_app(accounts: Accounts, **settings: Any) -> Velox:
    app = Velox("lock", Settings(**{"env": "test", "database_url": "sqlite://", "create_tables": True, **settings}))
    app.install(accounts)
    inner = Blueprint("inner", url_prefix="/inner", guard=signed_in)

    @app.get("/hello")
    async def hello(user: OptionalUser[Person]) -> str:
        return user.email if user else "nobody"

    @app.get("/admin", guard=roles("admin"))
    async def admin() -> str:
        return "in"

    @app.post("/links", guard=scopes("links:write"))
    async def links(user: CurrentUser[Person]) -> Public[Person]:
        return user

    @app.get("/machines", guard=[only("key"), scopes("links:read")])
    async def machines() -> str:
        return "in"

    @app.get("/diaries/<diary_id>", guard=owns)
    async def diary(diary: Asked) -> Public[Diary]:
        return diary

    @app.get("/never", guard=never)
    async def nobody() -> str:
        return "in"

    @app.post("/diaries")
    async def write(user: CurrentUser[Person], db: Session) -> Public[Diary]:
        return await db.add(Diary(owner_id=user.stored_id, text="secret"))

    @inner.get("/")
    async def inside() -> str:
        return "in"

    app.blueprint(inner)
    return app


async def register(client: TestClient, email: str = "ada@example.org", **more: str) -> None:
    answer = await client.post("/auth/register", json={"email": email, "password": PASSWORD, **more})
    assert answer.status_code == 202


async def login(client: TestClient, email: str = "ada@example.org", password: str = PASSWORD) -> dict[str, str]:
    answer = await client.post("/auth/login", json={"email": email, "password": password})
    assert answer.status_code == 200, answer.text
    tokens: dict[str, str] = answer.json()
    return tokens


def bearer(tokens: dict[str, str]) -> dict[str, str]:
    return {"authorization": f"Bearer {tokens['access_token']}"}
