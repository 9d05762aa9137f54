from typing import Annotated

from velox import Blueprint, Provide
from velox.auth import CurrentUser, OptionalUser
from velox.db import Reader, Session, select

from app.errors import missing
from app.profiles.bodies import Profile, ProfileBody
from app.users.models import Follow, User

profiles = Blueprint("profiles", url_prefix="/api/profiles")


async def user_named(username: str, db: Reader) -> User:
    return await db.one(select(User).where(User.username == username), missing=missing("profile"))


Author = Annotated[User, Provide(user_named)]


@profiles.get("/<username>")
async def read_profile(author: Author, reader: OptionalUser[User], db: Reader) -> ProfileBody:
    follows = reader is not None and await db.get(Follow, (reader.stored_id, author.stored_id)) is not None
    return ProfileBody(profile=Profile.of(author, following=follows))


@profiles.post("/<username>/follow")
async def follow(author: Author, reader: CurrentUser[User], db: Session) -> ProfileBody:
    await db.upsert(
        [Follow(follower_id=reader.stored_id, author_id=author.stored_id)], on=["follower_id", "author_id"], update=[]
    )
    return ProfileBody(profile=Profile.of(author, following=True))


@profiles.delete("/<username>/follow")
async def unfollow(author: Author, reader: CurrentUser[User], db: Session) -> ProfileBody:
    row = await db.get(Follow, (reader.stored_id, author.stored_id))
    if row is not None:
        await db.delete(row)
    return ProfileBody(profile=Profile.of(author, following=False))
