"""What a project with accounts writes; type checkers must have nothing to say."""

from typing import Annotated, assert_type

from velox import Blueprint, NotFound, Provide
from velox.auth import Account, Accounts, CurrentUser, Identity, Letter, OptionalUser, only, roles, scopes, signed_in
from velox.db import Field, Model, Reader, select


class User(Account, table=True):
    name: str = Field(default="", max_length=100)


class Note(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    owner_id: int


accounts = Accounts(User, ways=["bearer", "key"], access_lifetime="5m")
notes = Blueprint("notes", url_prefix="/notes", guard=signed_in)


@accounts.deliver
async def send(letter: Letter) -> None:
    assert_type(letter.account.email, str)


async def note_of(note_id: int, db: Reader) -> Note:
    return await db.one(select(Note).where(Note.id == note_id), missing=NotFound("no such note"))


def owns(user: CurrentUser[User], note: Annotated[Note, Provide(note_of)]) -> bool:
    assert_type(user, User)
    return note.owner_id == user.id


@notes.get("/<note_id>", guard=[owns, roles("admin"), scopes("notes:read"), only("key")])
async def read(note: Annotated[Note, Provide(note_of)]) -> Note:
    return note


@notes.get("/hello")
async def hello(user: OptionalUser[User], identity: Identity) -> str:
    assert_type(user, User | None)
    assert_type(identity.account, Account)
    return user.name if user else "stranger"


async def call() -> None:
    assert_type(await read(Note(owner_id=1)), Note)
