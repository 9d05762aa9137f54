"""The lab's report: a page that stands alone, with bars, plans, and when to use which index."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from velox._svg import bars, number
from velox.db.advice.lab import NONE, Laboratory, Measurement, Question
from velox.db.advice.plan import drawn

__all__ = ["page", "summary"]

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#1b2430}"
    "table{border-collapse:collapse}td,th{padding:.2rem .7rem;border-bottom:1px solid #e4e8ee;text-align:right}"
    "td:first-child,th:first-child{text-align:left}pre{background:#f5f7fa;padding:.7rem;overflow:auto}svg{max-width:100%}"
)

# Who keeps which order, and what follows from it.
_WHEN = (
    (
        "B-tree",
        "It keeps the values in order, so it finds one, a range, a beginning, and gives rows in order. Use it first.",
    ),
    (
        "hash",
        (
            "It finds equal values only: no range, no order, no uniqueness. It is smaller than a B-tree where "
            "values are long, and seldom faster. PostgreSQL has it; SQLite and InnoDB have not."
        ),
    ),
    (
        "composite",
        (
            "Columns that are compared by = come first, then the order or one range: WHERE tag = ? ORDER BY time needs "
            "(tag, time). It also serves what asks for tag alone, and nothing that asks for time alone."
        ),
    ),
    (
        "covering",
        (
            "It carries columns along, so the table need not be read. It pays when few columns are asked often; it is "
            "larger, and a change of those columns is a change of the index."
        ),
    ),
    (
        "BRIN",
        (
            "It keeps the least and greatest value of each run of pages: tiny, and good for ranges of what grows "
            "with the rows, as times do. Of values in no order it is of no use."
        ),
    ),
    (
        "B-tree in the order of characters",
        (
            "PostgreSQL's text is in a language's order, in which a beginning is not a range: LIKE 'abc%' needs "
            "text_pattern_ops. SQLite uses its B-tree for GLOB 'abc*'."
        ),
    ),
    ("none", "An index costs each write. A table that is read as a whole, or has few rows, needs none."),
)


def summary(found: Laboratory) -> list[str]:
    """A line for each question, for a terminal."""
    plain = next(one for one in found.measurements if one.name == NONE)
    lines = []
    for question in found.questions:
        best, before = found.best(question.name), plain.seconds[question.name]
        took = f"{number(before * 1e6)} µs -> {number(best.seconds[question.name] * 1e6)} µs"
        lines.append(f"{question.name:<9} {took}  with {best.name}")
    return lines


def page(found: Laboratory) -> str:
    """The whole document, as HTML."""
    title = f"Indexes on {found.server}, {found.rows:,} rows"
    body = "\n".join(_body(found))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style><body><h1>{escape(title)}</h1>\n{body}\n</body></html>\n"
    )


def _body(found: Laboratory) -> Iterator[str]:
    yield "<p>One table, one index at a time. Times are the database's own: the best of several runs, "
    yield "the median over three sets of values. Bars are on a logarithmic scale; the shortest is the best.</p>"
    yield _table(found)
    for question in found.questions:
        yield from _answers(found, question)
    yield "<h2>Writes</h2><p>Writing 500 rows, with the index there.</p>"
    written = [(one.name, one.write_s * 1e3) for one in found.measurements if one.write_s]
    if written:
        yield bars("Writing 500 rows", written, "ms")
    yield "<h2>When to use which</h2><dl>"
    for name, text in _WHEN:
        yield f"<dt><b>{escape(name)}</b></dt><dd>{escape(text)}</dd>"
    yield "</dl>"


def _answers(found: Laboratory, question: Question) -> Iterator[str]:
    best = found.best(question.name)
    plain = next(one for one in found.measurements if one.name == NONE)
    yield f"<h2>{escape(question.name.capitalize())}</h2><p>{escape(question.about)}.</p>"
    yield f"<pre>{escape(question.sql)}</pre>"
    rows = [(one.name, one.seconds[question.name] * 1e6) for one in found.measurements]
    yield bars(question.about, rows, "µs")
    shown: list[Measurement] = [plain, *([best] if best is not plain else [])]
    for one in shown:
        yield f"<p>The plan with {escape(one.name)}:</p><pre>"
        yield escape("\n".join(drawn(one.plans[question.name])))
        yield "</pre>"
    unused = [one.name for one in found.measurements if one is not plain and question.name not in one.uses]
    if unused:
        yield f"<p>Not used for it: {escape('; '.join(unused))}.</p>"


def _table(found: Laboratory) -> str:
    names = [question.name for question in found.questions]
    head = "".join(f"<th>{escape(name)}, µs</th>" for name in names)
    rows = [
        f"<tr><td>{escape(one.name)}</td>"
        + "".join(f"<td>{number(one.seconds[name] * 1e6)}</td>" for name in names)
        + f"<td>{number(one.write_s * 1e3)}</td><td>{one.size_bytes / 2**10:,.0f}</td></tr>"
        for one in found.measurements
    ]
    return f"<table><tr><th>index</th>{head}<th>500 writes, ms</th><th>KiB</th></tr>{''.join(rows)}</table>"
