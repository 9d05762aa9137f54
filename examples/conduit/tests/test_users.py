import pytest
from velox.testing import TestClient

from tests.conftest import Join

ADA = {"username": "ada", "email": "ada@example.org", "password": "correct horse"}


async def test_who_registers_gets_a_token_that_works(client: TestClient) -> None:
    registered = await client.post("/api/users", json={"user": ADA})
    assert registered.status_code == 201
    user = registered.json()["user"]
    assert user == {"username": "ada", "email": "ada@example.org", "bio": None, "image": None, "token": user["token"]}
    me = await client.get("/api/user", headers={"authorization": f"Token {user['token']}"})
    assert me.json() == {"user": user}


async def test_a_password_gets_in_and_a_wrong_one_does_not(client: TestClient, join: Join) -> None:
    await join("ada")
    signed_in = await client.post("/api/users/login", json={"user": {k: ADA[k] for k in ("email", "password")}})
    assert signed_in.json()["user"]["username"] == "ada"
    refused = await client.post("/api/users/login", json={"user": {"email": ADA["email"], "password": "wrong"}})
    assert (refused.status_code, refused.json()) == (401, {"errors": {"credentials": ["invalid"]}})


@pytest.mark.parametrize("taken", ["username", "email"])
async def test_what_is_taken_is_named(client: TestClient, join: Join, taken: str) -> None:
    await join("ada")
    other = {**ADA, "username": "eve", "email": "eve@example.org", taken: ADA[taken]}
    refused = await client.post("/api/users", json={"user": other})
    assert (refused.status_code, refused.json()) == (409, {"errors": {taken: ["has already been taken"]}})


@pytest.mark.parametrize("value", ["", None])
async def test_what_is_blank_is_named(client: TestClient, value: str | None) -> None:
    refused = await client.post("/api/users", json={"user": {**ADA, "username": value}})
    assert (refused.status_code, refused.json()) == (422, {"errors": {"username": ["can't be blank"]}})


async def test_nobody_has_no_account(client: TestClient) -> None:
    refused = await client.get("/api/user")
    assert (refused.status_code, refused.json()) == (401, {"errors": {"token": ["is missing"]}})
    refused = await client.get("/api/user", headers={"authorization": "Token nonsense"})
    assert (refused.status_code, refused.json()) == (401, {"errors": {"token": ["is invalid"]}})


async def test_users_change_what_they_name_and_nothing_else(client: TestClient, join: Join) -> None:
    ada = await join("ada")
    changed = await ada("PUT", "/user", {"user": {"bio": "Countess", "image": "https://example.org/ada.png"}})
    assert changed.json()["user"]["bio"] == "Countess"
    assert changed.json()["user"]["email"] == "ada@example.org"
    cleared = await ada("PUT", "/user", {"user": {"bio": "", "email": "lovelace@example.org", "password": "new one"}})
    assert (await ada("GET", "/user")).json() == cleared.json()
    assert cleared.json()["user"]["bio"] is None
    assert cleared.json()["user"]["image"] == "https://example.org/ada.png"
    login = {"user": {"email": "lovelace@example.org", "password": "new one"}}
    assert (await client.post("/api/users/login", json=login)).status_code == 200


async def test_profiles_say_whether_the_reader_follows(client: TestClient, join: Join) -> None:
    ada, _ = await join("ada"), await join("bob")
    bob = {"username": "bob", "bio": None, "image": None}
    for _ in range(2):
        assert (await ada("POST", "/profiles/bob/follow")).json() == {"profile": {**bob, "following": True}}
    assert (await ada("GET", "/profiles/bob")).json()["profile"]["following"] is True
    assert (await client.get("/api/profiles/bob")).json()["profile"]["following"] is False
    for _ in range(2):
        assert (await ada("DELETE", "/profiles/bob/follow")).json() == {"profile": {**bob, "following": False}}


async def test_an_unknown_profile_is_a_404(client: TestClient) -> None:
    refused = await client.get("/api/profiles/nobody")
    assert (refused.status_code, refused.json()) == (404, {"errors": {"profile": ["not found"]}})
