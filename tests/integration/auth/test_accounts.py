"""Accounts: registering, passwords and letters, without telling anybody who has one."""

from __future__ import annotations

import pytest

from tests.integration.auth.people import PASSWORD, Person, bearer, login, make_app, register
from tests.integration.redis_server import PrivateRedis
from velox.auth import Accounts, Letter, Lock
from velox.auth.lock import lock_of
from velox.db import select
from velox.testing import TestClient

ADA = "ada@example.org"
NEW = "another horse battery"


async def settled(client: TestClient) -> None:
    """Letters are sent in the background."""
    await lock_of(client.app).delivery.stop()


async def test_who_registers_has_an_account_with_a_digest(client: TestClient) -> None:
    await register(client, "Ada@Example.org", name="Ada")
    async with client.app.database.reader() as db:
        row = (await db.exec(select(Person))).one()
    assert (row.email, row.name, row.roles, row.is_active, row.verified_at) == (ADA, "Ada", [], True, None)
    assert row.password_digest.startswith("$argon2id$")


@pytest.mark.parametrize("fault", ["stopped", "paused"])
async def test_nobody_signs_in_while_attempts_cannot_be_counted(
    accounts: Accounts, own_redis: PrivateRedis, fault: str
) -> None:
    """Also with the right password; what is not limited goes on."""
    app = make_app(accounts, redis_url=own_redis.url)
    async with TestClient(app) as client:
        await register(client)
        tokens = await login(client)
        if fault == "paused":
            own_redis.command("CLIENT", "PAUSE", "60000", "ALL")
        else:
            own_redis.stop()
        body = {"email": ADA, "password": PASSWORD}
        answers = [await client.post("/auth/login", json=body) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [503] * 5
        assert answers[0].headers["retry-after"] == "1"
        assert (await client.get("/hello", headers=bearer(tokens))).json() == ADA
        assert app.redis is not None
        assert not app.redis.is_up


async def test_a_taken_address_gets_the_same_answer_and_its_owner_a_letter(
    client: TestClient, letters: list[Letter]
) -> None:
    first = await client.post("/auth/register", json={"email": ADA, "password": PASSWORD})
    again = await client.post("/auth/register", json={"email": ADA.upper(), "password": NEW})
    assert (again.status_code, again.content) == (first.status_code, first.content)
    await settled(client)
    assert [(letter.kind, letter.account.email) for letter in letters] == [("verify", ADA), ("taken", ADA)]
    assert (await client.post("/auth/login", json={"email": ADA, "password": NEW})).status_code == 401


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"email": ADA, "password": "short"}, "/password"),
        ({"email": ADA, "password": "x" * 257}, "/password"),
        ({"email": "ada", "password": PASSWORD}, "/email"),
        ({"email": "a\x00da@example.org", "password": PASSWORD}, "/email"),
        ({"email": ADA, "password": PASSWORD, "roles": ["admin"]}, "/roles"),
        ({"email": ADA, "password": PASSWORD, "is_active": True}, "/is_active"),
        ({"email": ADA, "password": PASSWORD, "password_digest": "x"}, "/password_digest"),
    ],
)
async def test_what_does_not_register(client: TestClient, body: dict[str, object], pointer: str) -> None:
    refused = await client.post("/auth/register", json=body)
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]


async def test_a_wrong_password_and_a_wrong_address_are_one_answer(client: TestClient) -> None:
    await register(client)
    wrong = [
        await client.post("/auth/login", json={"email": email, "password": NEW})
        for email in (ADA, "nobody@example.org")
    ]
    shown = [{**answer.json(), "request_id": ""} for answer in wrong]
    assert [answer.status_code for answer in wrong] == [401, 401]
    assert shown[0] == shown[1]


async def test_a_new_password_ends_every_other_sign_in(client: TestClient, ada: dict[str, str]) -> None:
    other = await login(client)
    body = {"password": PASSWORD, "new_password": NEW}
    assert (await client.post("/auth/password", json=body, headers=bearer(ada))).status_code == 204
    assert (await client.get("/auth/me", headers=bearer(ada))).status_code == 200
    assert (await client.get("/auth/me", headers=bearer(other))).status_code == 401
    assert (await client.post("/auth/refresh", json={"refresh_token": other["refresh_token"]})).status_code == 401
    await login(client, password=NEW)


async def test_a_new_password_wants_the_old_one(client: TestClient, ada: dict[str, str]) -> None:
    body = {"password": "wrong horse battery", "new_password": NEW}
    assert (await client.post("/auth/password", json=body, headers=bearer(ada))).status_code == 401
    await login(client)


