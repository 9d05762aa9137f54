"""``idempotent=``: one effect and one answer, however often a request is sent and whatever dies in between."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.integration.auth.people import Person, login, make_app, register
from tests.integration.idempotency.shop import KEY, NewOrder, ShopOrder, make_shop, make_tables, send
from velox import Response, Settings, Velox
from velox.auth import Accounts, CurrentUser
from velox.db import Model, Session, Writer, select
from velox.errors import ConfigurationError
from velox.testing import TestClient

ROOT = Path(__file__).parents[3]


async def orders(app: Velox) -> int:
    async with app.database.reader() as db:
        return len((await db.exec(select(ShopOrder))).all())


async def run(app: Velox, statement: str) -> Any:
    async with app.database.session() as db:
        return await (await db.connection()).execute(text(statement))


async def test_the_second_time_the_first_answer_comes_back(url: str) -> None:
    """Status, header fields and body; and nothing is done."""
    app = make_shop(url)
    async with TestClient(app) as client:
        first, second = await send(client), await send(client)
        assert (first.status_code, first.headers.get("idempotent-replayed")) == (201, None)
        assert (second.status_code, second.headers["idempotent-replayed"]) == (201, "true")
        assert second.content == first.content
        assert second.headers["content-type"] == first.headers["content-type"]
        assert await orders(app) == 1


async def test_a_key_stands_for_one_request(url: str) -> None:
    """With another body or query it is a 422, and nothing is done; without a key nobody asks."""
    app = make_shop(url)
    async with TestClient(app) as client:
        await send(client)
        for other in (await send(client, "coffee"), await send(client, params={"gift": "1"})):
            assert other.status_code == 422
            assert other.json()["title"] == "This Idempotency-Key was used for another request"
        assert await orders(app) == 1
        assert (await client.post("/orders", json={"article": "tea"})).status_code == 201
        assert await orders(app) == 2


async def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    """400, with the field."""
    url = f"sqlite:///{tmp_path}/shop.db"
    await make_tables(url)
    async with TestClient(make_shop(url)) as client:
        refused = await client.post("/orders", json={"article": "tea"}, headers={"Idempotency-Key": "two words"})
        assert refused.status_code == 400
        assert refused.json()["errors"][0]["parameter"] == "header.idempotency-key"


async def test_fifty_at_once_have_one_effect(url: str) -> None:
    """The others are told to wait, or get the same answer."""
    app = make_shop(url)
    async with TestClient(app) as client:
        answers = await asyncio.gather(*(send(client) for _ in range(50)))
        assert {answer.status_code for answer in answers} <= {201, 409}
        assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
        assert await orders(app) == 1


async def test_while_the_first_is_answered_a_second_is_a_conflict(url: str) -> None:
    """409 with ``Retry-After``; then the key is as good as before."""
    started, go_on = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        started.set()
        await go_on.wait()

    app = make_shop(url, work)
    async with TestClient(app) as client:
        first = asyncio.create_task(send(client))
        await started.wait()
        if url.startswith("sqlite"):
            go_on.set()  # its writers take turns: the second waits, and is given the answer
            assert (await send(client)).headers["idempotent-replayed"] == "true"
        else:
            second = await send(client)
            assert (second.status_code, second.headers["retry-after"]) == (409, "1")
            go_on.set()
        assert (await first).status_code == 201
        assert (await send(client)).json() == (await first).json()
        assert await orders(app) == 1


@pytest.mark.parametrize(("article", "status"), [("taken", 409), ("broken", 503)])
async def test_what_was_refused_may_be_tried_again(url: str, article: str, status: int) -> None:
    """It has changed nothing, so nothing is kept."""
    app = make_shop(url)
    async with TestClient(app) as client:
        assert (await send(client, article)).status_code == status
        assert (await send(client, "tea")).status_code == 201
        assert await orders(app) == 1


async def test_a_request_that_is_cancelled_gives_its_key_back(url: str) -> None:
    """The client went away before the end."""
    started = asyncio.Event()

    async def work() -> None:
        if not started.is_set():
            started.set()
            await asyncio.Event().wait()

    app = make_shop(url, work)
    async with TestClient(app) as client:
        first = asyncio.create_task(send(client))
        await started.wait()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert (await send(client)).status_code == 201
        assert await orders(app) == 1


@pytest.mark.parametrize("url", ["postgresql", "mariadb"], indirect=True)
async def test_who_was_believed_dead_is_rolled_back(url: str) -> None:
    """Its lease ended, another request took the key: only that one has an effect. (On SQLite nobody can take a key from
    a handler that has written: there is one such transaction at a time.)
    """
    started, go_on, turns = asyncio.Event(), asyncio.Event(), 0

    async def work() -> None:
        nonlocal turns
        turns += 1
        if turns == 1:
            started.set()
            await go_on.wait()

    app = make_shop(url, work)
    async with TestClient(app) as client:
        first = asyncio.create_task(send(client))
        await started.wait()
        await run(app, "UPDATE velox_idempotency SET expires_at = 0")
        assert (await send(client)).status_code == 201
        go_on.set()
        assert (await first).status_code == 409
        assert await orders(app) == 1


@pytest.mark.parametrize(("point", "again"), [("before", 409), ("after", 201)])
async def test_a_killed_process_leaves_no_second_effect(tmp_path: Path, point: str, again: int) -> None:
    """Killed before its commit, its key is held until the lease ends; after it, the answer is there."""
    url = f"sqlite:///{tmp_path}/shop.db"
    await make_tables(url)
    code = [sys.executable, "-m", "tests.integration.idempotency.shop", url, point]
    assert (await asyncio.to_thread(subprocess.run, code, cwd=ROOT, check=False)).returncode == -signal.SIGKILL
    app = make_shop(url)
    async with TestClient(app) as client:
        assert (await send(client)).status_code == again
        assert await orders(app) == (point == "after")
        if point == "before":
            await run(app, "UPDATE velox_idempotency SET expires_at = 0")
        assert (await send(client)).status_code == 201
        assert await orders(app) == 1


async def test_answers_are_pruned_when_their_time_is_over(url: str) -> None:
    """The key is new then."""
    async with TestClient(make_shop(url)) as client:
        await send(client)
        await run(client.app, "UPDATE velox_idempotency SET expires_at = 1")
    app = make_shop(url)
    async with TestClient(app) as client:
        await client.post("/orders", json={"article": "tea"}, headers={"Idempotency-Key": "another"})
        assert (await run(app, "SELECT COUNT(*) FROM velox_idempotency")).scalar() == 1
        assert "idempotent-replayed" not in (await send(client)).headers


async def test_a_key_is_its_user_s_own() -> None:
    """Two users may choose the same."""
    app = make_app(Accounts(Person))

    @app.post("/notes", status=201, idempotent=True)
    async def note(body: NewOrder, user: CurrentUser[Person], db: Session) -> str:
        return f"{user.email}: {body.article}"

    async with TestClient(app) as client:
        for email in ("ada@example.org", "bob@example.org"):
            await register(client, email=email)
            tokens = await login(client, email=email)
            headers = {**KEY, "Authorization": f"Bearer {tokens['access_token']}"}
            answer = await client.post("/notes", json={"article": "hello"}, headers=headers)
            assert answer.json() == f"{email}: hello"


async def test_a_response_of_the_handler_s_own_comes_back_whole(tmp_path: Path) -> None:
    """Header fields that it set, also several of one name; where a key is required, it has to be there."""
    url = f"sqlite:///{tmp_path}/shop.db"
    await make_tables(url)
    app = Velox("shop", Settings(env="test", database_url=url, create_tables=False))

    @app.post("/pay", idempotent="required")
    async def pay(db: Session) -> Response:
        response = Response("paid", 202, {"Location": "/payments/1"}, "text/plain")
        response.headers.add("Link", "</a>")
        response.headers.add("Link", "</b>")
        return response

    async with TestClient(app) as client:
        missing = await client.post("/pay")
        assert (missing.status_code, missing.json()["title"]) == (400, "Idempotency-Key is missing")
        first, second = [await client.post("/pay", headers=KEY) for _ in range(2)]
        assert (second.status_code, second.text, second.headers["location"]) == (202, "paid", "/payments/1")
        assert second.headers.get_list("link") == first.headers.get_list("link") == ["</a>", "</b>"]
        assert second.headers["idempotent-replayed"] == "true"


async def test_the_document_says_so() -> None:
    """The parameter, the problems and the field of a replay."""
    document = make_shop("sqlite://").openapi()
    operation = document["paths"]["/orders"]["post"]
    (key,) = [each for each in operation["parameters"] if each["name"] == "Idempotency-Key"]
    assert (key["in"], key["required"]) == ("header", False)
    assert {"400", "409", "422"} <= operation["responses"].keys()
    assert operation["responses"]["422"]["description"].startswith("Validation failed; or: This Idempotency-Key")
    assert "Idempotent-Replayed" in operation["responses"]["201"]["headers"]


async def test_the_app_does_not_start_without_the_table(tmp_path: Path) -> None:
    """VX706 says how to make it."""
    with pytest.raises(ConfigurationError, match="VX706"):
        async with TestClient(make_shop(f"sqlite:///{tmp_path}/empty.db")):
            raise AssertionError("it has started")


async def no_session(body: NewOrder) -> None: ...


async def own_commits(body: NewOrder, db: Writer) -> None: ...


async def commits_beside(body: NewOrder, db: Session, writer: Writer) -> None: ...


async def reads(db: Session) -> None: ...


@pytest.mark.parametrize(
    ("handler", "options", "code"),
    [
        (no_session, {"methods": ["POST"], "idempotent": True}, "VX705"),
        (own_commits, {"methods": ["POST"], "idempotent": True}, "VX705"),
        (commits_beside, {"methods": ["POST"], "idempotent": True}, "VX705.*Writer, which commits by itself"),
        (reads, {"methods": ["GET"], "idempotent": True}, "VX211"),
        (reads, {"methods": ["POST"], "idempotent": "yes"}, "VX211"),
    ],
)
def test_a_route_that_cannot_keep_its_promise_is_a_mistake(handler: Any, options: Any, code: str) -> None:
    """Found when the app is compiled."""
    app = Velox("shop", Settings(env="test", database_url="sqlite://"))
    app.add_route(handler, "/x", **options)
    with pytest.raises(ConfigurationError, match=code):
        app.compile()


def test_migrations_know_the_table() -> None:
    """It is there as soon as a route is declared."""
    make_shop("sqlite://")
    assert "velox_idempotency" in Model.metadata.tables
