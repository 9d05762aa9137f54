"""A resource over HTTP: what each action answers, and what none lets through."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import pytest
from sqlalchemy import Engine, event

from tests.integration.resources.shelf import ShelfAuthor, ShelfBook
from velox import BadRequest, Forbidden, Header, Velox
from velox.db import Session, select
from velox.resources import Action, Resource
from velox.testing import TestClient

Make = Callable[..., Velox]
BOOK = {"title": "The Dispossessed", "price": 3.5}
REFUSED: list[tuple[Any, int, Any]] = [
    ({"create": [{"title": "a"}, {"title": ""}]}, 422, [("/create/1/title", "string_too_short")]),
    ({"update": [{"id": 9}], "delete": [8]}, 404, [("/update/0/id", "not_found"), ("/delete/0", "not_found")]),
    ({"update": [{"id": 1}], "delete": [1]}, 422, [("/delete/0", "repeated")]),
    ({"update": [{"pages": 1}]}, 422, [("/update/0/id", "missing")]),
    ({"delete": list(range(101))}, 422, [("/delete", "too_long")]),
]
"""What a bulk request asks for, and what is wrong with it."""


def shop(make_app: Make, **options: Any) -> Velox:
    app = make_app(create_tables=True)
    app.resource(ShelfAuthor, "/authors", expand=["books"])
    app.blueprint(Resource(ShelfBook, "/books", **{"expand": ["author"], "searchable": ["title"], **options}))
    return app


@pytest.fixture
async def client(make_app: Make) -> AsyncIterator[TestClient]:
    async with TestClient(shop(make_app)) as client:
        yield client


def errors(answer: Any) -> list[tuple[str, str]]:
    found = answer.json()["errors"]
    return [(error.get("pointer", error.get("parameter")), error["code"]) for error in found]


class TestOneRow:
    async def test_created_where_location_says(self, client: TestClient) -> None:
        """201, Location, and the same representation and tag there."""
        made = await client.post("/books/", json=BOOK)
        assert made.status_code == 201
        read = await client.get(made.headers["location"])
        assert read.json() == made.json()
        assert read.headers["etag"] == made.headers["etag"]
        assert "cost" not in made.json()

    async def test_no_mass_assignment(self, client: TestClient) -> None:
        """What the server sets, and what is no field, is a 422 naming it."""
        await client.post("/books/", json=BOOK)
        for method, path in (("POST", "/books/"), ("PUT", "/books/1"), ("PATCH", "/books/1")):
            for name in ("id", "version", "created_at", "updated_at", "deleted_at", "cost", "owner", "x"):
                refused = await client.request(method, path, json={**BOOK, name: 1})
                assert refused.status_code == 422
                assert errors(refused) == [(f"/{name}", "extra_forbidden")]

    async def test_replace_forgets_and_patch_keeps(self, client: TestClient) -> None:
        """PUT gives what it leaves out its default, PATCH lets it be."""
        await client.post("/books/", json={**BOOK, "pages": 300})
        patched = await client.patch("/books/1", json={"title": "B"})
        assert (patched.json()["pages"], patched.json()["price"]) == (300, 3.5)
        replaced = await client.put("/books/1", json={"title": "C"})
        assert (replaced.json()["pages"], replaced.json()["price"]) == (1, None)

    async def test_soft_deleted_is_gone(self, client: TestClient) -> None:
        """A marked row is found by no action."""
        await client.post("/books/", json=BOOK)
        assert (await client.delete("/books/1")).status_code == 204
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            assert (await client.request(method, "/books/1", json=BOOK)).status_code == 404
        assert (await client.get("/books/")).json()["items"] == []
        assert (await client.post("/books/bulk", json={"delete": [1]})).status_code == 404
        assert len((await client.get("/books/export.jsonl")).text.splitlines()) == 0

    async def test_a_key_too_large_is_refused(self, client: TestClient) -> None:
        assert errors(await client.get(f"/books/{2**70}")) == [("path.id", "less_than_equal")]


class TestPreconditions:
    @pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
    async def test_if_match(self, client: TestClient, method: str) -> None:
        """Another version than the client's is a 412 and stays; its own is written."""
        tag = (await client.post("/books/", json=BOOK)).headers["etag"]
        newer = await client.patch("/books/1", json={"pages": 2})
        refused = await client.request(method, "/books/1", json=BOOK, headers={"If-Match": tag})
        assert refused.status_code == 412
        assert (await client.get("/books/1")).json() == newer.json()
        held = {"If-Match": f'"other", {newer.headers["etag"]}'}
        assert (await client.request(method, "/books/1", json=BOOK, headers=held)).is_success

    async def test_if_unmodified_since(self, client: TestClient) -> None:
        modified = (await client.post("/books/", json=BOOK)).headers["last-modified"]
        early = {"If-Unmodified-Since": "Mon, 01 Jan 2024 00:00:00 GMT"}
        assert (await client.patch("/books/1", json={}, headers=early)).status_code == 412
        assert (await client.patch("/books/1", json={}, headers={"If-Unmodified-Since": modified})).is_success

    async def test_not_modified(self, client: TestClient) -> None:
        """GET with the tag of what it would answer is a 304 without a body; fields have a tag of their own."""
        tag = (await client.post("/books/", json=BOOK)).headers["etag"]
        known = await client.get("/books/1", headers={"If-None-Match": tag})
        assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", tag)
        assert (await client.get("/books/1?fields=id", headers={"If-None-Match": tag})).json() == {"id": 1}

    async def test_required(self, make_app: Make) -> None:
        """With ``require_if_match``, writing blindly is a 428."""
        async with TestClient(shop(make_app, require_if_match=True)) as client:
            tag = (await client.post("/books/", json=BOOK)).headers["etag"]
            assert (await client.patch("/books/1", json={})).status_code == 428
            assert (await client.delete("/books/1", headers={"If-Match": tag})).status_code == 204
            assert (await client.post("/books/bulk", json={})).status_code in {404, 405}

    async def test_no_update_is_lost(self, make_app: Make, tmp_path: Any) -> None:
        """Of many who change one version at once, one succeeds."""
        app = make_app(create_tables=True, database_url=f"sqlite:///{tmp_path}/books.db")
        app.resource(ShelfBook, "/books")
        async with TestClient(app) as client:
            tag = (await client.post("/books/", json=BOOK)).headers["etag"]
            writes = [client.patch("/books/1", json={"pages": n}, headers={"If-Match": tag}) for n in range(2, 8)]
            answers = await asyncio.gather(*writes)
            assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412, 412]


