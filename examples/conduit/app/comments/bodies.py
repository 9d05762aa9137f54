from pydantic import BaseModel

from app.articles.bodies import Camel
from app.profiles.bodies import Profile
from app.shapes import Moment, Text


class NewComment(BaseModel):
    body: Text


class NewCommentBody(BaseModel):
    comment: NewComment


class ShownComment(Camel):
    id: int
    created_at: Moment
    updated_at: Moment
    body: str
    author: Profile


class CommentBody(BaseModel):
    comment: ShownComment


class CommentsBody(BaseModel):
    comments: list[ShownComment]
