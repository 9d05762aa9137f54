"""What a table holds, as one number: equal on two servers when every row is, whatever the order."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from sqlalchemy import Table

from velox.db.stored import as_read
from velox.db.upkeep.plain import written_value

__all__ = ["Digest", "RowDigester"]

_BYTES = 16


@dataclass(frozen=True, slots=True)
class Digest:
    """A table's rows: how many, and the sum of their hashes, which no order changes and no row cancels."""

    rows: int = 0
    total: int = 0


class RowDigester:
    """Adds up the rows of ``table``, which is a plain one: each as the Python values that are read from it."""

    def __init__(self, table: Table) -> None:
        self._forms = [as_read(column.type) for column in table.columns]
        self._rows = 0
        self._total = 0

    def add(self, rows: Iterable[Sequence[Any]]) -> None:
        """Count ``rows`` in."""
        for row in rows:
            values = [
                written_value(value if form is None or value is None else form(value))
                for value, form in zip(row, self._forms, strict=True)
            ]
            text = json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
            hashed = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_BYTES).digest()
            self._total += int.from_bytes(hashed)
            self._rows += 1

    @property
    def digest(self) -> Digest:
        """Of all rows so far."""
        return Digest(self._rows, self._total % (1 << 8 * _BYTES))
