"""Tables to learn from: files, and two that come with scikit-learn, so that nothing is downloaded."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Mapping
from hashlib import sha256
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

from velox.errors import ConfigurationError
from velox.ml.optional import needed

__all__ = ["BUILT_IN", "data_digest", "iris", "read_table", "titanic"]

TITANIC = ("openml", "id_40945", "data-v1-dl-16826755.arff.gz")
ROWS_AT_ONCE = 100_000


def titanic() -> Any:
    """The passengers of the Titanic: 1,309 rows, ``survived`` is the target.

    The table of OpenML (id 40945) without ``boat`` and ``body``, which say who survived. scikit-learn's own tests bring
    it along.

    Raises:
        ConfigurationError: VX701, or VX815 when scikit-learn was installed without its tests.
    """
    pandas = needed("pandas")
    needed("sklearn")
    place = resources.files("sklearn.datasets").joinpath("tests", "data", *TITANIC)
    try:
        text = gzip.decompress(place.read_bytes()).decode()
    except OSError as error:
        raise ConfigurationError(
            "VX815",
            "this scikit-learn has no Titanic table in it",
            hint="Install it from PyPI, or give a CSV file",
        ) from error
    head, _, rows = text.partition("@data\n")
    names = [line.split("'")[1] for line in head.splitlines() if line.startswith("@attribute")]
    frame = pandas.read_csv(io.StringIO(rows), names=names, na_values="?", escapechar="\\", comment=None)
    return frame.drop(columns=["boat", "body"])


def iris() -> Any:
    """Fisher's irises: 150 rows, ``species`` is the target."""
    found = needed("sklearn.datasets").load_iris(as_frame=True)
    frame = found.frame.rename(columns=lambda name: name.removesuffix(" (cm)").replace(" ", "_"))
    frame["species"] = found.target_names[frame.pop("target")]
    return frame


BUILT_IN: Mapping[str, Callable[[], Any]] = MappingProxyType({"titanic": titanic, "iris": iris})
"""Tables that can be asked for by name."""
READERS: Mapping[str, tuple[str, dict[str, Any]]] = MappingProxyType(
    {
        ".csv": ("read_csv", {}),
        ".tsv": ("read_csv", {"sep": "\t"}),
        ".json": ("read_json", {}),
        ".jsonl": ("read_json", {"lines": True}),
        ".parquet": ("read_parquet", {}),
        ".xlsx": ("read_excel", {}),
    }
)


def read_table(source: str) -> Any:
    """A DataFrame of a file, or of a table by name.

    Args:
        source: A path that ends with ``.csv``, ``.tsv``, ``.json``, ``.jsonl``, ``.parquet`` or ``.xlsx``; or
            ``"titanic"`` or ``"iris"`` where there is no such file.

    Raises:
        ConfigurationError: VX701 when a package is missing, VX815 when it cannot be read.
    """
    path = Path(source)
    if source in BUILT_IN and not path.exists():
        return BUILT_IN[source]()
    if path.suffix.lower() not in READERS or not path.is_file():
        known = ", ".join([*READERS, *BUILT_IN])
        what = "is no file" if not path.is_file() else "is of no kind that can be read"
        raise ConfigurationError("VX815", f"{source} {what}", hint=f"Give a file of one of these, or a name: {known}")
    name, options = READERS[path.suffix.lower()]
    try:
        frame = getattr(needed("pandas"), name)(path, **options)
    except ImportError as error:
        raise ConfigurationError(
            "VX701", f"pandas needs another package for {path.suffix}: {error}", hint="Install it, or write a CSV file"
        ) from error
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            "VX815", f"{source} cannot be read: {first_line(error)}", hint="Correct the file; pandas reads it"
        ) from error
    return whole(frame, source)


def first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def whole(frame: Any, source: str) -> Any:
    """``frame`` with names for columns, none of them twice, and at least a row.

    Truth values of which some are missing become texts: pandas has no type for them that scikit-learn takes.
    """
    frame.columns = [str(name).strip() for name in frame.columns]
    twice = sorted(set(frame.columns[frame.columns.duplicated()]))
    if twice or not len(frame):
        what = f"has the column {twice[0]} twice" if twice else "has no rows"
        raise ConfigurationError("VX815", f"{source} {what}", hint="Correct the file")
    for name in frame.columns:
        present = frame[name].dropna()
        if frame[name].dtype == object and len(present) and present.map(lambda value: isinstance(value, bool)).all():
            frame[name] = frame[name].map({True: "true", False: "false"})
    return frame


def data_digest(frame: Any) -> str:
    """The SHA-256 of a table's names, types and values, whatever file it came from."""
    made = sha256(repr([(str(name), str(dtype)) for name, dtype in frame.dtypes.items()]).encode())
    for start in range(0, len(frame), ROWS_AT_ONCE):
        made.update(frame.iloc[start : start + ROWS_AT_ONCE].to_csv(index=False).encode())
    return made.hexdigest()
