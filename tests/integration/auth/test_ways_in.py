"""The three ways in: access tokens and their refreshing, a browser's session, API keys; and what guards ask for."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.conftest import SECRET_KEY
from tests.integration.auth.people import PASSWORD, Person, bearer, login, make_app, register
from velox import ConfigurationError, Settings, Velox
from velox.auth import Accounts, ApiKey, SignIn, signed_in
from velox.auth.lock import lock_of
from velox.db import select
from velox.testing import TestClient

ADA = {"email": "ada@example.org", "password": PASSWORD}


async def new_key(client: TestClient, tokens: dict[str, str], *scopes: str, **more: Any) -> dict[str, str]:
    body = {"name": "k", "scopes": list(scopes), **more}
    answer = await client.post("/auth/keys", json=body, headers=bearer(tokens))
    assert answer.status_code == 201
    return {"x-api-key": answer.json()["key"]}


class TestBearer:
    @pytest.mark.parametrize("value", ["Bearer", "Bearer ", "Bearer x.y.z", "Basic YTpi", "Bearer vx_a_b", "é"])
    async def test_credentials_that_are_no_good_are_a_401_even_where_nobody_is_needed(
        self, client: TestClient, value: str
    ) -> None:
        answer = await client.get("/hello", headers={b"authorization": value.encode()})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'

    async def test_nobody_is_nobody(self, client: TestClient, ada: dict[str, str]) -> None:
        assert (await client.get("/hello")).json() == "nobody"
        assert (await client.get("/hello", headers=bearer(ada))).json() == "ada@example.org"
        refused = await client.get("/auth/me")
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Bearer realm="lock"')

    async def test_a_refresh_token_is_good_once(self, client: TestClient, ada: dict[str, str]) -> None:
        """Whoever uses one again, owner or thief, ends the sign-in for both."""
        used = {"refresh_token": ada["refresh_token"]}
        fresh = (await client.post("/auth/refresh", json=used)).json()
        assert (await client.get("/auth/me", headers=bearer(fresh))).status_code == 200
        assert (await client.post("/auth/refresh", json=used)).status_code == 401
        assert (await client.post("/auth/refresh", json={"refresh_token": fresh["refresh_token"]})).status_code == 401
        assert (await client.get("/auth/me", headers=bearer(fresh))).status_code == 401

    async def test_of_many_refreshes_at_once_one_is_good(self, client: TestClient, ada: dict[str, str]) -> None:
        used = {"refresh_token": ada["refresh_token"]}
        answers = await asyncio.gather(*(client.post("/auth/refresh", json=used) for _ in range(8)))
        assert sorted(answer.status_code for answer in answers) == [200] + [401] * 7

    @pytest.mark.parametrize("token", ["", ".", "x.y", "." * 200])
    async def test_what_is_no_refresh_token(self, client: TestClient, token: str) -> None:
        assert (await client.post("/auth/refresh", json={"refresh_token": token})).status_code == 401

    async def test_leaving_works_at_once(self, client: TestClient, ada: dict[str, str]) -> None:
        other = await login(client)
        assert (await client.post("/auth/logout", headers=bearer(ada))).status_code == 204
        assert (await client.get("/auth/me", headers=bearer(ada))).status_code == 401
        assert (await client.post("/auth/refresh", json={"refresh_token": ada["refresh_token"]})).status_code == 401
        assert (await client.get("/auth/me", headers=bearer(other))).status_code == 200

    async def test_a_sign_in_runs_out(self, client: TestClient, ada: dict[str, str]) -> None:
        async with client.app.database.session() as db:
            (await db.exec(select(SignIn))).one().expires_at = datetime.now(UTC) - timedelta(seconds=1)
        assert (await client.get("/auth/me", headers=bearer(ada))).status_code == 401
        assert (await client.post("/auth/refresh", json={"refresh_token": ada["refresh_token"]})).status_code == 401

    async def test_neither_refresh_tokens_nor_keys_are_stored(self, client: TestClient, ada: dict[str, str]) -> None:
        key = await new_key(client, ada)
        async with client.app.database.reader() as db:
            stored = repr([(await db.exec(select(table))).all() for table in (SignIn, ApiKey)])
        assert ada["refresh_token"].partition(".")[2] not in stored
        assert key["x-api-key"].rpartition("_")[2] not in stored

    async def test_a_new_secret_key_keeps_sign_ins_as_long_as_the_old_one_is_named(self, accounts: Accounts) -> None:
        async with TestClient(make_app(accounts, secret_key="a" * 40)) as client:
            await register(client)
            token = bearer(await login(client))["authorization"].removeprefix("Bearer ")
        rotated = make_app(accounts, secret_key="b" * 40, previous_secret_keys=("a" * 40,))
        assert lock_of(rotated).signer.read("access", token)["sub"] == "1"


class TestCookie:
    async def test_a_browser_is_signed_in_with_a_cookie_that_no_script_reads(self, client: TestClient) -> None:
        await register(client)
        answer = await client.post("/auth/session", json=ADA)
        assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(answer.headers["set-cookie"].split("; "))
        assert (await client.get("/auth/me")).json()["email"] == ADA["email"]

    async def test_production_sends_it_over_tls_only(self, accounts: Accounts) -> None:
        app = make_app(accounts, env="prod", secret_key=SECRET_KEY)
        async with TestClient(app, base_url="https://testserver") as client:
            await register(client)
            cookie = (await client.post("/auth/session", json=ADA)).headers["set-cookie"]
            assert cookie.startswith("__Host-session=")
            assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
            assert "Domain" not in cookie
            assert (await client.get("/auth/me")).status_code == 200

    async def test_a_change_wants_a_proof_that_the_page_meant_it(self, client: TestClient) -> None:
        await register(client)
        token = (await client.post("/auth/session", json=ADA)).json()["csrf_token"]
        for headers in ({}, {"x-csrf-token": "x"}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}):
            assert (await client.post("/diaries", headers=headers)).status_code == 403
        for headers in ({"x-csrf-token": token}, {"sec-fetch-site": "same-origin"}):
            assert (await client.post("/diaries", headers=headers)).status_code == 200

    async def test_the_proof_of_one_session_is_none_for_another(self, client: TestClient) -> None:
        await register(client)
        old = (await client.post("/auth/session", json=ADA)).json()["csrf_token"]
        await client.post("/auth/session", json=ADA)
        assert (await client.post("/diaries", headers={"x-csrf-token": old})).status_code == 403

    async def test_leaving_takes_the_cookie_away(self, client: TestClient) -> None:
        await register(client)
        token = (await client.post("/auth/session", json=ADA)).json()["csrf_token"]
        stolen = dict(client.cookies)
        assert (await client.post("/auth/logout", headers={"x-csrf-token": token})).status_code == 204
        assert dict(client.cookies) == {}
        client.cookies.update(stolen)
        assert (await client.get("/auth/me")).status_code == 401

    async def test_a_cookie_that_is_no_good_is_none(self, client: TestClient) -> None:
        """A browser sends it whether its owner wants or not; signing in anew must work."""
        client.cookies["session"] = "x.y.z"
        assert (await client.get("/hello")).json() == "nobody"

    async def test_an_access_token_is_no_cookie(self, client: TestClient, ada: dict[str, str]) -> None:
        client.cookies["session"] = ada["access_token"]
        assert (await client.get("/auth/me")).status_code == 401


class TestKeys:
    async def test_a_key_is_shown_once_and_listed_by_its_prefix(self, client: TestClient, ada: dict[str, str]) -> None:
        key = (await new_key(client, ada, "links:write"))["x-api-key"]
        (listed,) = (await client.get("/auth/keys", headers=bearer(ada))).json()
        assert listed["prefix"] == key.split("_")[1]
        assert (listed["scopes"], listed["last_used_at"]) == (["links:write"], None)
        assert key not in str(listed)

    async def test_it_says_when_it_was_used(self, client: TestClient, ada: dict[str, str]) -> None:
        await client.get("/auth/me", headers=await new_key(client, ada))
        (listed,) = (await client.get("/auth/keys", headers=bearer(ada))).json()
        assert listed["last_used_at"] is not None

    async def test_it_is_a_bearer_token_too(self, client: TestClient, ada: dict[str, str]) -> None:
        key = (await new_key(client, ada))["x-api-key"]
        assert (await client.get("/auth/me", headers={"authorization": f"Bearer {key}"})).status_code == 200

    async def test_it_reaches_as_far_as_its_scopes(self, client: TestClient, ada: dict[str, str]) -> None:
        reads, writes = await new_key(client, ada, "links:read"), await new_key(client, ada, "links:write", "x:y")
        refused = await client.post("/links", headers=reads)
        assert (refused.status_code, refused.json()["detail"]) == (403, "The key lacks the scope links:write.")
        assert (await client.post("/links", headers=writes)).status_code == 200
        assert (await client.post("/links", headers=bearer(ada))).status_code == 200

    async def test_it_makes_no_keys(self, client: TestClient, ada: dict[str, str]) -> None:
        """What leaked must not dig itself in."""
        key = await new_key(client, ada)
        assert (await client.post("/auth/keys", json={"name": "x"}, headers=key)).status_code == 403
        change = {"password": PASSWORD, "new_password": "another horse battery"}
        assert (await client.post("/auth/password", json=change, headers=key)).status_code == 403

    async def test_revoking_works_at_once(self, client: TestClient, ada: dict[str, str]) -> None:
        key = await new_key(client, ada)
        (listed,) = (await client.get("/auth/keys", headers=bearer(ada))).json()
        assert (await client.delete(f"/auth/keys/{listed['id']}", headers=bearer(ada))).status_code == 204
        assert (await client.get("/auth/me", headers=key)).status_code == 401
        assert (await client.delete(f"/auth/keys/{listed['id']}", headers=bearer(ada))).status_code == 404

    async def test_nobody_revokes_the_key_of_another(self, client: TestClient, ada: dict[str, str]) -> None:
        key = await new_key(client, ada)
        (listed,) = (await client.get("/auth/keys", headers=bearer(ada))).json()
        await register(client, "eve@example.org")
        eve = bearer(await login(client, "eve@example.org"))
        assert (await client.delete(f"/auth/keys/{listed['id']}", headers=eve)).status_code == 404
        assert (await client.get("/auth/me", headers=key)).status_code == 200

    async def test_it_ends_when_it_was_to(self, client: TestClient, ada: dict[str, str]) -> None:
        key = await new_key(client, ada, expires_in_days=1)
        assert (await client.get("/auth/me", headers=key)).status_code == 200
        async with client.app.database.session() as db:
            (await db.exec(select(ApiKey))).one().expires_at = datetime.now(UTC)
        assert (await client.get("/auth/me", headers=key)).status_code == 401

    async def test_a_known_prefix_with_another_secret_is_no_key(self, client: TestClient, ada: dict[str, str]) -> None:
        prefix = (await new_key(client, ada))["x-api-key"].split("_")[1]
        assert (await client.get("/auth/me", headers={"x-api-key": f"vx_{prefix}_{'a' * 43}"})).status_code == 401


class TestGuards:
    async def test_a_role_is_looked_up_with_each_request(self, client: TestClient, ada: dict[str, str]) -> None:
        refused = await client.get("/admin", headers=bearer(ada))
        assert (refused.status_code, refused.json()["detail"]) == (403, "The account lacks the role admin.")
        lock = lock_of(client.app)
        account = await lock.find("ada@example.org")
        assert account is not None
        await lock.change(account, roles=["admin"])
        assert (await client.get("/admin", headers=bearer(ada))).status_code == 200

    async def test_all_guards_of_a_list_have_to_pass(self, client: TestClient, ada: dict[str, str]) -> None:
        assert (await client.get("/machines", headers=bearer(ada))).status_code == 403
        assert (await client.get("/machines", headers=await new_key(client, ada))).status_code == 403
        assert (await client.get("/machines", headers=await new_key(client, ada, "links:read"))).status_code == 200

    async def test_a_blueprints_guard_holds_for_its_routes(self, client: TestClient, ada: dict[str, str]) -> None:
        assert (await client.get("/inner/")).status_code == 401
        assert (await client.get("/inner/", headers=bearer(ada))).status_code == 200

    async def test_a_rule_says_who_may_have_what(self, client: TestClient, ada: dict[str, str]) -> None:
        """Object-level authorization: the function of a user and an object."""
        diary = (await client.post("/diaries", headers=bearer(ada))).json()
        await register(client, "eve@example.org")
        eve = await login(client, "eve@example.org")
        path = f"/diaries/{diary['id']}"
        assert (await client.get(path, headers=bearer(ada))).json() == diary
        assert (await client.get(path, headers=bearer(eve))).status_code == 403
        assert (await client.get(path)).status_code == 401
        assert (await client.get("/diaries/99", headers=bearer(eve))).status_code == 404
        assert (await client.get("/diaries/x", headers=bearer(eve))).status_code == 422

    async def test_a_rule_may_be_async_and_ask_nobody(self, client: TestClient) -> None:
        assert (await client.get("/never")).status_code == 403

    async def test_who_is_not_signed_in_learns_nothing_of_the_body(self, client: TestClient) -> None:
        assert (await client.post("/auth/keys", content=b"{")).status_code == 401

    def test_a_guard_without_accounts_stops_the_start(self) -> None:
        app = Velox("bare", Settings(env="test", database_url="sqlite://"))

        @app.get("/", guard=signed_in)
        async def read() -> None: ...

        with pytest.raises(ConfigurationError, match=r"VX212 .*test_ways_in.py:\d+: the route has a guard"):
            app.compile()

    def test_what_is_no_guard_stops_the_start(self, accounts: Accounts) -> None:
        app = make_app(accounts)

        @app.get("/wrong", guard="admin")
        async def read() -> None: ...

        with pytest.raises(ConfigurationError, match=r"VX211 .*'admin' is no guard"):
            app.compile()


class TestDocumentation:
    async def test_it_says_which_ways_in_there_are_and_which_scopes_they_need(self, accounts: Accounts) -> None:
        document = make_app(accounts).openapi()
        OpenAPIV31SpecValidator(document).validate()
        paths = document["paths"]
        assert paths["/links"]["post"]["security"] == [{"bearer": []}, {"session": []}, {"apiKey": ["links:write"]}]
        assert paths["/machines"]["get"]["security"] == [{"apiKey": ["links:read"]}]
        assert paths["/hello"]["get"]["security"] == [{}, {"bearer": []}, {"session": []}, {"apiKey": []}]
        assert "security" not in paths["/auth/login"]["post"]
        assert {"401", "403"} <= paths["/auth/me"]["get"]["responses"].keys()

    async def test_an_app_has_only_the_ways_in_that_it_wants(self) -> None:
        document = make_app(Accounts(Person, ways=["key"])).openapi()
        assert list(document["components"]["securitySchemes"]) == ["apiKey"]
        assert not {"/auth/login", "/auth/session", "/auth/refresh"} & document["paths"].keys()


async def test_a_test_acts_as_a_user(client: TestClient, ada: dict[str, str]) -> None:
    """``client.as_user(account)`` beside the client itself, who stays nobody."""
    account = await lock_of(client.app).find("ada@example.org")
    assert account is not None
    signed = client.as_user(account)
    assert (await signed.get("/hello")).json() == "ada@example.org"
    assert (await client.get("/hello")).json() == "nobody"


async def test_two_apps_with_the_same_accounts_do_not_share_sign_ins(accounts: Accounts) -> None:
    async with TestClient(make_app(accounts)) as one, TestClient(make_app(accounts)) as other:
        await register(one)
        tokens = await login(one)
        assert (await other.get("/auth/me", headers=bearer(tokens))).status_code == 401
