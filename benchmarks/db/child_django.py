"""Django's ORM through its asynchronous interface."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from typing import Any

from benchmarks.db.child import LISTED, Contender, serve

os.environ["HEROES"] = sys.argv[1]

from benchmarks.db.on_django import Hero

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class OnDjango(Contender):
    async def start(self, path: str) -> None:
        pass

    async def get(self, number: int) -> Any:
        return await Hero.objects.aget(id=number)

    async def list(self, number: int) -> Any:
        return [hero async for hero in Hero.objects.filter(id__gte=number).order_by("id")[:LISTED]]

    async def insert(self, number: int) -> Any:
        await Hero.objects.acreate(
            name="new", city="Springfield", age=42, score=1.5, active=True, created_at=NOON, bio="b" * 100
        )

    async def stop(self) -> None:
        pass


if __name__ == "__main__":
    serve(OnDjango())
