"""A decision tree, drawn: questions in the data's own units, not in those of the scaled columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from velox._svg import GREY, INK, blend, document, number, text
from velox.ml.evaluation import Evaluation

__all__ = ["draw_tree"]

DEPTH = 3
"""Levels below the root that are drawn: eight leaves side by side are what a page shows in a size that can be read."""
BOX_WIDTH, BOX_HEIGHT, GAP_X, GAP_Y = 118, 52, 10, 40


@dataclass(slots=True)
class Node:
    """A node with its place in the picture."""

    number: int
    depth: int
    left: Node | None = None
    right: Node | None = None
    x: float = 0.0


def draw_tree(found: Evaluation) -> str | None:
    """The first levels of the tree; None where the model is none."""
    final = found.estimator.steps[-1][1] if hasattr(found.estimator, "steps") else found.estimator
    if not type(final).__name__.startswith("DecisionTree"):
        return None
    tree = final.tree_
    root = grown(tree, 0, 0)
    width = placed(root, 0.0) * (BOX_WIDTH + GAP_X)
    deepest = max(node.depth for node in walked(root))
    questions = Questions(found.estimator, tree)
    parts = [part for node in walked(root) for part in drawn(node, tree, questions, found)]
    height = (deepest + 1) * (BOX_HEIGHT + GAP_Y)
    return document(width + GAP_X, height, parts, "The decision tree")


def grown(tree: Any, number: int, depth: int) -> Node:
    node = Node(number, depth)
    if tree.children_left[number] >= 0 and depth < DEPTH:
        node.left = grown(tree, int(tree.children_left[number]), depth + 1)
        node.right = grown(tree, int(tree.children_right[number]), depth + 1)
    return node


def placed(node: Node, first: float) -> float:
    """Put leaves side by side and parents above their middle; where the next leaf goes."""
    if node.left is None or node.right is None:
        node.x = first
        return first + 1
    after = placed(node.right, placed(node.left, first))
    node.x = (node.left.x + node.right.x) / 2
    return after


def walked(node: Node) -> Iterator[Node]:
    yield node
    for child in (node.left, node.right):
        if child is not None:
            yield from walked(child)


def drawn(node: Node, tree: Any, questions: Questions, found: Evaluation) -> Iterator[str]:
    x, y = GAP_X + node.x * (BOX_WIDTH + GAP_X), 4 + node.depth * (BOX_HEIGHT + GAP_Y)
    middle = x + BOX_WIDTH / 2
    for child, word in ((node.left, "yes"), (node.right, "no")):
        if child is not None:
            below = GAP_X + child.x * (BOX_WIDTH + GAP_X) + BOX_WIDTH / 2
            yield f'<path d="M{middle:.1f} {y + BOX_HEIGHT}L{below:.1f} {y + BOX_HEIGHT + GAP_Y}" stroke="#b8c0cc"/>'
            place = (middle + below) / 2
            yield text(place, y + BOX_HEIGHT + GAP_Y / 2 + 4, word, fill=GREY, more='font-size="11"')
    verdict, share = said(node, tree, found)
    ink = "#fff" if share > 0.6 else INK
    yield (
        f'<rect x="{x:.1f}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6" fill="{blend(share)}" '
        'stroke="#b8c0cc"/>'
    )
    if tree.children_left[node.number] >= 0:
        question = questions.of(node.number) + ("" if node.left is not None else " …")
        yield text(middle, y + 20, question, fill=ink, more='font-weight="600" font-size="11"')
        yield text(middle, y + 39, verdict, fill=ink, more='font-size="10.5"')
    else:
        yield text(middle, y + 30, verdict, fill=ink, more='font-weight="600" font-size="11"')


def said(node: Node, tree: Any, found: Evaluation) -> tuple[str, float]:
    """What the node would answer and of how many rows, and how sure it is, 0 to 1."""
    rows = f"{int(tree.n_node_samples[node.number]):,}"
    values = tree.value[node.number][0]
    if not found.classes:
        return f"{number(float(values[0]))} · {rows} rows", 0.15
    best = int(values.argmax())
    least = 1 / len(values)
    label = str(found.classes[best])
    label = label if len(label) <= 10 else label[:9] + "…"
    return f"{label} {values[best]:.0%} · {rows}", float((values[best] - least) / (1 - least)) * 0.9


class Questions:
    """The question of each split, in the units of the data.

    Args:
        estimator: The fitted pipeline.
        tree: Its tree.
    """

    def __init__(self, estimator: Any, tree: Any) -> None:
        self._tree = tree
        self._scales: dict[str, tuple[float, float]] = {}
        self._names = [f"column {place}" for place in range(tree.n_features)]
        if hasattr(estimator, "steps") and len(estimator.steps) > 1:
            self._names = [str(name) for name in estimator[:-1].get_feature_names_out()]
            self._scales = scales(estimator.steps[0][1])
        elif hasattr(estimator, "feature_names_in_"):
            self._names = [str(name) for name in estimator.feature_names_in_]

    def of(self, node: int) -> str:
        """For a category ``sex_male?`` is turned round, so that yes is on the left as with numbers."""
        full = self._names[int(self._tree.feature[node])]
        kind, _, name = full.partition("__") if "__" in full else ("", "", full)
        threshold = float(self._tree.threshold[node])
        if kind == "category":
            feature, _, value = name.rpartition("_")
            return fitted(f"{feature} ≠ {value}")
        scale, mean = self._scales.get(name, (1.0, 0.0))
        return fitted(f"{name} ≤ {number(threshold * scale + mean)}")


def fitted(question: str) -> str:
    return question if len(question) <= 19 else question[:18] + "…"


def scales(prepare: Any) -> dict[str, tuple[float, float]]:
    """Scale and mean of each number that our own pipeline scales."""
    inner = getattr(prepare, "named_transformers_", {})
    if "number" not in inner or not hasattr(inner["number"], "named_steps"):
        return {}
    scaler = inner["number"].named_steps.get("scale")
    columns = next(columns for name, _, columns in prepare.transformers_ if name == "number")
    if scaler is None or not hasattr(scaler, "mean_"):
        return {}
    return {
        str(name): (float(scale), float(mean))
        for name, scale, mean in zip(columns, scaler.scale_, scaler.mean_, strict=True)
    }
