"""An app whose handlers do with the database what goes wrong elsewhere: races, failing commits, half-done work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from sanic import HTTPResponse
from sanic.response import json
from sqlalchemy import Column, ForeignKey, Integer

from velox import Conflict, Settings, Velox
from velox.db import Field, Model, Public, Reader, Session, col, select


class Counter(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    value: int = 0


class Pointer(Model, table=True):
    """Refers to a counter; SQLite checks that only when the transaction commits."""

    id: int | None = Field(default=None, primary_key=True)
    counter_id: int = Field(sa_column=Column(Integer, ForeignKey("counter.id", deferrable=True, initially="DEFERRED")))


def create_app(settings: Settings | None = None) -> Velox:
    app = Velox("counting", settings=settings or Settings())

    @app.get("/counters/<name>")
    async def read_counter(name: str, db: Reader) -> Public[Counter]:
        return await db.one(select(Counter).where(Counter.name == name))

    @app.post("/counters/<name>", status=201)
    async def create_counter(name: str, db: Session) -> Public[Counter]:
        return await db.add(Counter(name=name))

    @app.post("/counters/<name>/bump")
    async def bump(name: str, db: Session) -> Public[Counter]:
        """Read, let everybody else run, write: without a lock from the start this loses updates."""
        counter = await db.one(select(Counter).where(Counter.name == name))
        value = counter.value
        await asyncio.sleep(0)
        counter.value = value + 1
        return counter

    @app.post("/pointers/<counter_id>", status=201)
    async def point(counter_id: int, db: Session) -> dict[str, int]:
        """The insert works; a counter that does not exist makes the commit fail."""
        pointer = await db.add(Pointer(counter_id=counter_id))
        return {"id": pointer.id or 0}

    @app.get("/pointers")
    async def count_pointers(db: Reader) -> int:
        return len((await db.exec(select(Pointer).where(col(Pointer.id) > 0))).all())

    @app.post("/counters/<name>/crash")
    async def crash(name: str, db: Session) -> None:
        await db.add(Counter(name=name))
        raise RuntimeError("after the insert")

    @app.post("/counters/<name>/refuse")
    async def refuse(name: str, db: Session) -> None:
        await db.add(Counter(name=name))
        raise Conflict("after the insert")

    @app.post("/counters/<name>/answer/<status>")
    async def answer(name: str, status: int, db: Session) -> HTTPResponse:
        await db.add(Counter(name=name))
        return json({"name": name}, status=status)

    @app.get("/slow")
    async def slow() -> AsyncIterator[str]:
        yield "started\n"
        await asyncio.sleep(0.5)
        yield "finished\n"

    return app
