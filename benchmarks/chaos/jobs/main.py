"""The app whose workers are killed."""

from __future__ import annotations

import asyncio
import os
import signal

from velox import Settings, Velox
from velox.db import Field, Model, Session
from velox.tasks import provided, task


class Effect(Model, table=True):
    """What a job did, once for each time that it did it."""

    id: int | None = Field(default=None, primary_key=True)
    n: int = Field(index=True)


def note(line: str) -> None:
    """Write a line that survives whatever happens to this process."""
    with open(os.environ["CHAOS_LOG"], "a", encoding="ascii") as log:  # noqa: PTH123 - one write, in append mode
        log.write(line + "\n")


@task(name="effect")
async def effect(n: int, db: Session = provided) -> None:
    """Ten milliseconds of work, noted outside of the database and in it."""
    await asyncio.sleep(0.01)
    note(f"effect {n}")
    await db.add(Effect(n=n))


@task(name="slow", timeout="60s")
async def slow(n: int, seconds: float) -> None:
    """Longer than a lease."""
    note(f"slow {n}")
    await asyncio.sleep(seconds)
    note(f"done {n}")


@task(name="poison")
async def poison() -> None:
    """Kills its worker."""
    note("poison")
    os.kill(os.getpid(), signal.SIGKILL)


@task(name="tick", every="1s")
async def tick() -> None:
    """Fires by the clock."""
    note("tick")


def create_app(settings: Settings | None = None) -> Velox:
    app = Velox(os.environ["CHAOS_NAME"], settings)
    app.register_task(effect)
    app.register_task(slow)
    app.register_task(poison)
    if "CHAOS_TICKS" in os.environ:
        app.register_task(tick)

    @app.post("/effects/<n>")
    async def enqueue(n: int, db: Session, *, fail: bool = False) -> str:
        """A row and a job in one transaction."""
        await db.add(Effect(n=-n))
        job = await effect.enqueue(n)
        if fail:
            raise RuntimeError("rolled back")
        return job.id

    return app
