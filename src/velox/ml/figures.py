"""The report's figures, each drawn from what the evaluation found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from velox._svg import BLUE, GREEN, GREY, INK, ORANGE, Chart, blend, document, number, text
from velox.ml.evaluation import Evaluation
from velox.ml.treedrawing import draw_tree

__all__ = ["FIGURES", "figures"]

MOST_BARS = 15
CELL = 84


def figures(evaluation: Evaluation) -> dict[str, tuple[str, str, str]]:
    """Each figure that there is something for: title, caption and SVG, by its name."""
    made = {name: (title, caption, draw(evaluation)) for name, (title, caption, draw) in FIGURES.items()}
    return {name: (title, caption, svg) for name, (title, caption, svg) in made.items() if svg is not None}


def confusion(found: Evaluation) -> str | None:
    matrix = found.curves.get("confusion")
    if not matrix or len(matrix) > 12:
        return None
    size = len(matrix)
    left, top = 130, 40
    parts = [text(left + size * CELL / 2, 16, f"predicted {found.target}", fill=GREY)]
    for row, counts in enumerate(matrix):
        name = short(str(found.classes[row]))
        parts.append(text(left - 10, top + row * CELL + CELL / 2 + 4, name, anchor="end"))
        parts.append(text(left + row * CELL + CELL / 2, 34, name))
        total = sum(counts) or 1
        for column, count in enumerate(counts):
            parts.append(cell(left + column * CELL, top + row * CELL, count, count / total))
    middle = top + size * CELL / 2
    parts.append(text(14, middle, f"actual {found.target}", fill=GREY, more=f'transform="rotate(-90 14 {middle:.0f})"'))
    return document(left + size * CELL + 10, top + size * CELL + 10, parts, "Confusion matrix")


def cell(x: float, y: float, count: int, share: float) -> str:
    ink = "#fff" if share > 0.55 else INK
    box = (
        f'<rect x="{x}" y="{y}" width="{CELL - 3}" height="{CELL - 3}" rx="4" fill="{blend(share)}" stroke="#e4e8ee"/>'
    )
    return (
        box
        + text(x + CELL / 2, y + CELL / 2, f"{count:,}", fill=ink, more='font-size="18" font-weight="600"')
        + text(x + CELL / 2, y + CELL / 2 + 18, f"{share:.0%}", fill=ink)
    )


def roc(found: Evaluation) -> str | None:
    points = found.curves.get("roc")
    if not points:
        return None
    low, high = found.metrics["roc_auc_interval"]
    chart = Chart("ROC", "false positives of all negatives", "true positives of all positives")
    chart.line([(0, 0), (1, 1)], GREY, dashed=True)
    chart.line(points, BLUE, f"area {found.metrics['roc_auc']:.3f}, 95%: {low:.3f} to {high:.3f}")
    return chart.svg()


def precision_recall(found: Evaluation) -> str | None:
    points = found.curves.get("precision_recall")
    if not points:
        return None
    chart = Chart("Precision and recall", "recall: found of all there are", "precision: right of all found")
    chart.line(points, BLUE, f"average precision {found.metrics['average_precision']:.3f}")
    return chart.svg()


def calibration(found: Evaluation) -> str | None:
    points = found.curves.get("calibration")
    if not points:
        return None
    chart = Chart("Calibration", f"probability of {found.classes[1]}", "how often it was so")
    chart.line([(0, 0), (1, 1)], GREY, "as it should be", dashed=True)
    chart.line(points, BLUE, f"the model (Brier score {found.metrics['brier']:.3f})", dots=True)
    return chart.svg()


def residuals(found: Evaluation) -> str | None:
    points = found.curves.get("residuals")
    if not points:
        return None
    values = [value for point in points for value in point]
    edges = (min(values), max(values))
    chart = Chart("Predicted and actual", f"actual {found.target}", f"predicted {found.target}", edges, edges)
    chart.line([(edges[0], edges[0]), (edges[1], edges[1])], GREY, "as it should be", dashed=True)
    chart.dots(points, BLUE, radius=3, opacity=0.45)
    return chart.svg()


def learning(found: Evaluation) -> str | None:
    points = found.curves.get("learning")
    return two_curves(found, points, "Learning curve", "rows learned from") if points else None


def neighbours(found: Evaluation) -> str | None:
    points = found.curves.get("neighbours")
    return two_curves(found, points, "k and score", "k, the number of neighbours") if points else None


def two_curves(found: Evaluation, points: Sequence[tuple[float, float, float]], title: str, across: str) -> str:
    scores = [score for _, *pair in points for score in pair if score == score]  # noqa: PLR0124 - a failed fit is NaN
    low = max(min(scores) - 0.03, -1.0)
    score = "accuracy" if found.kind == "classification" else "R²"
    chart = Chart(title, across, score, (points[0][0], points[-1][0]), (low, min(max(scores) + 0.02, 1.0)))
    whole = [point for point in points if point[1] == point[1] and point[2] == point[2]]
    chart.line([(size, own) for size, own, _ in whole], ORANGE, "on the rows learned from", dots=True)
    chart.line([(size, other) for size, _, other in whole], BLUE, "on other rows (cross-validated)", dots=True)
    return chart.svg()


def importance(found: Evaluation) -> str | None:
    rows = [(name, mean) for name, mean, _ in found.curves.get("importance", ())]
    loss = "accuracy" if found.kind == "classification" else "R²"
    return bars(rows, f"How much {loss} is lost when a column is shuffled") if rows else None


def coefficients(found: Evaluation) -> str | None:
    final = found.estimator.steps[-1][1] if hasattr(found.estimator, "steps") else found.estimator
    weights = getattr(final, "coef_", None)
    if weights is None or not hasattr(found.estimator, "steps"):
        return None
    values = weights[-1] if weights.ndim > 1 else weights
    try:
        names = [str(name).partition("__")[2] for name in found.estimator[:-1].get_feature_names_out()]
    except (AttributeError, ValueError):
        return None
    rows = sorted(zip(names, values.tolist(), strict=True), key=lambda row: -abs(row[1]))
    towards = f"{found.target} = {found.classes[-1]}" if found.classes else found.target
    return bars(rows, f"Towards {towards}")


def bars(rows: Sequence[tuple[str, float]], title: str) -> str:
    """Horizontal bars, to the left where they are negative."""
    shown = list(rows)[:MOST_BARS]
    reach = max(abs(value) for _, value in shown) or 1.0
    below = any(value < -reach / 100 for _, value in shown)
    left, width, high = 170, 250, 24
    zero = left + (width / 2 if below else 0)
    scale = (width / 2 if below else width) / reach
    parts = [text(left, 16, title, anchor="start", fill=GREY)]
    for place, (name, value) in enumerate(shown):
        y, length = 30 + place * high, abs(value) * scale
        x = zero if value >= 0 else zero - length
        parts.append(text(left - 10, y + 13, short(name, 24), anchor="end"))
        colour = BLUE if value >= 0 else ORANGE
        parts.append(f'<rect x="{x:.1f}" y="{y}" width="{max(length, 1):.1f}" height="16" rx="2" fill="{colour}"/>')
        parts.append(text(left + width + 12, y + 13, number(value), anchor="start", fill=GREY))
    parts.append(f'<path d="M{zero} 26V{34 + len(shown) * high}" stroke="{GREY}"/>')
    return document(left + width + 80, 44 + len(shown) * high, parts, title)


def thresholds(found: Evaluation) -> str | None:
    rows = found.curves.get("thresholds")
    if not rows:
        return None
    chart = Chart("Thresholds", f"threshold for {found.target} = {found.classes[1]}", "")
    for name, colour in (("precision", BLUE), ("recall", ORANGE), ("f1", GREEN)):
        chart.line([(row["threshold"], row[name]) for row in rows], colour, name, dots=True)
    return chart.svg()


def short(name: str, most: int = 14) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


def tree(found: Evaluation) -> str | None:
    return draw_tree(found)


Draw = Callable[[Evaluation], str | None]
FIGURES: Mapping[str, tuple[str, str, Draw]] = MappingProxyType(
    {
        "confusion": ("Confusion matrix", "Rows are what was so, columns what the model said.", confusion),
        "residuals": ("Predicted and actual", "Each dot is a held-out row; on the line it was right.", residuals),
        "roc": ("ROC curve", "The dashed line is guessing.", roc),
        "precision-recall": ("Precision and recall", "What finding more of them costs.", precision_recall),
        "calibration": ("Calibration", "Whether 70% means seven of ten.", calibration),
        "thresholds": ("Thresholds", "What another threshold than 0.5 would do.", thresholds),
        "learning": ("Learning curve", "Curves that still rise at the right: more data would help.", learning),
        "neighbours": ("k and accuracy", "Few neighbours learn by heart, many blur.", neighbours),
        "tree": ("The decision tree", "The left branch is yes; the colour is how sure a node is.", tree),
        "importance": ("Importance", "What the model uses: score lost when a column is shuffled.", importance),
        "coefficients": ("Coefficients", "Of scaled numbers and of categories; the greatest first.", coefficients),
    }
)
"""Title, caption and drawing of each, in the report's order."""
