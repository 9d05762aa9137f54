"""Pictures as SVG text: a chart with axes, bars, and the few marks that reports draw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

__all__ = ["BLUE", "GREEN", "GREY", "INK", "ORANGE", "Chart", "bars", "blend", "document", "number", "text"]

INK, GREY, GRID = "#1b2430", "#5f6b7a", "#e4e8ee"
BLUE, ORANGE, GREEN = "#2563eb", "#c2570c", "#047857"
WIDTH, HEIGHT = 520, 340
LEFT, RIGHT, TOP, BOTTOM = 64, 20, 34, 48
TICKS = 5
Points = Sequence[tuple[float, float]]


def document(width: float, height: float, parts: Sequence[str], title: str) -> str:
    """A whole SVG document, with ``title`` for those who do not see it."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" role="img" '
        f'aria-label="{escape(title)}" font-family="system-ui, sans-serif" font-size="12">'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>'
    )


def text(x: float, y: float, content: str, *, anchor: str = "middle", fill: str = INK, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}" {more}>{escape(content)}</text>'


def number(value: float) -> str:
    """A number for people: three digits."""
    value = 0.0 if abs(value) < 1e-9 else value
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def blend(share: float) -> str:
    """From white to blue."""
    low, high = (255, 255, 255), (37, 99, 235)
    return "#" + "".join(
        f"{round(a + (b - a) * min(max(share, 0.0), 1.0)):02x}" for a, b in zip(low, high, strict=True)
    )


def ticks(low: float, high: float) -> list[float]:
    """Round numbers from about ``low`` to about ``high``."""
    span = high - low or 1.0
    step = 10 ** math.floor(math.log10(span / TICKS))
    step *= next((factor for factor in (1, 2, 5) if span / (step * factor) <= TICKS), 10)
    first = math.ceil(low / step - 1e-9)
    return [round(place * step, 10) for place in range(first, math.floor(high / step + 1e-9) + 1)]


class Chart:
    """A chart with a number on each axis.

    Args:
        title: What it shows.
        across, up: The axes' names.
        x, y: Their ranges.
    """

    def __init__(
        self, title: str, across: str, up: str, x: tuple[float, float] = (0, 1), y: tuple[float, float] = (0, 1)
    ) -> None:
        self._title = title
        self._x, self._y = widened(x), widened(y)
        self._parts: list[str] = []
        self._legend: list[str] = []
        for value in ticks(*self._y):
            at = self.up(value)
            self._parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="{GRID}"/>')
            self._parts.append(text(LEFT - 8, at + 4, number(value), anchor="end", fill=GREY))
        for value in ticks(*self._x):
            self._parts.append(text(self.across(value), HEIGHT - BOTTOM + 18, number(value), fill=GREY))
        middle = (TOP + HEIGHT - BOTTOM) / 2
        self._parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, across))
        self._parts.append(text(16, middle, up, more=f'transform="rotate(-90 16 {middle:.0f})"'))

    def across(self, value: float) -> float:
        low, high = self._x
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def up(self, value: float) -> float:
        low, high = self._y
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    def line(self, points: Points, colour: str, name: str = "", *, dashed: bool = False, dots: bool = False) -> None:
        """Connect ``points``."""
        path = "M" + "L".join(f"{self.across(x):.1f} {self.up(y):.1f}" for x, y in points)
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self._parts.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        if dots:
            self.dots(points, colour)
        if name:
            self._legend.append(f'<tspan fill="{colour}">■</tspan> {escape(name)}')

    def dots(self, points: Points, colour: str, radius: float = 3.5, opacity: float = 1.0) -> None:
        """A dot at each of ``points``."""
        self._parts += [
            f'<circle cx="{self.across(x):.1f}" cy="{self.up(y):.1f}" r="{radius}" fill="{colour}" '
            f'opacity="{opacity}"/>'
            for x, y in points
        ]

    def svg(self) -> str:
        legend = f'<text x="{LEFT}" y="18" fill="{INK}">{"   ".join(self._legend)}</text>'
        return document(WIDTH, HEIGHT, [*self._parts, legend.replace("   ", "\N{EM SPACE}")], self._title)


def bars(title: str, rows: Sequence[tuple[str, float]], unit: str) -> str:
    """A bar for each value, on a logarithmic scale: the longest is the largest, the shortest the smallest.

    Args:
        title: What they show.
        rows: A name and a positive value each.
        unit: Of the values.
    """
    logs = [math.log10(value) for _, value in rows]
    low, span = min(logs) - 0.3, max(logs) - min(logs) + 0.3
    left, step = 190, 24
    parts = [text(12, 20, title, anchor="start", more='font-weight="600"')]
    for place, ((name, value), log) in enumerate(zip(rows, logs, strict=True)):
        top, width = 34 + place * step, (log - low) / span * (WIDTH - left - 90)
        colour = GREEN if value == min(one for _, one in rows) else BLUE
        parts.append(text(left - 8, top + 13, name, anchor="end"))
        parts.append(f'<rect x="{left}" y="{top}" width="{width:.1f}" height="{step - 7}" fill="{colour}"/>')
        parts.append(text(left + width + 6, top + 13, f"{number(value)} {unit}", anchor="start", fill=GREY))
    return document(WIDTH, 34 + len(rows) * step + 8, parts, title)


def widened(edges: tuple[float, float]) -> tuple[float, float]:
    low, high = edges
    return (low, high) if high > low else (low - 0.5, high + 0.5)
