from velox import Blueprint, Request
from velox.auth import Account, Accounts, CurrentUser, Lock
from velox.db import Session, select

from app.users.bodies import ChangesBody, LoginBody, RegistrationBody, SignedIn, UserBody
from app.users.models import User

accounts = Accounts(User, url_prefix=None, scheme="Token", ways=["bearer"], access_lifetime="30d")
users = Blueprint("users", url_prefix="/api")


def shown(user: Account, token: str) -> UserBody:
    return UserBody(user=SignedIn.model_validate({**user.model_dump(), "token": token}))


async def signed_in(user: Account, lock: Lock) -> UserBody:
    return shown(user, lock.tokens(*await lock.sign_ins.begin(user)).access_token)


@users.post("/users", status=201, limit="120/minute")
async def register(body: RegistrationBody, lock: Lock) -> UserBody:
    user = await lock.create(body.user.email, body.user.password, username=body.user.username)
    return await signed_in(user, lock)


@users.post("/users/login", limit="120/minute")
async def login(body: LoginBody, lock: Lock) -> UserBody:
    return await signed_in(await lock.authenticated(body.user.email, body.user.password), lock)


@users.get("/user")
async def read_me(user: CurrentUser[User], request: Request) -> UserBody:
    return shown(user, request.token or "")


@users.put("/user")
async def change_me(body: ChangesBody, user: CurrentUser[User], lock: Lock, db: Session, request: Request) -> UserBody:
    changes = body.user.model_dump(exclude_unset=True)
    if "password" in changes:
        changes["password_digest"] = await lock.hasher.hash(changes.pop("password"))
    if "email" in changes:
        changes["email"] = changes["email"].lower()
    row = await db.one(select(User).where(User.id == user.id))
    row.sqlmodel_update(changes)
    return shown(await db.add(row), request.token or "")
