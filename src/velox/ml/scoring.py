"""Batch scoring: the answers of a model to the rows of a file, part by part.

The parts are files of their own until all are there, so that whoever is killed goes on where it was::

    out.csv.parts/order.json    what is scored, by which version: another order begins anew
    out.csv.parts/000000.csv    a part that is done; it appears as a whole
    out.csv                     all of them, at the end
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from velox.errors import ConfigurationError, ValidationProblem
from velox.ml.answers import class_name, listed
from velox.ml.optional import needed
from velox.ml.registry import Registry
from velox.ml.rows import RowReader, Vector
from velox.ml.runner import Runner, load
from velox.ml.schema import Feature, Schema, absent
from velox.ml.storage import replace_file
from velox.ml.tables import SUFFIXES, columns_of, join_parts, parts_of, write_part

__all__ = ["Scored", "score"]

BATCH = 64
"""Rows that the model gets at once: as many as the API gives it, for the same answers."""


@dataclass(frozen=True, slots=True)
class Scored:
    """What came of it.

    Attributes:
        rows: Rows of the table.
        refused: Rows without an answer; ``error`` says why.
        resumed: Rows that had been answered before this run.
        version: Of the model.
    """

    rows: int
    refused: int
    resumed: int
    version: str


def score(
    registry: Registry,
    reference: str,
    data: Path,
    out: Path,
    *,
    part_rows: int = 50_000,
    jobs: int = 1,
    backend: str = "loky",
    progress: Callable[[int], object] = bool,
) -> Scored:
    """Write the table ``data`` with the answers as further columns: ``prediction``, ``probability_CLASS``,
    ``warnings`` and ``error``.

    Args:
        registry: Where the model is; with other machines, a folder that all of them have.
        reference: Which one.
        data: A ``.csv`` or ``.parquet`` file.
        out: What is written, of either kind.
        part_rows: Rows of a part: what is in memory at once, for each job.
        jobs: Parts that are answered at the same time; -1: as many as there are processors.
        backend: joblib's: ``"loky"`` (processes of this machine) or ``"dask"`` (of the current Dask client).
        progress: Called with the number of rows of each part that is done.

    Raises:
        ConfigurationError: VX701, VX811 to VX816, or VX819 when the rows cannot be scored.
    """
    runner = load(registry, reference)
    manifest = runner.manifest
    check(data, out, runner.schema)
    folder = out.with_name(f"{out.name}.parts")
    order = {
        "model": f"{manifest.name}@{manifest.version}",
        "files": {name: entry.sha256 for name, entry in manifest.files.items()},
        "data": [str(data.resolve()), data.stat().st_size, data.stat().st_mtime_ns],
        "part_rows": part_rows,
    }
    begin(folder, json.dumps(order, sort_keys=True).encode())
    resumed = rows = refused = 0
    parts: list[Path] = []
    which = f"{manifest.name}@{manifest.version}"
    for place, is_old, (count, bad) in answered(
        registry, which, runner, data, (folder, out.suffix, part_rows), jobs=jobs, backend=backend
    ):
        parts.append(place)
        rows, refused, resumed = rows + count, refused + bad, resumed + count * is_old
        progress(count)
    if not parts:
        raise ConfigurationError("VX819", f"{data} has no rows", hint="Give a table with rows")
    whole = folder / f"whole{out.suffix}"
    join_parts(parts, whole)
    whole.replace(out)
    shutil.rmtree(folder)
    return Scored(rows, refused, resumed, manifest.version)


def check(data: Path, out: Path, schema: Schema) -> None:
    for path in (data, out):
        if path.suffix not in SUFFIXES:
            raise ConfigurationError("VX819", f"{path} is of no kind that is known", hint="Use .csv or .parquet")
    if not data.is_file():
        raise ConfigurationError("VX819", f"{data} is no file", hint="Name a .csv or .parquet file")
    if out.exists() and out.samefile(data):
        raise ConfigurationError("VX819", f"{out} would replace the data", hint="Choose another --out")
    columns = columns_of(data)
    missing = [feature.name for feature in schema.features if feature.name not in columns and not feature.missing]
    if missing:
        raise ConfigurationError(
            "VX819", f"{data} has no column {missing[0]}", hint=f"The model needs: {', '.join(missing)}"
        )
    taken = [name for name in added(schema) if name in columns]
    if taken:
        raise ConfigurationError("VX819", f"{data} has a column {taken[0]} already", hint="Rename it")


def added(schema: Schema) -> list[str]:
    """The columns of the answers."""
    classes = schema.outcome.classes if schema.outcome.probabilities else ()
    return ["prediction", *(f"probability_{class_name(label)}" for label in classes), "warnings", "error"]


def begin(folder: Path, order: bytes) -> None:
    """Go on with what is in ``folder``, if it is of the same order; else begin."""
    place = folder / "order.json"
    if folder.is_dir() and (not place.is_file() or place.read_bytes() != order):
        shutil.rmtree(folder)
    if not folder.is_dir():
        folder.mkdir(parents=True)
        replace_file(place, order)


def answered(
    registry: Registry,
    which: str,
    runner: Runner,
    data: Path,
    where: tuple[Path, str, int],
    *,
    jobs: int,
    backend: str,
) -> Iterator[tuple[Path, bool, tuple[int, int]]]:
    """Each part's file, whether it was there before, and its rows and refused rows; in order."""
    folder, suffix, part_rows = where
    pending: list[tuple[Path, bool]] = []

    def tasks() -> Iterator[Any]:
        delayed = needed("joblib").delayed
        for number, frame in enumerate(parts_of(data, part_rows)):
            place = folder / f"{number:06}{suffix}"
            known = place.with_suffix(".json")
            pending.append((place, known.is_file()))
            if known.is_file():
                yield delayed(json.loads)(known.read_text())
            else:
                yield delayed(answer_part)(registry, which, runner if here else None, frame, place)

    joblib = needed("joblib")
    here = jobs == 1 and backend == "loky"
    # Two parts for each job: one in work, one ready.
    with joblib.parallel_config(backend="sequential" if here else backend, n_jobs=jobs):
        run = joblib.Parallel(return_as="generator", pre_dispatch="2*n_jobs")
        for number, found in enumerate(run(tasks())):
            place, is_old = pending[number]
            yield place, is_old, (found[0], found[1])


