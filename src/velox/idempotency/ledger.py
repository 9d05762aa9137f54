"""Who may answer for a key, and what was answered.

    (no row) ── claim ──▶ claimed ── keep, in the handler's transaction ──▶ answered ── keep_s ──▶ pruned
                  ▲          │
                  └──────────┴── release: the request was refused; or the lease ended: its process died

A claim is committed before the handler runs, so everybody sees it at once. The answer is written by the very
transaction that has the effect, and only as long as the claim is still that request's: whoever took it over after the
lease has changed its token, and the slower of the two is rolled back. So there is never a second effect, however late a
process that was believed dead comes back.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Table, delete, insert, inspect, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection as Connection

from velox.idempotency.answer import Answer, decode, encode
from velox.idempotency.problems import KeyInUse, KeyReused

__all__ = ["Claim", "Ledger"]

LEASE_S: Final = 60.0
"""For how long a key stays claimed by a process that may have died. A handler may take longer: it is refused at its end
only if somebody else asked meanwhile.
"""
RETRY_S: Final = 1
PRUNE_EVERY_S: Final = 60.0
PRUNED_AT_ONCE: Final = 1000
ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to answer for a key.

    Attributes:
        name: What was claimed.
        token: Whose it is.
    """

    name: str
    token: str


class Ledger:
    """The keys of an app, in its database.

    Args:
        writing: A transaction that commits when its block ends.
        table: The table of keys.
        keep_s: For how long answers are kept.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        writing: Callable[[], AbstractAsyncContextManager[Connection]],
        table: Table,
        keep_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._writing = writing
        self._table = table
        self._keep_s = keep_s
        self._clock = clock
        self._prune_at = 0.0

    async def claim(self, name: str, fingerprint: str) -> Claim | Answer:
        """The right to answer, or the answer that there is.

        Args:
            name: The key, with everything by which keys are told apart; at most 64 characters.
            fingerprint: Of the request; at most 64 characters.

        Raises:
            KeyReused: The key stands for a request with another fingerprint.
            KeyInUse: Somebody else is answering.
        """
        await self._prune()
        for _ in range(ATTEMPTS):
            found = await self._try(name, fingerprint)
            if found is not None:
                return found
        raise in_use()

    async def _try(self, name: str, fingerprint: str) -> Claim | Answer | None:
        """``None``: somebody else was faster, so there is more to see."""
        table, now_s, claim = self._table, self._clock(), Claim(name, secrets.token_hex(16))
        values = {"fingerprint": fingerprint, "token": claim.token, "expires_at": now_s + LEASE_S, "answer": None}
        async with self._writing() as connection:
            row = (await connection.execute(select(table).where(table.c.name == name))).first()
            if row is None:
                try:
                    async with connection.begin_nested():
                        await connection.execute(insert(table).values(name=name, **values))
                except IntegrityError:
                    return None
                return claim
            if row.expires_at <= now_s:
                is_same = (table.c.name == name) & (table.c.token == row.token) & (table.c.expires_at <= now_s)
                taken = await connection.execute(update(table).where(is_same).values(**values))
                return claim if taken.rowcount else None
        if row.fingerprint != fingerprint:
            raise KeyReused("Take a new key for a new request.")
        if row.answer is None:
            raise in_use()
        return decode(row.answer)

    async def keep(self, connection: Connection, claim: Claim, answer: Answer) -> None:
        """Write ``answer`` in the transaction of ``connection``, which somebody else commits.

        Raises:
            KeyInUse: The claim is somebody else's by now: the transaction has to be rolled back.
        """
        values = {"answer": encode(answer), "expires_at": self._clock() + self._keep_s}
        kept = await connection.execute(update(self._table).where(self._is_held(claim)).values(**values))
        if not kept.rowcount:
            raise in_use()

    async def release(self, claim: Claim) -> None:
        """Give the key back, unless it was answered or is somebody else's by now."""
        async with self._writing() as connection:
            await connection.execute(delete(self._table).where(self._is_held(claim)))

    def _is_held(self, claim: Claim) -> ColumnElement[bool]:
        columns = self._table.c
        return (columns.name == claim.name) & (columns.token == claim.token) & columns.answer.is_(None)

    async def _prune(self) -> None:
        """Once a minute, delete what has been kept long enough; a thousand rows at most: the transaction is short."""
        now_s = self._clock()
        if now_s < self._prune_at:
            return
        self._prune_at = now_s + PRUNE_EVERY_S
        columns = self._table.c
        over = columns.expires_at <= now_s
        async with self._writing() as connection:
            names = list(await connection.scalars(select(columns.name).where(over).limit(PRUNED_AT_ONCE)))
            if names:
                await connection.execute(delete(self._table).where(columns.name.in_(sorted(names)) & over))

    async def is_there(self) -> bool:
        """Whether the database has the table."""
        async with self._writing() as connection:
            return bool(await connection.run_sync(lambda plain: inspect(plain).has_table(self._table.name)))


def in_use() -> KeyInUse:
    return KeyInUse("Wait for its answer, or ask again later.", headers={"Retry-After": str(RETRY_S)})
