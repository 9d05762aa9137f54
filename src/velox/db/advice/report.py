"""Advice for people, and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from velox.db.advice.advising import Advice, Proposal

__all__ = ["as_json", "as_lines"]


def as_lines(advice: Advice, dialect: str) -> Iterator[str]:
    """Each index that helps with what it costs, then what is wrong with those that there are."""
    plural = "" if advice.statements == 1 else "s"
    if not advice.statements:
        yield "Every statement finds its rows by an index that is there, or reads a table as a whole."
    elif not advice.proposals:
        yield f"No index would make any of {advice.statements} statement{plural} much faster."
    for number, one in enumerate(advice.proposals, 1):
        yield f"{number}. {one.candidate.ddl(dialect)}"
        yield f"   {_costs(one)}"
        for gain in one.gains:
            factor = f"{gain.before_s / gain.after_s:.1f} times faster"
            times = f"{gain.count} times, " if gain.count > 1 else ""
            took = f"{gain.before_s * 1000:.2f} ms -> {gain.after_s * 1000:.2f} ms"
            yield f"   {took} ({factor})  {times}{gain.place or ''}".rstrip(" ,")
            yield f"      {_short(gain.sql)}"
        yield f"   in the model: {one.candidate.code(dialect)}"
    if advice.proposals:
        yield "Then: velox makemigrations && velox migrate"
    if advice.faults:
        yield ""
        for fault in advice.faults:
            yield f"{fault.kind}: {fault.table} ({fault.subject}). {fault.advice}"
    for remark in advice.remarks:
        yield f"note: {remark}"


def as_json(advice: Advice, dialect: str) -> dict[str, Any]:
    """The same as plain values; durations in milliseconds."""
    return {
        "statements": advice.statements,
        "indexes": [
            {
                "table": one.candidate.table,
                "columns": [name for name, _ in one.candidate.columns],
                "kind": one.candidate.kind,
                "include": list(one.candidate.include),
                "where": one.candidate.where or None,
                "sql": one.candidate.ddl(dialect),
                "model": one.candidate.code(dialect),
                "size_bytes": one.size_bytes,
                "write_factor": None if one.writes is None else round(one.writes, 2),
                "gains": [
                    {
                        "sql": gain.sql,
                        "place": gain.place,
                        "count": gain.count,
                        "before_ms": round(gain.before_s * 1000, 4),
                        "after_ms": round(gain.after_s * 1000, 4),
                    }
                    for gain in one.gains
                ],
            }
            for one in advice.proposals
        ],
        "faults": [
            {"kind": fault.kind, "table": fault.table, "subject": fault.subject, "advice": fault.advice}
            for fault in advice.faults
        ],
        "remarks": advice.remarks,
    }


def _costs(one: Proposal) -> str:
    size = "size unknown" if one.size_bytes is None else f"{one.size_bytes / 2**10:,.0f} KiB"
    if one.writes is None:
        return f"{size}; what it costs a write is unknown"
    return f"{size}; a new row takes {one.writes:.2f} times as long to write"


def _short(sql: str) -> str:
    text = " ".join(sql.split())
    return text if len(text) <= 160 else f"{text[:110]} ... {text[-45:]}"
