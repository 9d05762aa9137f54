"""Drift as a page for people: one HTML file that needs nothing else."""

from __future__ import annotations

from html import escape

from velox._svg import BLUE, GREY, document, number, text
from velox.ml.drift import Drift, Drifted

__all__ = ["drift_page"]

STYLE = """
:root { color-scheme: light; --ink: #1b2430; --grey: #5f6b7a; --line: #e4e8ee; }
body { margin: 0; color: var(--ink); background: #f6f7f9; font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 28px; margin: 0; } h2 { font-size: 18px; margin: 0; } p { margin: 0 0 8px; color: var(--grey); }
div { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 480px), 1fr)); gap: 16px; }
section { background: #fff; border: 1px solid var(--line); border-radius: 10px; padding: 18px; overflow-x: auto; }
section.some { border-color: #c2570c; } section.much { border: 2px solid #b91c1c; }
svg { display: block; max-width: 100%; height: auto; }
"""
WIDTH, LEFT, STEP = 460, 150, 30
MOST_BARS = 20


def drift_page(drift: Drift) -> str:
    """The page: the predictions first, then the features, the farthest first."""
    title = f"Drift of {drift.model}@{drift.version}"
    what = f"{drift.rows:,} logged rows (blue) against the training data (grey)."
    if drift.score is not None:
        what += f" Score on the {drift.truths:,} with a truth: {number(drift.score)}."
    parts = [drift.prediction, *drift.features] if drift.prediction is not None else []
    sections = "".join(section(part) for part in parts) or "<p>No prediction of this version was logged yet.</p>"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body><main>'
        f"<h1>{escape(title)}</h1><p>{escape(what)}</p><div>{sections}</div></main></body></html>\n"
    )


def section(part: Drifted) -> str:
    ks = f", KS {part.ks:.3f}" if part.ks is not None else ""
    caption = f"PSI {part.psi:.3f}{ks}: {part.level} drift"
    return f'<section class="{part.level}"><h2>{escape(part.name)}</h2><p>{caption}</p>{pairs(part)}</section>'


def pairs(part: Drifted) -> str:
    """Two bars for each bin: the reference's share, and the window's."""
    shown = part.bins[:MOST_BARS]
    greatest = max((max(each.reference, each.window) for each in shown), default=0.0) or 1.0
    marks: list[str] = []
    for place, each in enumerate(shown):
        top = 4 + place * STEP
        marks.append(text(LEFT - 8, top + 15, each.name[:24], anchor="end"))
        for down, share, colour in ((0, each.reference, GREY), (11, each.window, BLUE)):
            width = share / greatest * (WIDTH - LEFT - 60)
            marks.append(f'<rect x="{LEFT}" y="{top + down}" width="{width:.1f}" height="9" fill="{colour}"/>')
            marks.append(text(LEFT + width + 5, top + down + 9, f"{share:.1%}", anchor="start", fill=GREY))
    return document(WIDTH, len(shown) * STEP + 8, marks, f"{part.name}: shares of the reference and of the window")