LOADED: dict[tuple[str, str], Runner] = {}
"""In a process of a pool: the model, loaded once."""


def answer_part(registry: Registry, which: str, runner: Runner | None, frame: Any, place: Path) -> tuple[int, int]:
    """Write a part's answers to ``place``; its rows, and those without an answer."""
    if runner is None:
        key = (str(registry.root), which)
        if key not in LOADED:
            LOADED.clear()
            LOADED[key] = load(registry, which)
        runner = LOADED[key]
    columns, refused = answers_of(runner, frame)
    partial = place.with_name(f".{place.name}")
    write_part(frame.assign(**columns), partial)
    partial.replace(place)
    # What says that the part is there is written after it.
    replace_file(place.with_suffix(".json"), json.dumps([len(frame), refused]).encode())
    return len(frame), refused


def answers_of(runner: Runner, frame: Any) -> tuple[dict[str, list[Any]], int]:
    """The answers' columns, and how many rows have none."""
    schema = runner.schema
    reader = RowReader(schema, schema.policies)
    made: dict[str, list[Any]] = {name: [None] * len(frame) for name in added(schema)}
    vectors: list[Vector] = []
    places: list[int] = []
    for place, row in enumerate(rows_of(schema, frame)):
        try:
            vector, warnings = reader.read(row)
        except ValidationProblem as problem:
            made["error"][place] = "; ".join(f"{(e.pointer or '')[1:]}: {e.message}" for e in problem.errors)
            continue
        made["warnings"][place] = "; ".join(warnings) or None
        vectors.append(vector)
        places.append(place)
    classes = schema.outcome.classes
    shares_of = [name for name in made if name.startswith("probability_")]
    for start in range(0, len(vectors), BATCH):
        answers = listed(runner.predict(vectors[start : start + BATCH]))
        for place, (label, shares) in zip(places[start : start + BATCH], answers, strict=False):
            made["prediction"][place] = classes[label] if classes else label
            for name, share in zip(shares_of, shares or (), strict=True):
                made[name][place] = share
    return made, len(frame) - len(vectors)


def rows_of(schema: Schema, frame: Any) -> Iterator[Mapping[str, Any]]:
    """The rows as they would come in JSON; what cannot be what the schema says is left for its reader to refuse."""
    features = [feature for feature in schema.features if feature.name in frame.columns]
    columns: Sequence[list[Any]] = [
        [value_of(feature, value) for value in frame[feature.name].tolist()] for feature in features
    ]
    names = [feature.name for feature in features]
    for values in zip(*columns, strict=True):
        yield dict(zip(names, values, strict=True))


def value_of(feature: Feature, value: Any) -> Any:
    """A cell as JSON has it: of a CSV a text, of Parquet a value of its type."""
    if absent(value):
        return None
    if hasattr(value, "item"):
        value = value.item()
    kind = feature.kind
    if kind == "category":
        kind = "text" if isinstance(feature.categories[0], str) else "integer"
    if kind == "text":
        return value if isinstance(value, str) else str(value)
    if not isinstance(value, str):
        return bool(value) if kind == "boolean" and value in (0, 1) else value
    if kind == "boolean":
        return {"true": True, "false": False, "1": True, "0": False}.get(value.strip().lower(), value)
    try:
        number = float(value)
    except ValueError:
        return value
    return int(number) if kind == "integer" and number.is_integer() else number
