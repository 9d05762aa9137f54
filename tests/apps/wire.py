"""An app whose answers have to be looked at on a real connection: streams, files, threads, start and stop."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel

from velox import (
    Conflict,
    EventStream,
    Form,
    JsonLines,
    Problem,
    Request,
    ServerSentEvent,
    Settings,
    UploadFile,
    Velox,
)
from velox.routing import stream

stream.KEEP_ALIVE_S = 0.05
LOG = Path(os.environ.get("WIRE_LOG", os.devnull))


class Tick(BaseModel):
    number: int


class SecretTick(Tick):
    secret: str = "s3cr3t"


class Teapot(Problem):
    status = 418


class Unit:
    pass


def note(event: str) -> None:
    with LOG.open("a") as log:
        log.write(f"{event}\n")


def add_streams(app: Velox) -> None:
    @app.provide
    async def unit() -> AsyncIterator[Unit]:
        try:
            yield Unit()
        except BaseException as error:
            note(f"unit undone {type(error).__name__}")
            raise
        note("unit done")

    @app.get("/events")
    async def events(unit: Unit, count: int = 2) -> EventStream[Tick]:
        for number in range(count):
            yield SecretTick(number=number)
        yield ServerSentEvent("two\nlines", event="text", id="7", retry_ms=10)
        yield ServerSentEvent(SecretTick(number=99))

    @app.get("/lines")
    async def lines() -> JsonLines[Tick]:
        yield SecretTick(number=1)
        yield Tick(number=2)

    @app.get("/text")
    async def text() -> AsyncIterator[str]:
        yield "é"
        yield ""
        yield "b"

    @app.get("/bytes")
    async def octets() -> AsyncIterator[bytes]:
        yield b"\xff"
        yield b"\x00"

    @app.get("/empty")
    async def empty() -> JsonLines[Tick]:
        for number in range(0):
            yield Tick(number=number)


def add_broken_streams(app: Velox) -> None:
    @app.get("/fails/<kind>/<when>")
    async def fails(kind: str, when: int, unit: Unit) -> JsonLines[Any]:
        for number in range(when):
            yield {"number": number}
        if kind == "problem":
            raise Conflict("not that")
        if kind == "unfit":
            yield object()
        raise ValueError("in the stream")

    @app.get("/slow")
    async def slow() -> EventStream[Tick]:
        yield Tick(number=1)
        await asyncio.sleep(0.3)
        yield Tick(number=2)

    @app.get("/endless")
    async def endless() -> EventStream[Tick]:
        try:
            yield Tick(number=1)
            await asyncio.sleep(60)
        finally:
            note("endless closed")


def temporary_files() -> int:
    """How many files without a name this process has open: those that uploads are spooled to."""
    links = [link.readlink() for link in Path("/proc/self/fd").iterdir() if link.exists()]
    return sum("(deleted)" in str(link) for link in links)


def add_forms(app: Velox) -> None:
    @app.post("/upload")
    async def upload(file: UploadFile, title: Annotated[str, Form()] = "") -> dict[str, Any]:
        content = await file.read()
        return {"bytes": len(content), "size": file.size_bytes, "on_disk": temporary_files(), "title": title}

    @app.get("/temporary-files")
    async def count() -> int:
        return temporary_files()

    @app.post("/json")
    async def read(body: dict[str, Any]) -> int:
        return len(body)


def create_app(settings: Settings | None = None) -> Velox:
    app = Velox("wire", settings=settings or Settings())
    add_streams(app)
    add_broken_streams(app)
    add_forms(app)

    @app.get("/thread")
    def in_thread(request: Request) -> list[Any]:
        return [threading.current_thread() is threading.main_thread(), Request.get_current() is request]

    @app.get("/crash")
    async def crash() -> None:
        raise ValueError("what only the log may say")

    @app.get("/teapot")
    async def teapot() -> None:
        raise Teapot("short\r\nX-Evil: 1", headers={"X-Pot": "stout\r\nX-Evil: 1"}, extensions={"lid": object()})

    @app.on_start
    async def started(app: Velox) -> None:
        note("started")
        if os.environ.get("WIRE_FAIL"):
            raise RuntimeError("no such engine")

    @app.on_stop
    def stopped(app: Velox) -> None:
        note("stopped")

    return app
