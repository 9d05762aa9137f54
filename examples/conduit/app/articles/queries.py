"""Articles as one reader sees them: as many statements for a long list as for a short one."""

from typing import Any

from velox.db import Reader, Session, col, func, select

from app.articles.bodies import ArticleBody, ArticlesBody, ArticleSummary, FullArticle
from app.articles.models import Article, Favorite
from app.errors import missing
from app.profiles.bodies import Profile
from app.users.models import Follow, User


async def article_for(reader: User | None, slug: str, db: Reader | Session) -> ArticleBody:
    row = await db.one(seen_by(reader).where(Article.slug == slug), missing=missing("article"))
    return ArticleBody(article=FullArticle(**members(*row), body=row[0].body))


async def articles_for(reader: User | None, db: Reader, *conditions: Any, offset: int, limit: int) -> ArticlesBody:
    newest = seen_by(reader).where(*conditions).order_by(col(Article.id).desc()).offset(offset).limit(limit)
    rows = await db.exec(newest)
    total = await db.one(select(func.count()).select_from(Article).where(*conditions))
    return ArticlesBody(articles=[ArticleSummary(**members(*row)) for row in rows], articles_count=total)


def seen_by(reader: User | None) -> Any:
    """Articles with their author, how many favour them, whether ``reader`` does, and whether it follows the author."""
    me = reader.stored_id if reader is not None else None
    favors = select(func.count()).where(Favorite.article_id == Article.id)
    follows = select(func.count()).where(Follow.author_id == Article.author_id, Follow.follower_id == me)
    return (
        select(Article, User)
        .join(User, col(User.id) == Article.author_id)
        .add_columns(
            favors.scalar_subquery(),
            favors.where(Favorite.user_id == me).scalar_subquery(),
            follows.scalar_subquery(),
        )
    )


def members(article: Article, author: User, favorites: int, mine: int, follows: int) -> dict[str, Any]:
    return {
        **article.model_dump(exclude={"body"}),
        "tag_list": [tag.name for tag in article.tags],
        "favorited": bool(mine),
        "favorites_count": favorites,
        "author": Profile.of(author, following=bool(follows)),
    }
