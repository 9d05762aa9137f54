import re
from typing import Any

from velox.testing import TestClient

from tests.conftest import Join, Person

TRAIN = {
    "title": "How to train your dragon",
    "description": "Ever wonder how?",
    "body": "You have to believe",
    "tagList": ["reactjs", "angularjs", "dragons"],
}
SLUG = "how-to-train-your-dragon"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z")


async def write(person: Person, **more: Any) -> Any:
    written = await person("POST", "/articles", {"article": {**TRAIN, **more}})
    assert written.status_code == 201, written.text
    return written.json()["article"]


def titles(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [article["title"] for article in answer.json()["articles"]]


async def test_at_first_there_is_nothing(client: TestClient) -> None:
    assert (await client.get("/api/articles")).json() == {"articles": [], "articlesCount": 0}
    assert (await client.get("/api/tags")).json() == {"tags": []}


async def test_an_article_is_what_its_author_wrote(client: TestClient, join: Join) -> None:
    article = await write(await join("ada"))
    assert article.items() >= {**TRAIN, "slug": SLUG, "favorited": False, "favoritesCount": 0}.items()
    assert article["author"] == {"username": "ada", "bio": None, "image": None, "following": False}
    assert MOMENT.fullmatch(article["createdAt"])
    assert MOMENT.fullmatch(article["updatedAt"])
    assert (await client.get(f"/api/articles/{SLUG}")).json() == {"article": article}
    assert (await client.get("/api/tags")).json() == {"tags": sorted(TRAIN["tagList"])}


async def test_a_list_is_newest_first_without_texts_and_counts_all(client: TestClient, join: Join) -> None:
    ada = await join("ada")
    for number in range(3):
        await write(ada, title=f"Part {number}")
    listed = await client.get("/api/articles?limit=2")
    assert titles(listed) == ["Part 2", "Part 1"]
    assert listed.json()["articlesCount"] == 3
    assert "body" not in listed.json()["articles"][0]
    assert titles(await client.get("/api/articles?limit=2&offset=2")) == ["Part 0"]
    assert (await client.get("/api/articles?limit=0")).json() == {"errors": {"limit": ["is invalid"]}}


async def test_lists_are_filtered(client: TestClient, join: Join) -> None:
    ada, bob = await join("ada"), await join("bob")
    await write(ada, title="Ada's", tagList=["engines"])
    await write(bob, title="Bob's", tagList=["builders"])
    await ada("POST", "/articles/bob-s/favorite")
    assert titles(await client.get("/api/articles?tag=engines")) == ["Ada's"]
    assert titles(await client.get("/api/articles?author=bob")) == ["Bob's"]
    assert titles(await client.get("/api/articles?favorited=ada")) == ["Bob's"]
    assert titles(await client.get("/api/articles?favorited=bob")) == []


async def test_a_feed_has_whom_the_reader_follows(join: Join) -> None:
    ada, bob = await join("ada"), await join("bob")
    await write(ada, title="Ada's")
    await write(bob, title="Bob's")
    assert titles(await ada("GET", "/articles/feed")) == []
    await ada("POST", "/profiles/bob/follow")
    fed = await ada("GET", "/articles/feed")
    assert titles(fed) == ["Bob's"]
    assert fed.json()["articles"][0]["author"]["following"] is True
    assert fed.json()["articlesCount"] == 1


async def test_favorites_are_counted_once_a_reader(client: TestClient, join: Join) -> None:
    ada, bob = await join("ada"), await join("bob")
    await write(ada)
    for person in (ada, bob, bob):
        favored = (await person("POST", f"/articles/{SLUG}/favorite")).json()["article"]
    assert (favored["favorited"], favored["favoritesCount"]) == (True, 2)
    assert (await client.get(f"/api/articles/{SLUG}")).json()["article"]["favorited"] is False
    for _ in range(2):
        disfavored = (await bob("DELETE", f"/articles/{SLUG}/favorite")).json()["article"]
    assert (disfavored["favorited"], disfavored["favoritesCount"]) == (False, 1)


async def test_an_author_changes_and_deletes_an_article(client: TestClient, join: Join) -> None:
    ada = await join("ada")
    before = await write(ada)
    url = f"/articles/{SLUG}"
    changed = (await ada("PUT", url, {"article": {"body": "With your hands"}})).json()["article"]
    assert changed == {**before, "body": "With your hands", "updatedAt": changed["updatedAt"]}
    assert changed["updatedAt"] > before["updatedAt"]
    tags = ["dragons", "toothless"]
    renamed = (await ada("PUT", url, {"article": {"title": "Another", "tagList": tags}})).json()["article"]
    assert (renamed["slug"], renamed["tagList"]) == ("another", tags)
    assert (await ada("DELETE", "/articles/another")).status_code == 204
    refused = await client.get("/api/articles/another")
    assert (refused.status_code, refused.json()) == (404, {"errors": {"article": ["not found"]}})


async def test_nobody_changes_what_others_wrote(client: TestClient, join: Join) -> None:
    ada, bob = await join("ada"), await join("bob")
    await write(ada)
    for method, body in (("PUT", {"article": {"title": "Mine"}}), ("DELETE", None)):
        refused = await bob(method, f"/articles/{SLUG}", body)
        assert (refused.status_code, refused.json()) == (403, {"errors": {"article": ["forbidden"]}})
    refused = await client.post("/api/articles", json={"article": TRAIN})
    assert (refused.status_code, refused.json()) == (401, {"errors": {"token": ["is missing"]}})


async def test_blank_and_taken_titles_are_refused(join: Join) -> None:
    ada = await join("ada")
    refused = await ada("POST", "/articles", {"article": {**TRAIN, "title": "", "body": ""}})
    blank = ["can't be blank"]
    assert (refused.status_code, refused.json()) == (422, {"errors": {"title": blank, "body": blank}})
    await write(ada)
    refused = await ada("POST", "/articles", {"article": TRAIN})
    assert (refused.status_code, refused.json()) == (409, {"errors": {"title": ["has already been taken"]}})


async def test_comments_come_and_go(client: TestClient, join: Join) -> None:
    ada, bob = await join("ada"), await join("bob")
    await write(ada)
    url = f"/articles/{SLUG}/comments"
    first = (await ada("POST", url, {"comment": {"body": "First"}})).json()["comment"]
    second = (await bob("POST", url, {"comment": {"body": "Second"}})).json()["comment"]
    assert MOMENT.fullmatch(first["createdAt"])
    await ada("POST", "/profiles/bob/follow")
    seen = (await ada("GET", url)).json()["comments"]
    assert [comment["id"] for comment in seen] == [second["id"], first["id"]]
    assert [comment["author"]["following"] for comment in seen] == [True, False]
    refused = await bob("DELETE", f"{url}/{first['id']}")
    assert (refused.status_code, refused.json()) == (403, {"errors": {"comment": ["forbidden"]}})
    assert (await ada("DELETE", f"{url}/{first['id']}")).status_code == 204
    refused = await ada("DELETE", f"{url}/{first['id']}")
    assert (refused.status_code, refused.json()) == (404, {"errors": {"comment": ["not found"]}})
    assert len((await client.get(f"/api{url}")).json()["comments"]) == 1
    refused = await ada("POST", "/articles/no-such/comments", {"comment": {"body": "Where?"}})
    assert (refused.status_code, refused.json()) == (404, {"errors": {"article": ["not found"]}})
