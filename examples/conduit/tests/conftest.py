"""People who can be asked to do something: ``await ada("POST", "/articles", {...})``."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from velox.testing import TestClient

Person = Callable[..., Awaitable[httpx.Response]]
Join = Callable[[str], Awaitable[Person]]


@pytest.fixture
def join(client: TestClient) -> Join:
    """Register somebody."""

    async def join(name: str) -> Person:
        body = {"user": {"username": name, "email": f"{name}@example.org", "password": "correct horse"}}
        registered = await client.post("/api/users", json=body)
        assert registered.status_code == 201, registered.text
        headers = {"authorization": f"Token {registered.json()['user']['token']}"}

        async def ask(method: str, path: str, body: Any = None) -> httpx.Response:
            return await client.request(method, f"/api{path}", json=body, headers=headers)

        return ask

    return join
