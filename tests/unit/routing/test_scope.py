"""Providers: made once per scope, for whoever asks; torn down in reverse order, knowing how the request ended."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any

import pytest
from sanic import Request
from sanic.response import text

from velox import Conflict, Header, Provide, Response, Velox
from velox.routing.scope import Answered
from velox.testing import TestClient


class Engine:
    pass


class Session:
    pass


class Repository:
    def __init__(self, session: Session, page: int = 1) -> None:
        self.session = session
        self.page = page


async def status_of(app: Velox, url: str = "/", **options: Any) -> int:
    async with TestClient(app) as client:
        return (await client.get(url, **options)).status_code


class TestKinds:
    @pytest.mark.parametrize("kind", ["value", "async", "generator", "async generator", "class", "object"])
    async def test_every_kind_of_function_provides(self, make_app: Callable[..., Velox], kind: str) -> None:
        def value() -> Engine:
            return Engine()

        async def coroutine() -> Engine:
            return Engine()

        def generator() -> Iterator[Engine]:
            yield Engine()

        async def async_generator() -> AsyncIterator[Engine]:
            yield Engine()

        class Maker:
            async def __call__(self) -> Engine:
                return Engine()

        app = make_app()
        makers: dict[str, Any] = {
            "value": value,
            "async": coroutine,
            "generator": generator,
            "async generator": async_generator,
            "class": Engine,
            "object": Maker(),
        }
        app.provide(makers[kind])

        @app.get("/")
        async def handler(engine: Engine) -> str:
            return type(engine).__name__

        async with TestClient(app) as client:
            assert (await client.get("/")).json() == "Engine"

    async def test_inline(self, make_app: Callable[..., Velox]) -> None:
        """``Provide(fn)`` wins over what is registered for the type."""
        app = make_app()
        app.provide(Engine)

        class Special(Engine):
            pass

        async def special() -> Special:
            return Special()

        @app.get("/")
        async def handler(
            engine: Annotated[Engine, Provide(special)], number: Annotated[int, Provide(lambda: 7)]
        ) -> str:
            return f"{type(engine).__name__} {number}"

        async with TestClient(app) as client:
            assert (await client.get("/")).json() == "Special 7"


async def test_one_request_gets_one_of_each(make_app: Callable[..., Velox]) -> None:
    made: list[Session] = []
    app = make_app()

    @app.provide
    async def session() -> AsyncIterator[Session]:
        made.append(Session())
        yield made[-1]

    app.provide(Repository)

    @app.get("/")
    async def handler(session: Session, repository: Repository) -> bool:
        return repository.session is session

    async with TestClient(app) as client:
        assert (await client.get("/")).json() is True
        assert (await client.get("/")).json() is True
    assert len(made) == 2


async def test_a_provider_has_inputs_of_its_own_and_they_are_documented(make_app: Callable[..., Velox]) -> None:
    app = make_app()
    app.provide(Session)

    @app.provide
    async def repository(
        request: Request, session: Session, page: int = 1, x_tenant: Annotated[str, Header()] = "none"
    ) -> Repository:
        assert request.path == "/"
        return Repository(session, page * (2 if x_tenant == "double" else 1))

    @app.get("/")
    async def handler(repository: Repository, page: int = 5) -> list[int]:
        return [repository.page, page]

    async with TestClient(app) as client:
        assert (await client.get("/?page=3", headers={"x-tenant": "double"})).json() == [6, 3]
        assert (await client.get("/")).json() == [1, 5]
        wrong = (await client.get("/?page=x")).json()
    assert {error["parameter"] for error in wrong["errors"]} == {"query.page"}
    documented = app.openapi()["paths"]["/"]["get"]["parameters"]
    assert {(parameter["in"], parameter["name"]) for parameter in documented} == {
        ("query", "page"),
        ("header", "x-tenant"),
    }
    assert len(documented) == 2


async def test_what_is_of_the_app_is_made_once_per_worker(make_app: Callable[..., Velox]) -> None:
    events: list[str] = []
    app = make_app()

    @app.get("/")
    async def handler(engine: Engine) -> int:
        return id(engine)

    async def engine() -> AsyncIterator[Engine]:
        events.append("made")
        yield Engine()
        events.append("gone")

    app.provide(engine, scope="app")
    assert events == []
    async with TestClient(app) as client:
        assert events == ["made"]
        assert (await client.get("/")).json() == (await client.get("/")).json()
    assert events == ["made", "gone"]


async def test_providers_of_one_name_do_not_share_their_inputs(make_app: Callable[..., Velox]) -> None:
    def make(kind: type) -> Callable[..., Any]:
        def provider(page: Any = 1) -> Any:
            return page

        provider.__annotations__["page"] = kind
        return provider

    app = make_app()

    @app.get("/")
    async def both(number: Annotated[Any, Provide(make(int))], text: Annotated[Any, Provide(make(str))]) -> list[Any]:
        return [number, text]

    async with TestClient(app) as client:
        assert (await client.get("/?page=7")).json() == [7, "7"]


class TestTeardown:
    def recording(self, app: Velox, events: list[str]) -> None:
        """Two providers, one on top of the other, which write down what they see."""

        @app.provide
        async def session() -> AsyncIterator[Session]:
            events.append("session")
            try:
                yield Session()
            except BaseException as error:
                events.append(f"session undone: {error!r}")
                raise
            events.append("session done")

        @app.provide
        def repository(session: Session) -> Iterator[Repository]:
            events.append("repository")
            try:
                yield Repository(session)
            except BaseException as error:
                events.append(f"repository undone: {type(error).__name__}")
                raise
            events.append("repository done")

    async def test_last_made_is_first_undone_before_the_answer(self, make_app: Callable[..., Velox]) -> None:
        events: list[str] = []
        app = make_app()
        self.recording(app, events)

        @app.get("/")
        async def handler(repository: Repository) -> str:
            events.append("handler")
            return "ok"

        @app.on_response  # type: ignore[untyped-decorator]
        async def sent(request: Request, response: Response) -> None:
            events.append("response")

        assert await status_of(app) == 200
        made, undone = ["session", "repository"], ["repository done", "session done"]
        assert events == [*made, "handler", *undone, "response"]

    @pytest.mark.parametrize(
        ("error", "status"), [(Conflict("taken"), 409), (ValueError("x"), 500)], ids=["problem", "exception"]
    )
    async def test_an_exception_is_raised_in_each(
        self, make_app: Callable[..., Velox], error: Exception, status: int
    ) -> None:
        events: list[str] = []
        app = make_app()
        self.recording(app, events)

        @app.get("/")
        async def handler(repository: Repository) -> None:
            raise error

        assert await status_of(app) == status
        assert events[2:] == [f"repository undone: {type(error).__name__}", f"session undone: {error!r}"]

    @pytest.mark.parametrize(("status", "undone"), [(200, False), (302, False), (399, False), (400, True), (503, True)])
    async def test_a_returned_problem_status_undoes_too(
        self, make_app: Callable[..., Velox], status: int, undone: bool
    ) -> None:
        events: list[str] = []
        app = make_app()
        self.recording(app, events)

        @app.get("/")
        async def handler(repository: Repository) -> Response:
            return text("x", status=status)

        assert await status_of(app) == status
        assert any("Answered" in event for event in events) is undone

    async def test_a_failing_teardown_is_the_answer_and_the_others_still_run(
        self, make_app: Callable[..., Velox]
    ) -> None:
        """A commit that fails is never a 2xx, and what lies below it sees the failure."""
        events: list[str] = []
        app = make_app()
        self.recording(app, events)

        @app.provide
        def engine(repository: Repository) -> Iterator[Engine]:
            yield Engine()
            raise Conflict("at the commit")

        @app.get("/")
        async def handler(engine: Engine) -> str:
            return "ok"

        assert await status_of(app) == 409
        assert [event.partition(":")[0] for event in events[2:]] == ["repository undone", "session undone"]

    async def test_a_provider_may_turn_an_error_into_another(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()

        @app.provide
        async def engine() -> AsyncIterator[Engine]:
            try:
                yield Engine()
            except KeyError:
                raise Conflict("translated") from None

        @app.get("/")
        async def handler(engine: Engine) -> None:
            raise KeyError("x")

        assert await status_of(app) == 409

    async def test_a_provider_that_fails_undoes_those_before_it(self, make_app: Callable[..., Velox]) -> None:
        events: list[str] = []
        app = make_app()
        self.recording(app, events)

        @app.provide
        def engine(repository: Repository) -> Engine:
            raise Conflict("not today")

        @app.get("/")
        async def handler(engine: Engine) -> None: ...

        assert await status_of(app) == 409
        assert [event.partition(":")[0] for event in events[2:]] == ["repository undone", "session undone"]

    async def test_a_second_yield_is_a_mistake(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()

        @app.provide
        def engine() -> Iterator[Engine]:
            yield Engine()
            yield Engine()

        @app.get("/")
        async def handler(engine: Engine) -> None: ...

        assert await status_of(app) == 500

    async def test_a_failing_app_provider_stops_the_start(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()

        async def engine() -> Engine:
            raise RuntimeError("no fuel")

        app.provide(engine, scope="app")
        with pytest.raises(RuntimeError, match="no fuel"):
            async with app.lifespan():
                pytest.fail("it started")


async def test_a_plain_function_runs_in_a_thread_with_its_providers_and_context(
    make_app: Callable[..., Velox],
) -> None:
    app = make_app()
    app.provide(Engine)

    @app.get("/<number>")
    def handler(request: Request, engine: Engine, number: int) -> list[Any]:
        return [threading.current_thread() is threading.main_thread(), Request.get_current().path, number]

    async with TestClient(app) as client:
        assert (await client.get("/7")).json() == [False, "/7", 7]


def test_answered_says_the_status() -> None:
    assert str(Answered(404)) == "the handler answered 404"
