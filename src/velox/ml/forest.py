"""A forest of decision trees, evaluated for one row as quickly as for many, with scikit-learn's very numbers.

A row's leaf is found without walking down: each split that a value fails removes the leaves on its left, and the first
leaf that is left is the row's (QuickScorer: Lucchese et al., SIGIR 2015, "QuickScorer: a fast algorithm to rank
documents with additive ensembles of regression trees"). Which splits a value fails depends only on where it lies among
the thresholds of its feature, so what remains of all leaves of all trees is a row of a table for each such place, and a
row of data is as many of them as it has features, joined by a bitwise "and".

The comparisons are scikit-learn's: a value is rounded to float32, and the thresholds are float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Forest"]

Array = npt.NDArray[Any]
MAX_TABLE_BYTES = 64 * 2**20
"""Deep forests of large data would need gigabytes; those walk down their trees in scikit-learn's own code."""
FEW_ROWS = 64
"""Up to so many rows the table is quicker than scikit-learn's walk, which costs about 2 µs a tree and call."""
WORD_BITS = 64


class Forest:
    """The mean of trees.

    Args:
        trees: scikit-learn's ``tree_`` of each.

    Attributes:
        tabled: Whether there is a table; without, every row is walked down.
    """

    def __init__(self, trees: Sequence[Any]) -> None:
        self._trees = list(trees)
        self._splits = [splits_of(tree) for tree in trees]
        self._words = -(-max(leaves for _, leaves in self._splits) // WORD_BITS)
        self.tabled = self._table_bytes() <= MAX_TABLE_BYTES
        if self.tabled:
            self._make_table()

    def __call__(self, matrix: Array) -> Array:
        """The means, ``(rows, outputs)``, of a matrix ``(rows, features)``."""
        rounded = np.ascontiguousarray(matrix, dtype=np.float32)
        if self.tabled and len(rounded) <= FEW_ROWS:
            return self.from_table(rounded)
        return self.walked(rounded)

    def walked(self, rounded: Array) -> Array:
        """By scikit-learn's own code, tree by tree, in its order: floating point sums depend on it."""
        total = np.zeros((len(rounded), self._trees[0].value.shape[2]))
        for tree in self._trees:
            total += tree.predict(rounded).reshape(total.shape)
        return np.asarray(total / len(self._trees))

    def from_table(self, rounded: Array) -> Array:
        """By the table."""
        places = np.empty((len(rounded), len(self._used)), dtype=np.intp)
        for number, (feature, thresholds, first) in enumerate(self._used):
            values = rounded[:, feature].astype(np.float64)
            # NaN sorts last, behind all thresholds: its own place in the table.
            places[:, number] = first + np.where(
                np.isnan(values), len(thresholds) + 1, np.searchsorted(thresholds, values, side="left")
            )
        left = np.bitwise_and.reduce(self._table[places], axis=1) if self._used else self._all_leaves(len(rounded))
        word = (left != 0).argmax(axis=2)
        bits = np.take_along_axis(left, word[:, :, None], axis=2)[:, :, 0]
        # The lowest bit alone is a power of two, whose float64 is exact.
        bit = np.frexp((bits & (~bits + np.uint64(1))).astype(np.float64))[1] - 1
        values = self._values[self._tree_numbers, word * WORD_BITS + bit]
        return np.asarray(np.add.reduce(values, axis=1) / len(self._trees))

    def _all_leaves(self, rows: int) -> Array:
        return np.full((rows, len(self._trees), self._words), ~np.uint64(0))

    def _table_bytes(self) -> int:
        distinct = {(split[0], split[1]) for splits, _ in self._splits for split in splits}
        places = len(distinct) + 2 * self._trees[0].n_features
        return int(places * len(self._trees) * self._words * WORD_BITS // 8)

    def _make_table(self) -> None:
        outputs = self._trees[0].value.shape[2]
        self._values = np.zeros((len(self._trees), self._words * WORD_BITS, outputs))
        self._tree_numbers = np.arange(len(self._trees))
        for number, tree in enumerate(self._trees):
            leaves = leaves_in_order(tree)
            self._values[number, : len(leaves)] = tree.value[leaves, 0, :]
        features = sorted({split[0] for splits, _ in self._splits for split in splits})
        parts, first = [], 0
        self._used: list[tuple[int, Array, int]] = []
        for feature in features:
            thresholds, part = self._part(feature)
            self._used.append((feature, thresholds, first))
            parts.append(part)
            first += len(part)
        self._table = np.concatenate(parts) if parts else np.empty((0, len(self._trees), self._words), np.uint64)

    def _part(self, feature: int) -> tuple[Array, Array]:
        """A feature's thresholds, and what they leave: a row for a value below all, above the first, ..., and NaN."""
        splits = [
            (threshold, number, low, high, nan_left)
            for number, (found, _) in enumerate(self._splits)
            for at, threshold, low, high, nan_left in found
            if at == feature
        ]
        thresholds = np.unique([split[0] for split in splits])
        part = np.full((len(thresholds) + 2, len(self._trees), self._words), ~np.uint64(0))
        for threshold, number, low, high, nan_left in splits:
            kept = ~bits_between(low, high, self._words)
            part[np.searchsorted(thresholds, threshold) + 1, number] &= kept
            if not nan_left:
                part[-1, number] &= kept
        part[:-1] = np.bitwise_and.accumulate(part[:-1], axis=0)
        return thresholds, part


Split = tuple[int, float, int, int, bool]
"""Feature, threshold, the leaves on its left from and below, and whether NaN goes there."""


def splits_of(tree: Any) -> tuple[list[Split], int]:
    """The splits of a tree and the number of its leaves, which are numbered from left to right."""
    splits: list[Split] = []
    first: dict[int, int] = {}
    leaves = 0
    lefts, rights = tree.children_left.tolist(), tree.children_right.tolist()
    features, thresholds = tree.feature.tolist(), tree.threshold.tolist()
    nan_left = tree.missing_go_to_left.tolist()
    # Two visits a node: before its left side, and between the two sides; a loop, since trees may be deep.
    waiting = [(0, False)]
    while waiting:
        node, between = waiting.pop()
        if lefts[node] == rights[node]:
            leaves += 1
        elif between:
            splits.append((features[node], thresholds[node], first[node], leaves, bool(nan_left[node])))
            waiting.append((rights[node], False))
        else:
            first[node] = leaves
            waiting += [(node, True), (lefts[node], False)]
    return splits, leaves


def leaves_in_order(tree: Any) -> list[int]:
    """The leaves' nodes from left to right."""
    lefts, rights = tree.children_left.tolist(), tree.children_right.tolist()
    found, waiting = [], [0]
    while waiting:
        node = waiting.pop()
        if lefts[node] == rights[node]:
            found.append(node)
        else:
            waiting += [rights[node], lefts[node]]
    return found


def bits_between(low: int, high: int, words: int) -> Array:
    """A word for each 64 leaves, with the bits of the leaves from ``low`` to below ``high``."""
    number = (1 << high) - (1 << low)
    return np.frombuffer(number.to_bytes(words * 8, "little"), dtype="<u8").astype(np.uint64)