class TestBulk:
    async def test_all_at_once(self, client: TestClient) -> None:
        await client.post("/books/bulk", json={"create": [{"title": "a"}, {"title": "b"}]})
        answer = await client.post(
            "/books/bulk", json={"create": [{"title": "c"}], "update": [{"id": 1, "pages": 5}], "delete": [2]}
        )
        found = answer.json()
        assert ([row["title"] for row in found["created"]], found["updated"][0]["pages"], found["deleted"]) == (
            ["c"],
            5,
            1,
        )
        left = (await client.get("/books/")).json()["items"]
        assert [(row["title"], row["pages"]) for row in left] == [("a", 5), ("c", 1)]

    async def test_nothing_when_one_fails(self, client: TestClient) -> None:
        """A row that the database refuses undoes the others, and is pointed at."""
        await client.post("/authors/", json={"name": "Le Guin"})
        refused = await client.post("/authors/bulk", json={"create": [{"name": "Lem"}, {"name": "Le Guin"}]})
        assert refused.status_code == 409
        assert errors(refused) == [("/create/1/name", "unique")]
        assert (await client.get("/authors/")).json()["total"] == 1

    async def test_errors_point_at_items(self, client: TestClient) -> None:
        await client.post("/books/", json=BOOK)
        for body, status, expected in REFUSED:
            refused = await client.post("/books/bulk", json=body)
            assert (refused.status_code, errors(refused)) == (status, expected)

    async def test_no_way_around_a_guard(self, make_app: Make) -> None:
        """Who may not delete one may not delete many."""

        def nobody() -> bool:
            raise Forbidden

        async with TestClient(shop(make_app, rules={"delete": Action(guard=nobody)})) as client:
            await client.post("/books/", json=BOOK)
            assert (await client.delete("/books/1")).status_code == 403
            assert (await client.post("/books/bulk", json={"delete": [1]})).status_code == 403

    async def test_only_what_is_allowed_singly(self, make_app: Make) -> None:
        async with TestClient(shop(make_app, actions=["list", "create", "bulk"])) as client:
            refused = await client.post("/books/bulk", json={"create": [BOOK], "delete": [1]})
            assert errors(refused) == [("/delete", "extra_forbidden")]


class TestOwnRows:
    async def test_others_are_not_there(self, make_app: Make) -> None:
        """``rows`` narrows every action, and ``values`` says whose a new row is; both ask for what handlers ask for."""

        def mine(x_user: Annotated[str, Header()]) -> Any:
            return ShelfBook.owner == x_user

        def owner(x_user: Annotated[str, Header()]) -> dict[str, Any]:
            return {"owner": x_user}

        ada, bob = {"X-User": "ada"}, {"X-User": "bob"}
        async with TestClient(shop(make_app, rows=mine, values=owner)) as client:
            await client.post("/books/", json=BOOK, headers=ada)
            assert (await client.get("/books/1", headers=ada)).json()["owner"] == "ada"
            for method in ("GET", "PUT", "PATCH", "DELETE"):
                assert (await client.request(method, "/books/1", json=BOOK, headers=bob)).status_code == 404
            assert (await client.post("/books/bulk", json={"delete": [1]}, headers=bob)).status_code == 404
            assert (await client.get("/books/", headers=bob)).json()["total"] == 0
            assert (await client.get("/books/export.jsonl", headers=bob)).text == ""
            assert (await client.get("/books/", headers=ada)).json()["total"] == 1


