from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from app.profiles.bodies import Profile
from app.shapes import Moment, Text


class Camel(BaseModel):
    """``tagList`` on the wire is ``tag_list`` here."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True)


class NewArticle(Camel):
    title: Text
    description: Text
    body: Text
    tag_list: list[Text] = []


class NewArticleBody(BaseModel):
    article: NewArticle


class ArticleChanges(Camel):
    """Only what is given changes."""

    title: Text = ""
    description: Text = ""
    body: Text = ""
    tag_list: list[Text] = []


class ArticleChangesBody(BaseModel):
    article: ArticleChanges


class ArticleSummary(Camel):
    """An article as lists have it, without its text."""

    slug: str
    title: str
    description: str
    tag_list: list[str]
    created_at: Moment
    updated_at: Moment
    favorited: bool
    favorites_count: int
    author: Profile


class FullArticle(ArticleSummary):
    body: str


class ArticleBody(BaseModel):
    article: FullArticle


class ArticlesBody(Camel):
    articles: list[ArticleSummary]
    articles_count: int


class TagsBody(BaseModel):
    tags: list[str]
