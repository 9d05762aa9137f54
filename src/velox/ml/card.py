"""The model card: a version's manifest in words, as Markdown.

Source of its parts: Mitchell et al., "Model Cards for Model Reporting", FAT* 2019. What only people know (who should
use the model, and for whom it is unfit) is not invented.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from velox.ml.manifest import Manifest
from velox.ml.schema import Feature

__all__ = ["CARD", "card_of"]

CARD = "card.md"


def card_of(manifest: Manifest) -> str:
    """The card of a version, as Markdown."""
    return "\n".join(lines(manifest)) + "\n"


def lines(manifest: Manifest) -> Iterator[str]:
    outcome = manifest.schema.outcome
    classes = f", one of {', '.join(map(plain, outcome.classes))}" if outcome.classes else ""
    yield f"# {manifest.name}"
    yield ""
    yield f"A {manifest.estimator} that predicts `{plain(outcome.name)}`{classes} ({outcome.kind})."
    yield f"Made on {manifest.created}" + (f" from revision {manifest.git[:12]}." if manifest.git else ".")
    if manifest.data:
        yield from ("", "## Data", "")
        yield from (f"- {name.replace('_', ' ')}: {plain(value)}" for name, value in manifest.data.items())
    yield from ("", "## Rows", "", "| feature | kind | values | may be missing |", "|---|---|---|---|")
    yield from map(feature_line, manifest.schema.features)
    policies = manifest.schema.policies
    yield ""
    yield f"A number outside of its range: {policies.out_of_range}. An unknown category: {policies.unknown}."
    yield from ("", "## How good it is", "")
    scores = {name: value for name, value in manifest.metrics.items() if isinstance(value, (int, float))}
    if scores:
        yield from ("On rows that it has not learned from, with 95% intervals.", "", "| metric | value | interval |")
        yield "|---|---|---|"
    else:
        yield "It was not evaluated here."
    for name, value in scores.items():
        ends = manifest.metrics.get(f"{name}_interval")
        yield f"| {plain(name)} | {value:.4g} | {f'{ends[0]:.4g} to {ends[1]:.4g}' if ends else ''} |"
    yield from ("", "## Made with", "")
    yield ", ".join(f"{name} {version}" for name, version in manifest.libraries.items())


def feature_line(feature: Feature) -> str:
    values = ""
    if feature.categories:
        values = feature.listed(8)
    elif feature.minimum is not None and feature.maximum is not None:
        values = f"{feature.minimum:g} to {feature.maximum:g}"
    return f"| {plain(feature.name)} | {feature.kind} | {plain(values)} | {'yes' if feature.missing else 'no'} |"


def plain(value: Any) -> str:
    """``value`` in one line, without what Markdown would take for a column, code or HTML."""
    text = " ".join(str(value).split())
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "\\`")
