"""Large tables, read and written in parts: CSV by its lines, Parquet by its row groups."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from velox.errors import ConfigurationError
from velox.ml.optional import needed

__all__ = ["SUFFIXES", "columns_of", "join_parts", "parts_of", "write_part"]

SUFFIXES = (".csv", ".parquet")


def arrow(module: str) -> Any:
    """A module of PyArrow.

    Raises:
        ConfigurationError: VX701 when it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ConfigurationError(
            "VX701", "Parquet needs pyarrow, which is not installed", hint='Run: pip install "velox-framework[parquet]"'
        ) from None


def columns_of(path: Path) -> list[str]:
    """The names of a table's columns.

    Raises:
        ConfigurationError: VX819, the table cannot be read.
    """
    if path.suffix == ".parquet":
        return [str(name) for name in reading(path, lambda: arrow("pyarrow.parquet").read_schema(path)).names]
    frame = reading(path, lambda: needed("pandas").read_csv(path, nrows=0))
    return [str(name).strip() for name in frame.columns]


def reading(path: Path, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except (OSError, ValueError) as error:
        line = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigurationError("VX819", f"{path} cannot be read: {line}", hint="Correct the file") from error


def parts_of(path: Path, rows: int) -> Iterator[Any]:
    """DataFrames of at most ``rows`` rows each, in the table's order; memory is that of one of them.

    Of a CSV every value is the text that is in the file: what it means the model's schema says.

    Raises:
        ConfigurationError: VX819, the table cannot be read.
    """
    parts = parquet_parts(path, rows) if path.suffix == ".parquet" else csv_parts(path, rows)
    while (part := reading(path, lambda: next(parts, None))) is not None:
        yield part


def csv_parts(path: Path, rows: int) -> Iterator[Any]:
    with needed("pandas").read_csv(path, chunksize=rows, dtype="str") as parts:
        for part in parts:
            yield part.rename(columns=str.strip)


def parquet_parts(path: Path, rows: int) -> Iterator[Any]:
    with arrow("pyarrow.parquet").ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=rows):
            # No number with a missing value beside it becomes another: 2 ** 53 + 1 is no float.
            yield batch.to_pandas(integer_object_nulls=True)


def write_part(frame: Any, path: Path) -> None:
    """Write a part of the output."""
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False, engine="pyarrow")
    else:
        frame.to_csv(path, index=False)


def join_parts(parts: Sequence[Path], out: Path) -> None:
    """One table of several of the same columns, a part in memory at a time."""
    if out.suffix == ".csv":
        with out.open("wb") as joined:
            for number, part in enumerate(parts):
                with part.open("rb") as lines:
                    head = lines.readline()
                    joined.write(b"" if number else head)
                    while block := lines.read(2**20):
                        joined.write(block)
        return
    parquet = arrow("pyarrow.parquet")
    schema = unified([parquet.read_schema(part) for part in parts])
    with parquet.ParquetWriter(out, schema) as writer:
        for part in parts:
            writer.write_table(parquet.read_table(part).cast(schema))


def unified(schemas: Sequence[Any]) -> Any:
    """A column that has no value in one part has no type there."""
    made = arrow("pyarrow").unify_schemas(schemas, promote_options="permissive")
    return made.remove_metadata()
