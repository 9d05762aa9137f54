"""The table of predictions.

velox_prediction   one row for each that was logged; its truth comes later, if ever
"""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, MetaData, String, Table, Text

__all__ = ["NAME", "table_in"]

NAME = "velox_prediction"


def table_in(metadata: MetaData) -> Table:
    """The table of ``metadata``, defined there the first time: several apps of a process may share it."""
    known = metadata.tables.get(NAME)
    if known is not None:
        return known
    table = Table(
        NAME,
        metadata,
        Column("id", String(32), primary_key=True),
        Column("model", String(64), nullable=False),
        Column("version", String(16), nullable=False),
        Column("created_at", Double, nullable=False),
        # JSON, all of it ASCII: databases differ in which characters a text may have.
        Column("features", Text, nullable=False),
        Column("answer", Text, nullable=False),
        Column("truth", Text, nullable=True),
    )
    Index("ix_velox_prediction_window", table.c.model, table.c.version, table.c.created_at)
    Index("ix_velox_prediction_age", table.c.model, table.c.created_at)
    return table