class TestHooks:
    async def test_in_the_transaction(self, make_app: Make) -> None:
        """Hooks see the row and the session, before and after; what one raises undoes the write."""
        app = make_app(create_tables=True)
        books = Resource(ShelfBook, "/books")
        seen: list[str] = []

        @books.before("create")
        async def price_it(book: ShelfBook, db: Session) -> None:
            book.cost = len((await db.exec(select(ShelfBook))).all()) + 40

        @books.after("create")
        def refuse(book: ShelfBook, db: Session) -> None:
            seen.append(f"created {book.id} {book.cost}")
            if book.title == "bad":
                raise BadRequest("no")

        @books.after("update")
        def count(book: ShelfBook, db: Session) -> None:
            book.owner = f"{book.pages} pages"

        @books.before("update")
        def note(book: ShelfBook, db: Session) -> None:
            seen.append(f"updating {book.pages}")

        @books.after("delete")
        def farewell(book: ShelfBook, db: Session) -> None:
            seen.append(f"deleted {book.id}")

        app.blueprint(books)
        async with TestClient(app) as client:
            await client.post("/books/", json=BOOK)
            assert (await client.post("/books/", json={"title": "bad"})).status_code == 400
            assert (await client.get("/books/")).json()["total"] == 1
            patched = await client.patch("/books/1", json={"pages": 7})
            assert patched.json()["owner"] == "7 pages"
            assert patched.headers["etag"] == (await client.get("/books/1")).headers["etag"]
            await client.post("/books/bulk", json={"delete": [1]})
        assert seen == ["created 1 40", "created 2 41", "updating 7", "deleted 1"]


class TestExport:
    async def test_csv(self, client: TestClient) -> None:
        """Every row that the filters leave; no cell begins a formula."""
        titles = ["=1+1", "+1", "-1+1", "@a", "\t=1", 'say "a, b"\nc', "plain"]
        await client.post("/books/bulk", json={"create": [{"title": title} for title in titles] + [{"title": "z"}]})
        answer = await client.get("/books/export.csv?title__lt=t")
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.headers["content-disposition"] == 'attachment; filename="books.csv"'
        rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
        assert [row["title"] for row in rows] == ["'=1+1", "'+1", "'-1+1", "'@a", "'\t=1", 'say "a, b"\nc', "plain"]
        assert rows[0]["price"] == ""
        assert "cost" not in rows[0]

    async def test_json_lines(self, client: TestClient) -> None:
        await client.post("/books/bulk", json={"create": [{"title": f"book {n}"} for n in range(30)]})
        lines = (await client.get("/books/export.jsonl?sort=-id")).text.splitlines()
        assert [json.loads(line)["id"] for line in lines] == list(range(30, 0, -1))


class TestRelations:
    async def test_statements_do_not_grow_with_rows(self, client: TestClient) -> None:
        """Expanding costs a statement for the relation, however many rows there are."""
        authors = [{"name": f"author {n}"} for n in range(20)]
        await client.post("/authors/bulk", json={"create": authors})
        books = [{"title": f"book {n}", "author_id": n % 20 + 1} for n in range(40)]
        await client.post("/books/bulk", json={"create": books})
        sent: list[str] = []

        def note(*args: Any) -> None:
            sent.append(args[2])

        event.listen(Engine, "before_cursor_execute", note)
        try:
            found = (await client.get("/books/?limit=100&expand=author")).json()["items"]
        finally:
            event.remove(Engine, "before_cursor_execute", note)
        assert [row["author"]["name"] for row in found] == [f"author {n % 20}" for n in range(40)]
        assert len(sent) == 2

    async def test_of_one_row(self, client: TestClient) -> None:
        """Many are a list, one is an object or null; a deleted one is left out."""
        await client.post("/authors/", json={"name": "Le Guin"})
        await client.post(
            "/books/bulk", json={"create": [{"title": "a", "author_id": 1}, {"title": "b", "author_id": 1}]}
        )
        await client.delete("/books/2")
        shown = (await client.get("/authors/1?expand=books&fields=name")).json()
        assert (shown["name"], [book["title"] for book in shown["books"]]) == ("Le Guin", ["a"])
        assert errors(await client.get("/authors/1?expand=secrets")) == [("query.expand.0", "literal_error")]


def test_the_document_says_it(make_app: Make) -> None:
    """Filters, orders, problems and media types are in the OpenAPI document."""
    paths = shop(make_app, require_if_match=True).openapi()["paths"]
    listed = {each["name"]: each["schema"] for each in paths["/books/"]["get"]["parameters"]}
    assert {"title__prefix", "price__ge", "author_id__in", "q", "cursor", "fields", "expand"} <= listed.keys()
    assert "-price" in listed["sort"]["enum"]
    assert not {"pages", "cost", "deleted_at"} & listed.keys()
    assert {"404", "409", "412", "422", "428"} <= paths["/books/{id}"]["patch"]["responses"].keys()
    assert list(paths["/books/export.csv"]["get"]["responses"]["200"]["content"]) == ["text/csv"]
