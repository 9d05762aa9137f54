"""An app with accounts, letters that are kept, and somebody who is signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.integration.auth.people import Person, login, make_app, register
from velox.auth import Accounts, Letter
from velox.testing import TestClient


@pytest.fixture
def letters() -> list[Letter]:
    return []


@pytest.fixture
def accounts(letters: list[Letter]) -> Accounts:
    made = Accounts(Person)
    made.deliver(letters.append)
    return made


@pytest.fixture
async def client(accounts: Accounts) -> AsyncIterator[TestClient]:
    async with TestClient(make_app(accounts)) as client:
        yield client


@pytest.fixture
async def ada(client: TestClient) -> dict[str, str]:
    """The tokens of somebody signed in."""
    await register(client)
    return await login(client)
