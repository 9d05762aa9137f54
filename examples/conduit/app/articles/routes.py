import re
import unicodedata
from typing import Annotated

from pydantic import Field
from velox import Blueprint
from velox.auth import CurrentUser, OptionalUser
from velox.db import Reader, Session, col, select

from app.articles.bodies import ArticleBody, ArticleChangesBody, ArticlesBody, NewArticleBody, TagsBody
from app.articles.models import Article, Favorite, Tag, now
from app.articles.queries import article_for, articles_for
from app.errors import forbidden, missing, taken
from app.users.models import Follow, User

articles = Blueprint("articles", url_prefix="/api")

Offset = Annotated[int, Field(ge=0)]
Limit = Annotated[int, Field(ge=1, le=1000)]


@articles.get("/articles")
async def list_articles(
    user: OptionalUser[User],
    db: Reader,
    tag: str | None = None,
    author: str | None = None,
    favorited: str | None = None,
    offset: Offset = 0,
    limit: Limit = 20,
) -> ArticlesBody:
    conditions = []
    if tag is not None:
        conditions.append(col(Article.id).in_(select(Tag.article_id).where(Tag.name == tag)))
    if author is not None:
        conditions.append(col(Article.author_id).in_(select(User.id).where(User.username == author)))
    if favorited is not None:
        fans = select(Favorite.article_id).join(User, col(User.id) == Favorite.user_id)
        conditions.append(col(Article.id).in_(fans.where(User.username == favorited)))
    return await articles_for(user, db, *conditions, offset=offset, limit=limit)


@articles.get("/articles/feed")
async def feed(user: CurrentUser[User], db: Reader, offset: Offset = 0, limit: Limit = 20) -> ArticlesBody:
    followed = select(Follow.author_id).where(Follow.follower_id == user.stored_id)
    return await articles_for(user, db, col(Article.author_id).in_(followed), offset=offset, limit=limit)


@articles.get("/articles/<slug>")
async def read_article(slug: str, user: OptionalUser[User], db: Reader) -> ArticleBody:
    return await article_for(user, slug, db)


@articles.post("/articles", status=201)
async def write_article(body: NewArticleBody, user: CurrentUser[User], db: Session) -> ArticleBody:
    new = body.article
    article = Article(slug=slug_of(new.title), author_id=user.stored_id, **new.model_dump(exclude={"tag_list"}))
    article.tags = tags_of(new.tag_list)
    await db.add(article, conflict=taken("title"))
    return await article_for(user, article.slug, db)


@articles.put("/articles/<slug>")
async def change_article(body: ArticleChangesBody, slug: str, user: CurrentUser[User], db: Session) -> ArticleBody:
    article = await own_article(slug, user, db)
    changes = body.article.model_dump(exclude_unset=True, by_alias=False)
    tags = changes.pop("tag_list", None)
    if tags is not None:
        article.tags = []
        await db.add(article)  # what is away can come again, in another place
        article.tags = tags_of(tags)
    if "title" in changes:
        article.slug = slug_of(changes["title"])
    article.sqlmodel_update({**changes, "updated_at": now()})
    await db.add(article, conflict=taken("title"))
    return await article_for(user, article.slug, db)


@articles.delete("/articles/<slug>", status=204)
async def delete_article(slug: str, user: CurrentUser[User], db: Session) -> None:
    await db.delete(await own_article(slug, user, db))


@articles.post("/articles/<slug>/favorite")
async def favor(slug: str, user: CurrentUser[User], db: Session) -> ArticleBody:
    article = await db.one(select(Article).where(Article.slug == slug), missing=missing("article"))
    mine = Favorite(user_id=user.stored_id, article_id=article.stored_id)
    await db.upsert([mine], on=["user_id", "article_id"], update=[])
    return await article_for(user, slug, db)


@articles.delete("/articles/<slug>/favorite")
async def disfavor(slug: str, user: CurrentUser[User], db: Session) -> ArticleBody:
    article = await db.one(select(Article).where(Article.slug == slug), missing=missing("article"))
    mine = await db.get(Favorite, (user.stored_id, article.stored_id))
    if mine is not None:
        await db.delete(mine)
    return await article_for(user, slug, db)


@articles.get("/tags")
async def list_tags(db: Reader) -> TagsBody:
    return TagsBody(tags=list(await db.exec(select(Tag.name).distinct().order_by(Tag.name))))


async def own_article(slug: str, user: User, db: Session) -> Article:
    statement = select(Article).where(Article.slug == slug)
    article = await db.one(statement, missing=missing("article"))
    if article.author_id != user.id:
        raise forbidden("article")
    return article


def slug_of(title: str) -> str:
    """ "How to fly" is how-to-fly; a title without a letter or digit still has to have an address."""
    plain = unicodedata.normalize("NFKC", title).lower()
    return re.sub(r"[\W_]+", "-", plain).strip("-") or "article"


def tags_of(names: list[str]) -> list[Tag]:
    return [Tag(name=name, place=place) for place, name in enumerate(dict.fromkeys(names))]
