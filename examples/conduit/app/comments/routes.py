from typing import Annotated

from velox import Blueprint, Provide
from velox.auth import CurrentUser, OptionalUser
from velox.db import Reader, Session, col, func, select

from app.articles.models import Article, Comment
from app.comments.bodies import CommentBody, CommentsBody, NewCommentBody, ShownComment
from app.errors import forbidden, missing
from app.profiles.bodies import Profile
from app.users.models import Follow, User

comments = Blueprint("comments", url_prefix="/api/articles/<slug>/comments")


async def article_at(slug: str, db: Reader) -> Article:
    return await db.one(select(Article).where(Article.slug == slug), missing=missing("article"))


Commented = Annotated[Article, Provide(article_at)]


@comments.get("")
async def list_comments(article: Commented, user: OptionalUser[User], db: Reader) -> CommentsBody:
    me = user.stored_id if user is not None else None
    follows = select(func.count()).where(Follow.author_id == Comment.author_id, Follow.follower_id == me)
    statement = (
        select(Comment, User, follows.scalar_subquery())
        .join(User, col(User.id) == Comment.author_id)
        .where(Comment.article_id == article.id)
        .order_by(col(Comment.id).desc())
    )
    return CommentsBody(comments=[shown(comment, author, bool(n)) for comment, author, n in await db.exec(statement)])


@comments.post("", status=201)
async def comment(body: NewCommentBody, article: Commented, user: CurrentUser[User], db: Session) -> CommentBody:
    row = await db.add(Comment(article_id=article.stored_id, author_id=user.stored_id, body=body.comment.body))
    return CommentBody(comment=shown(row, user, following=False))


@comments.delete("/<comment_id>", status=204)
async def delete_comment(comment_id: int, article: Commented, user: CurrentUser[User], db: Session) -> None:
    here = select(Comment).where(Comment.id == comment_id, Comment.article_id == article.id)
    row = await db.one(here, missing=missing("comment"))
    if row.author_id != user.id:
        raise forbidden("comment")
    await db.delete(row)


def shown(comment: Comment, author: User, following: bool) -> ShownComment:
    return ShownComment(**comment.model_dump(), author=Profile.of(author, following=following))
