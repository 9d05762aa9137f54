"""The table of keys.

velox_idempotency   one row for each key: claimed while its request is being answered, then with the answer
"""

from __future__ import annotations

from sqlalchemy import Column, Double, LargeBinary, MetaData, String, Table

__all__ = ["NAME", "table_in"]

NAME = "velox_idempotency"


def table_in(metadata: MetaData) -> Table:
    """The table of ``metadata``, defined there the first time: several apps of a process may share it."""
    known = metadata.tables.get(NAME)
    if known is not None:
        return known
    return Table(
        NAME,
        metadata,
        # A digest of caller, route and key: of one length, and no secret that a client chose for a key is stored.
        Column("name", String(64), primary_key=True),
        Column("fingerprint", String(64), nullable=False),
        Column("token", String(32), nullable=False),
        Column("expires_at", Double, nullable=False, index=True),
        Column("answer", LargeBinary, nullable=True),
    )
