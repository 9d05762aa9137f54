"""From samples to the numbers that are reported. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

__all__ = ["Sample", "Summary", "paired_ratio", "summarise", "table"]


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one server."""

    answered: int
    cpu_s: float
    """CPU time of the server."""
    wall_s: float

    @property
    def cpu_us(self) -> float:
        """CPU time of the server per request, in microseconds."""
        return self.cpu_s / self.answered * 1e6

    @property
    def per_s(self) -> float:
        """Requests answered in a second."""
        return self.answered / self.wall_s


@dataclass(frozen=True, slots=True)
class Summary:
    """All rounds of one server: medians, and how far the rounds lie apart."""

    cpu_us: float
    lowest_cpu_us: float
    highest_cpu_us: float
    per_s: float


def summarise(samples: Sequence[Sample]) -> Summary:
    """The medians of ``samples``.

    Raises:
        ValueError: There are none.
    """
    costs = [sample.cpu_us for sample in samples]
    return Summary(median(costs), min(costs), max(costs), median(sample.per_s for sample in samples))


def paired_ratio(ours: Sequence[Sample], theirs: Sequence[Sample]) -> float:
    """The median over rounds of our CPU time by theirs.

    The two samples of a round were taken within seconds, so what the machine did meanwhile touches both; the ratio of
    two medians would mix rounds.

    Raises:
        ValueError: They have different numbers of rounds, or none.
    """
    return median(mine.cpu_us / other.cpu_us for mine, other in zip(ours, theirs, strict=True))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table: the first column to the left, numbers to the right."""
    ruler = ["---", *("--:" for _ in header[1:])]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, ruler, *rows))
