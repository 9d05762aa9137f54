"""What starts, in which order, what a failing start leaves behind (nothing), and what readiness says meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable

import pytest

from velox import Extension, Velox
from velox.app import lifespan
from velox.testing import TestClient


class Room:
    """An extension that writes down what happens to it."""

    def __init__(self, name: str, events: list[str], *, fails: str = "", reason: str | None = None) -> None:
        self.name = name
        self._events = events
        self._fails = fails
        self._reason = reason

    async def start(self) -> None:
        self._note("start")

    async def stop(self) -> None:
        self._note("stop")

    async def ready(self) -> str | None:
        if self._fails == "hangs":
            await asyncio.Event().wait()
        self._note("ready")
        return self._reason

    def _note(self, step: str) -> None:
        self._events.append(f"{self.name} {step}")
        if self._fails == step:
            raise RuntimeError(f"{self.name} cannot {step}: secret-host")


class Engine:
    pass


def app_with(make_app: Callable[..., Velox], events: list[str], **fails: str) -> Velox:
    app = make_app()
    for name in ("one", "two"):
        app.add_extension(Room(name, events, fails=fails.get(name, "")))

    async def engine() -> AsyncIterator[Engine]:
        events.append("engine made")
        yield Engine()
        events.append("engine gone")

    app.provide(engine, scope="app")

    @app.on_start
    async def begin(app: Velox) -> None:
        events.append("hook start")
        if fails.get("hook") == "start":
            raise RuntimeError("the hook cannot")

    @app.on_stop
    def end(app: Velox) -> None:
        events.append("hook stop")
        if fails.get("hook") == "stop":
            raise RuntimeError("the hook cannot")

    return app


STARTED = ["one start", "two start", "engine made", "hook start"]
STOPPED = ["hook stop", "engine gone", "two stop", "one stop"]


async def test_everything_starts_in_order_and_stops_in_reverse(make_app: Callable[..., Velox]) -> None:
    events: list[str] = []
    app = app_with(make_app, events)
    assert events == []
    async with app.lifespan():
        assert events == STARTED
    assert events == [*STARTED, *STOPPED]


async def test_an_app_can_be_started_again(make_app: Callable[..., Velox]) -> None:
    events: list[str] = []
    app = app_with(make_app, events)
    for _ in range(2):
        async with app.lifespan():
            pass
    assert events == [*STARTED, *STOPPED] * 2


@pytest.mark.parametrize(
    ("fails", "undone"),
    [
        ({"one": "start"}, ["one start"]),
        ({"two": "start"}, ["one start", "two start", "one stop"]),
        ({"hook": "start"}, [*STARTED, "engine gone", "two stop", "one stop"]),
    ],
    ids=["first", "second", "hook"],
)
async def test_a_failing_start_undoes_what_was_done(
    make_app: Callable[..., Velox], fails: dict[str, str], undone: list[str]
) -> None:
    events: list[str] = []
    app = app_with(make_app, events, **fails)
    with pytest.raises(RuntimeError, match="cannot"):
        async with app.lifespan():
            pytest.fail("it started")
    assert events == undone
    assert "app" in await app.readiness()


@pytest.mark.parametrize("fails", [{"two": "stop"}, {"hook": "stop"}], ids=["extension", "hook"])
async def test_a_failing_stop_does_not_keep_the_others_from_stopping(
    make_app: Callable[..., Velox], fails: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    events: list[str] = []
    app = app_with(make_app, events, **fails)
    with caplog.at_level(logging.ERROR):
        async with app.lifespan():
            pass
    assert events == [*STARTED, *STOPPED]
    assert len(caplog.records) == 1


class TestReadiness:
    async def ready(self, app: Velox) -> tuple[int, dict[str, str]]:
        async with TestClient(app) as client:
            answer = await client.get("/health/ready")
            assert (await client.get("/health/live")).status_code == 200
            return answer.status_code, answer.json().get("reasons", {})

    async def test_all_is_well(self, make_app: Callable[..., Velox]) -> None:
        assert await self.ready(app_with(make_app, [])) == (200, {})

    async def test_the_reasons_are_named(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()
        app.add_extension(Room("engine", [], reason="no oil"))
        assert await self.ready(app) == (503, {"engine": "no oil"})

    async def test_a_check_that_fails_is_a_reason_without_its_cause(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()
        app.add_extension(Room("engine", [], fails="ready"))
        assert await self.ready(app) == (503, {"engine": "the check failed"})

    async def test_a_check_that_hangs_is_a_reason(
        self, make_app: Callable[..., Velox], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(lifespan, "READY_TIMEOUT_S", 0.01)
        app = make_app()
        app.add_extension(Room("engine", [], fails="hangs"))
        status, reasons = await self.ready(app)
        assert (status, reasons["engine"]) == (503, "no answer within 0.01 s")

    async def test_starting_draining_and_stopped(self, make_app: Callable[..., Velox]) -> None:
        app = make_app()
        assert await app.readiness() == {"app": "starting"}
        async with TestClient(app) as client:
            await app._server_event("shutdown", "before")
            answer = await client.get("/health/ready")
            assert (answer.status_code, answer.json()["detail"]) == (503, "app: draining")
        assert await app.readiness() == {"app": "stopped"}


def test_a_room_is_an_extension() -> None:
    assert isinstance(Room("x", []), Extension)
    assert not isinstance(Engine(), Extension)
