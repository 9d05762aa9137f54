from typing import Self

from pydantic import BaseModel

from app.users.models import User


class Profile(BaseModel):
    username: str
    bio: str | None
    image: str | None
    following: bool

    @classmethod
    def of(cls, user: User, *, following: bool) -> Self:
        return cls(username=user.username, bio=user.bio, image=user.image, following=following)


class ProfileBody(BaseModel):
    profile: Profile