async def test_a_forgotten_password_is_set_with_a_letter_once(
    client: TestClient, ada: dict[str, str], letters: list[Letter]
) -> None:
    assert (await client.post("/auth/password/forgot", json={"email": ADA})).status_code == 202
    await settled(client)
    body = {"token": letters[-1].token, "password": NEW}
    assert (await client.post("/auth/password/reset", json=body)).status_code == 204
    assert (await client.post("/auth/password/reset", json=body)).status_code == 403
    assert (await client.get("/auth/me", headers=bearer(ada))).status_code == 401
    await login(client, password=NEW)


async def test_nobody_learns_from_a_forgotten_password_who_has_an_account(
    client: TestClient, letters: list[Letter]
) -> None:
    answer = await client.post("/auth/password/forgot", json={"email": "nobody@example.org"})
    await settled(client)
    assert (answer.status_code, letters) == (202, [])


async def test_the_token_of_one_letter_is_none_for_another(client: TestClient, letters: list[Letter]) -> None:
    await register(client)
    await settled(client)
    body = {"token": letters[0].token, "password": NEW}
    assert (await client.post("/auth/password/reset", json=body)).status_code == 403
    assert (await client.post("/auth/verify", json={"token": letters[0].token})).status_code == 204
    tokens = await login(client)
    assert (await client.get("/auth/me", headers=bearer(tokens))).json()["verified_at"] is not None


async def test_a_letter_that_cannot_be_sent_changes_no_answer(
    accounts: Accounts, caplog: pytest.LogCaptureFixture
) -> None:
    @accounts.deliver
    async def fail(letter: Letter) -> None:
        raise OSError("no mail server")

    async with TestClient(make_app(accounts)) as client:
        await register(client)
    assert "no mail server" in caplog.text
    assert "eyJ" not in caplog.text


@pytest.mark.parametrize(("env", "is_shown"), [("dev", True), ("test", False)])
async def test_only_development_logs_tokens(env: str, is_shown: bool, caplog: pytest.LogCaptureFixture) -> None:
    async with TestClient(make_app(Accounts(Person), env=env)) as client:
        await register(client)
    assert ("token eyJ" in caplog.text) is is_shown


async def test_an_account_that_is_switched_off_gets_in_nowhere(client: TestClient, ada: dict[str, str]) -> None:
    key = (await client.post("/auth/keys", json={"name": "k"}, headers=bearer(ada))).json()["key"]
    lock = lock_of(client.app)
    account = await lock.find(ADA)
    assert account is not None
    await lock.change(account, is_active=False)
    assert (await client.get("/auth/me", headers=bearer(ada))).status_code == 401
    assert (await client.get("/auth/me", headers={"x-api-key": key})).status_code == 401
    assert (await client.post("/auth/login", json={"email": ADA, "password": PASSWORD})).status_code == 401
    assert (await client.post("/auth/password/forgot", json={"email": ADA})).status_code == 202


async def test_trying_passwords_is_limited_by_address() -> None:
    """By all ways of trying together; whoever has a token is not concerned."""
    async with TestClient(make_app(Accounts(Person, limit="4/day"))) as client:
        await register(client)
        tokens = await login(client)
        wrong = {"email": ADA, "password": NEW}
        answers = [await client.post("/auth/login", json=wrong) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [401, 401]
        for path in ("/auth/login", "/auth/session"):
            refused = await client.post(path, json={"email": ADA, "password": PASSWORD})
            assert (refused.status_code, "retry-after" in refused.headers) == (429, True)
        assert (await client.get("/auth/me", headers=bearer(tokens))).status_code == 200


async def test_two_registrations_at_once_make_one_account(client: TestClient) -> None:
    import asyncio

    await asyncio.gather(*(register(client) for _ in range(8)))
    async with client.app.database.reader() as db:
        assert len((await db.exec(select(Person))).all()) == 1


async def test_routes_and_the_scheme_may_be_the_projects_own() -> None:
    app = make_app(Accounts(Person, url_prefix=None, scheme="Token"))

    @app.post("/people", status=201)
    async def join(lock: Lock) -> str:
        return lock.tokens(*await lock.sign_ins.begin(await lock.create("eve@example.org", PASSWORD))).access_token

    async with TestClient(app) as client:
        token = (await client.post("/people")).json()
        assert (await client.get("/inner/", headers={"authorization": f"Token {token}"})).status_code == 200
        for headers in ({"authorization": f"Bearer {token}"}, {}):
            refused = await client.get("/inner/", headers=headers)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"].startswith("Token ")
        assert (await client.post("/people")).status_code == 409
        assert (await client.post("/auth/login", json={})).status_code == 404
        schemes = (await client.get("/openapi.json")).json()["components"]["securitySchemes"]
    assert schemes["bearer"]["name"] == "Authorization"
