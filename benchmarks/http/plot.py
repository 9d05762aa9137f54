"""A bar chart as SVG: groups of horizontal bars on one scale. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Bar", "Group", "bar_chart"]

WIDTH, LABELS, RIGHT = 760, 190, 60
"""Of the picture, of the column with names, and of the space for a bar's value, in pixels."""
BAR, GAP, TITLE = 15, 4, 26

STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2933; }
.title { font-weight: 600; }
.bar { fill: #9fb3c8; }
.ours { fill: #0b6e4f; }
.note { fill: #52606d; font-size: 11px; }
.one { stroke: #52606d; stroke-dasharray: 3 3; }
@media (prefers-color-scheme: dark) {
  text { fill: #e4e7eb; } .note { fill: #9aa5b1; } .bar { fill: #52606d; } .ours { fill: #3ebd93; }
}
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar."""

    name: str
    value: float
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Bars under a title."""

    title: str
    bars: Sequence[Bar]

    @property
    def height(self) -> int:
        """In pixels, with its title."""
        return TITLE + len(self.bars) * (BAR + GAP) + GAP


def bar_chart(title: str, note: str, groups: Sequence[Group]) -> str:
    """The document; a dashed line marks the value 1.

    Raises:
        ValueError: There is no bar with a value above 0.
    """
    highest = max((bar.value for group in groups for bar in group.bars), default=0.0)
    if highest <= 0:
        raise ValueError("nothing to draw")
    scale = (WIDTH - LABELS - RIGHT) / highest
    top, drawn = 48, []
    for group in groups:
        drawn += draw(group, top, scale)
        top += group.height
    one, end = round(LABELS + scale, 1), top + 4
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {end}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            f'<text x="0" y="16" class="title">{escape(title)}</text>',
            f'<text x="0" y="34" class="note">{escape(note)}</text>',
            f'<line x1="{one}" y1="44" x2="{one}" y2="{end}" class="one"/>',
            *drawn,
            "</svg>",
            "",
        ]
    )


def draw(group: Group, top: int, scale: float) -> list[str]:
    """The elements of one group."""
    lines = [f'<text x="0" y="{top + 17}" class="title">{escape(group.title)}</text>']
    for row, bar in enumerate(group.bars):
        y = top + TITLE + row * (BAR + GAP)
        length = round(bar.value * scale, 1)
        kind = "bar ours" if bar.is_ours else "bar"
        lines += [
            f'<text x="{LABELS - 8}" y="{y + 12}" text-anchor="end">{escape(bar.name)}</text>',
            f'<rect x="{LABELS}" y="{y}" width="{length}" height="{BAR}" class="{kind}"/>',
            f'<text x="{LABELS + length + 6:.1f}" y="{y + 12}">{bar.value:.2f}</text>',
        ]
    return lines
