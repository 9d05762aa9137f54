"""The tests that read and write ``world``: db, queries, updates, cached-queries."""

from __future__ import annotations

import random
from typing import Annotated

from pydantic import BeforeValidator

from examples.techempower.cache import WorldCache
from examples.techempower.tables import WORLDS, CachedWorld, World
from velox import Blueprint
from velox.db import Public, Reader, Session, select

__all__ = ["blueprint"]

MOST = 500


def clamped(value: object) -> int:
    """A number from 1 to :data:`MOST`; what is no number is 1, for the rules want no error."""
    try:
        return min(max(int(str(value)), 1), MOST)
    except ValueError:
        return 1


Count = Annotated[int, BeforeValidator(clamped)]

blueprint = Blueprint("worlds")


def random_numbers(count: int) -> list[int]:
    """Different ones: the session would answer a second look at the same row by itself."""
    return random.sample(range(1, WORLDS + 1), count)


async def read_worlds(db: Reader | Session, count: int) -> list[World]:
    """``count`` random rows, each with a query of its own, as the rules want it."""
    return [(await db.exec(select(World).where(World.id == number))).one() for number in random_numbers(count)]


@blueprint.get("/db")
async def read_one(db: Reader) -> Public[World]:
    return (await read_worlds(db, 1))[0]


@blueprint.get("/queries")
async def read_many(db: Reader, queries: Count = 1) -> list[Public[World]]:
    return await read_worlds(db, queries)


@blueprint.get("/updates")
async def update_many(db: Session, queries: Count = 1) -> list[Public[World]]:
    worlds = await read_worlds(db, queries)
    for world in worlds:
        world.randomNumber = random.randint(1, WORLDS)
    # In the order of their ids: two requests that update the same rows wait for each other instead of deadlocking.
    await db.flush()
    return worlds


@blueprint.get("/cached-queries")
async def read_cached(cache: WorldCache, count: Count = 1) -> list[Public[CachedWorld]]:
    return await cache.get_many(random_numbers(count))
