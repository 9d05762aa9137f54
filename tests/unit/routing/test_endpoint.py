"""Anything that can be called can be a handler: decorated, bound, partial, an object, with or without ``async``."""

from __future__ import annotations

import contextvars
import functools
import threading
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from velox import Request, Velox
from velox.testing import TestClient

tenant: contextvars.ContextVar[str] = contextvars.ContextVar("tenant")


class Item(BaseModel):
    number: int


class Counter:
    """Handlers with a state."""

    async def bound(self, number: int) -> int:
        return number

    def in_thread(self, number: int) -> int:
        return number

    async def __call__(self, number: int) -> int:
        return number


async def plain(number: int, other: int = 0) -> int:
    """A summary."""
    return number + other


def passed_on(fn: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(fn)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return await fn(*args, **kwargs)

    return wrapper


def passed_on_without_async(fn: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(fn)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return fn(*args, **kwargs)

    return wrapper


HANDLERS: dict[str, Callable[..., Any]] = {
    "plain": plain,
    "decorated": passed_on(plain),
    "decorated without async": passed_on_without_async(plain),
    "bound": Counter().bound,
    "bound in a thread": Counter().in_thread,
    "object": Counter(),
    "partial": functools.partial(plain, other=0),
    "lambda of a coroutine": passed_on_without_async(Counter().bound),
}


@pytest.mark.parametrize("handler", HANDLERS.values(), ids=HANDLERS)
async def test_every_kind_of_callable_is_a_handler(make_app: Callable[..., Velox], handler: Callable[..., Any]) -> None:
    app = make_app()
    app.get("/<number>", name="handler")(handler)
    async with TestClient(app) as client:
        assert (await client.get("/7")).json() == 7
        wrong = (await client.get("/x")).json()
    assert wrong["errors"][0]["parameter"] == "path.number"
    assert app.plans[-1].location.partition(":")[0].endswith("test_endpoint.py")
    assert "functools" not in app.plans[-1].description


async def test_a_thread_sees_the_context_of_its_request(make_app: Callable[..., Velox]) -> None:
    app = make_app()

    @app.on_request
    async def enter(request: Request) -> None:
        tenant.set(request.args.get("tenant"))

    @app.get("/")
    def handler() -> list[Any]:
        return [tenant.get(), threading.current_thread() is threading.main_thread()]

    async with TestClient(app) as client:
        assert (await client.get("/?tenant=a")).json() == ["a", False]
        assert (await client.get("/?tenant=b")).json() == ["b", False]


async def test_a_body_may_have_a_default(make_app: Callable[..., Velox]) -> None:
    app = make_app()

    @app.post("/")
    async def handler(body: Item = Item(number=3)) -> int:  # noqa: B008 - never changed
        return body.number

    async with TestClient(app) as client:
        assert (await client.post("/")).json() == 3


async def test_a_default_in_the_type_is_one(make_app: Callable[..., Velox]) -> None:
    app = make_app()

    @app.get("/")
    async def handler(size: Annotated[int, Field(default=5)]) -> int:
        return size

    async with TestClient(app) as client:
        assert (await client.get("/")).json() == 5
        assert (await client.get("/?size=7")).json() == 7
    assert app.openapi()["paths"]["/"]["get"]["parameters"][0]["required"] is False
