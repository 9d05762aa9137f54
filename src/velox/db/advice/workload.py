"""A workload: the kinds of statements that were run, how often, and with which values; and the file that keeps it.

A line of the file is one kind of statement as JSON. Several processes may add to it. It holds values that were in
statements, so it is as confidential as the database.
"""

from __future__ import annotations

import asyncio
import base64
import fcntl
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from velox.db.advice.explaining import explainable
from velox.db.observing import Seen
from velox.errors import ConfigurationError

__all__ = ["Kind", "Recorder", "Workload", "is_internal"]

MOST_KINDS = 500
"""The most kinds of statements that are kept; those that took the least time go first."""
MOST_SAMPLES = 5
"""The most sets of values that are kept of a kind."""
_LARGEST_SAMPLE_BYTES = 4096

_LIST = re.compile(r"\((?:\?|%s|\$\d+(?:::\w+)?)(?:, ?(?:\?|%s|\$\d+(?:::\w+)?))*\)")
# Velox's own tables, which nobody else can give an index.
_INTERNAL = re.compile(
    r"\b(?:FROM|INTO|UPDATE|JOIN)\s+[\"`]?(?:velox_|alembic_|sqlite_|pg_|information_schema)", re.IGNORECASE
)


@dataclass(slots=True)
class Kind:
    """Statements that differ only in their values."""

    sql: str
    count: int = 0
    total_s: float = 0.0
    place: str | None = None
    """``file:line`` of one of those who asked."""
    samples: list[Any] = field(default_factory=list)
    """Values, in the driver's form: a sequence for each statement."""


class Workload:
    """Kinds of statements, the one that took the most time first."""

    def __init__(self, kinds: Iterable[Kind] = ()) -> None:
        self._kinds: dict[str, Kind] = {}
        for kind in kinds:
            self.add(kind)

    def __iter__(self) -> Iterator[Kind]:
        return iter(sorted(self._kinds.values(), key=lambda kind: -kind.total_s))

    def __len__(self) -> int:
        return len(self._kinds)

    def note(self, seen: Seen) -> None:
        """Add a statement that was run."""
        if not explainable(seen.sql) or is_internal(seen.sql):
            return
        known = self._kinds.get(_shape(seen.sql))
        samples = [] if known and len(known.samples) >= MOST_SAMPLES else [seen.parameters]
        self.add(Kind(seen.sql, 1, seen.elapsed_s, seen.place, samples))

    def add(self, kind: Kind) -> None:
        """Add to what is known of a kind."""
        known = self._kinds.setdefault(_shape(kind.sql), Kind(kind.sql, place=kind.place))
        known.count += kind.count
        known.total_s += kind.total_s
        if known.sql == kind.sql:  # a list of another length has other placeholders
            known.samples += kind.samples[: MOST_SAMPLES - len(known.samples)]
        if len(self._kinds) > MOST_KINDS:
            least = min(self._kinds, key=lambda each: self._kinds[each].total_s)
            del self._kinds[least]

    @classmethod
    def read(cls, path: Path) -> Workload:
        """The workload in a file; empty if there is none.

        Raises:
            ConfigurationError: VX442, it is no such file.
        """
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return cls()
        except (OSError, UnicodeDecodeError) as error:
            raise _unreadable(path, str(error)) from None
        return cls(_kind(path, number, line) for number, line in enumerate(lines, 1) if line)

    def save(self, path: Path) -> None:
        """Add it to what is in a file, which is made if it is missing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with _held(path):
            whole = Workload([*Workload.read(path), *self])
            new = path.with_suffix(".new")
            new.touch(mode=0o600)
            new.write_text("".join(f"{_line(kind)}\n" for kind in whole), encoding="utf-8")
            new.replace(path)


class Recorder:
    """Keeps the workload of a database, and writes it to a file in the end; for ``database.listen``.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._workload = Workload()

    def __call__(self, seen: Seen) -> None:
        self._workload.note(seen)

    async def close(self) -> None:
        """Write what was seen, if anything."""
        whole, self._workload = self._workload, Workload()
        if len(whole):
            await asyncio.to_thread(whole.save, self._path)


def is_internal(sql: str) -> bool:
    """Whether a statement is about Velox's own tables, or the database's."""
    return _INTERNAL.search(sql) is not None


def _shape(sql: str) -> str:
    return _LIST.sub("(...)", " ".join(sql.split()))


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Nobody else writes meanwhile."""
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _line(kind: Kind) -> str:
    samples = [text for text in map(_sample, kind.samples) if text is not None]
    return json.dumps(
        {
            "sql": kind.sql,
            "count": kind.count,
            "total_ms": round(kind.total_s * 1000, 3),
            "place": kind.place,
            "samples": samples,
        }
    )


def _kind(path: Path, number: int, line: str) -> Kind:
    try:
        found = json.loads(line)
        samples = [tuple(_plain(value) for value in sample) for sample in found.get("samples", ())]
        return Kind(
            str(found["sql"]),
            int(found.get("count", 1)),
            float(found.get("total_ms", 0)) / 1000,
            found.get("place"),
            samples,
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _unreadable(path, f"line {number}: {type(error).__name__}: {error}") from None


def _unreadable(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(
        "VX442",
        f"{path} is no workload: {why}",
        hint="A workload has a JSON object a line, with sql and samples; a file of SQL is named .sql.",
    )


def _sample(parameters: Any) -> list[Any] | None:
    """The values of a statement as JSON; ``None`` where one is of no use outside this process, or too large."""
    try:
        values = [_written(value) for value in parameters]
    except TypeError:
        return None
    return values if len(json.dumps(values)) <= _LARGEST_SAMPLE_BYTES else None


_TEXTS: dict[str, Any] = {
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "UUID": UUID,
    "Decimal": Decimal,
}


def _written(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, timedelta):
        return {"timedelta": value.total_seconds()}
    for cls in type(value).__mro__:  # a driver has its own UUID
        if cls.__name__ in _TEXTS:
            return {cls.__name__: value.isoformat() if hasattr(value, "isoformat") else str(value)}
    raise TypeError(f"{type(value).__name__} is not kept")


def _plain(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    ((name, text),) = value.items()
    if name == "bytes":
        return base64.b64decode(text)
    if name == "timedelta":
        return timedelta(seconds=text)
    return _TEXTS[name](text)
