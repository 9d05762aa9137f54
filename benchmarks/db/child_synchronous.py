"""What SQLAlchemy's unit of work itself costs: SQLModel's Session on the standard library's driver, without asyncio.

Its statements run in the event loop's thread, which a server cannot afford: this is a floor, and no contender.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import event
from sqlmodel import Session, create_engine, select

from benchmarks.db.child import LISTED, Contender, serve
from benchmarks.db.child_velox import new
from benchmarks.db.on_velox import Hero
from velox.db import col


class Synchronous(Contender):
    async def start(self, path: str) -> None:
        self.engine = create_engine(f"sqlite:///{path}")

        @event.listens_for(self.engine, "connect")
        def prepare(connection: Any, _record: Any) -> None:
            connection.execute("PRAGMA synchronous = NORMAL")

    async def get(self, number: int) -> Any:
        with Session(self.engine, expire_on_commit=False) as db:
            return db.get(Hero, number)

    async def list(self, number: int) -> Any:
        with Session(self.engine, expire_on_commit=False) as db:
            return db.exec(select(Hero).where(col(Hero.id) >= number).order_by(col(Hero.id)).limit(LISTED)).all()

    async def insert(self, number: int) -> Any:
        with Session(self.engine, expire_on_commit=False) as db:
            db.add(new())
            db.commit()

    async def stop(self) -> None:
        self.engine.dispose()


if __name__ == "__main__":
    serve(Synchronous())
