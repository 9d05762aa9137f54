"""What a row costs without HTTP: in batches of several sizes, remembered, and until a process can answer the first."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import joblib
import pandas as pd

from benchmarks.ml.cases import ROW
from benchmarks.summary import table
from velox import Settings, Velox
from velox.ml import Registry, load
from velox.ml.inference import ANYTHING
from velox.ml.remembering import AnswerCache
from velox.ml.rows import RowReader

__all__ = ["inside", "pages"]

SIZES = (1, 64, 1024)
ROUND_S = 0.3
STARTS = 3
COLD = "import sys, time; from velox.ml import Registry, load; load(Registry(sys.argv[1]), sys.argv[2])"
COLD_SKLEARN = "import sys, joblib; joblib.load(sys.argv[1])"


def inside(folder: Path, model: str) -> dict[str, Any]:
    """Microseconds a row by who computes it and the batch's size, of a look-up, and seconds of a cold start.

    Args:
        folder: What :func:`benchmarks.ml.models.write` wrote.
        model: Its name.
    """
    pipeline = joblib.load(folder / f"{model}.joblib")
    runner = load(Registry(folder / "models"), model)
    reader = RowReader(runner.schema, ANYTHING)
    vector, row = reader.read(dict(ROW))[0], dict(ROW)
    costs: dict[str, dict[int, float]] = {"Velox": {}, "scikit-learn": {}}
    for size in SIZES:
        vectors, rows = [vector] * size, [row] * size
        one = runner.one if size == 1 else None
        work: Callable[[], Any] = partial(one, vector) if one is not None else partial(runner.predict, vectors)
        costs["Velox"][size] = cost_us(work) / size
        costs["scikit-learn"][size] = cost_us(partial(asked, pipeline, rows)) / size
    return {
        "row_us": costs,
        "read_us": cost_us(lambda: reader.read(row)),
        **asyncio.run(look_ups(folder, model)),
        "cold_start_s": {
            "Velox": cold_s(COLD, str(folder / "models"), model),
            "scikit-learn": cold_s(COLD_SKLEARN, str(folder / f"{model}.joblib")),
        },
    }


def asked(pipeline: Any, rows: Sequence[Mapping[str, Any]]) -> Any:
    """scikit-learn's answers, as most servers ask for them."""
    return pipeline.predict_proba(pd.DataFrame(rows))


def cost_us(work: Callable[[], Any]) -> float:
    """The median of rounds that take :data:`ROUND_S` together."""
    work()
    found: list[float] = []
    end = time.perf_counter() + ROUND_S
    while not found or time.perf_counter() < end:
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return median(found) * 1e6


async def look_ups(folder: Path, model: str) -> dict[str, float]:
    """A hit and a miss of the app's cache in memory, in microseconds."""
    app = Velox("bench", Settings(env="test", database_url="sqlite:///:memory:"))
    runner = load(Registry(folder / "models"), model)
    vector = RowReader(runner.schema, ANYTHING).read(dict(ROW))[0]
    async with app.lifespan():
        cache = AnswerCache(app.cache, runner.manifest, 60.0)
        await cache.put(cache.key(vector), (0, [0.5, 0.5]))
        other = [*vector[:-1], vector[-1] + 1]
        found: dict[str, float] = {}
        for name, asked in (("hit_us", vector), ("miss_us", other)):
            durations = []
            for _ in range(5000):
                start = time.perf_counter()
                await cache.get(cache.key(asked))
                durations.append(time.perf_counter() - start)
            found[name] = median(durations) * 1e6
    return found


def cold_s(code: str, *arguments: str) -> float:
    """Seconds until a new process has the model."""
    durations = []
    for _ in range(STARTS):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code, *arguments], check=True)
        durations.append(time.perf_counter() - start)
    return min(durations)


def pages(found: Mapping[str, Any]) -> str:
    """The tables of one model."""
    rows = [
        [who, *(f"{costs[size]:,.2f}" for size in SIZES), f"{found['cold_start_s'][who]:.1f}"]
        for who, costs in found["row_us"].items()
    ]
    head = ["in process", *(f"µs a row, of {size:,}" for size in SIZES), "s to the first answer"]
    return "\n".join(
        [
            table(head, rows),
            "",
            (
                f"Reading and checking a row takes {found['read_us']:.1f} µs; its answer is remembered in memory with"
                f" {found['hit_us']:.1f} µs for a hit, and {found['miss_us']:.1f} µs for a miss."
            ),
        ]
    )


if __name__ == "__main__":
    print(json.dumps(inside(Path(sys.argv[1]), sys.argv[2]), indent=1))
