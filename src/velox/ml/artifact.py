"""An artifact: the files of one version of a model, made from a fitted estimator, and loaded again."""

from __future__ import annotations

import io
import json
import logging
import platform
import subprocess
import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from statistics import median_low, mode
from typing import Any, Literal

from velox.errors import ConfigurationError
from velox.ml.known_code import ForeignCode, load_known
from velox.ml.manifest import Manifest
from velox.ml.optional import needed
from velox.ml.registry import Registry
from velox.ml.schema import Policies, Schema

__all__ = ["LIBRARIES", "MODEL", "REFERENCE", "OnMismatch", "load_estimator", "publish_estimator"]

MODEL = "model.joblib"
REFERENCE = "reference.json"
LIBRARIES = ("scikit-learn", "numpy", "scipy", "pandas", "joblib")
REFERENCE_ROWS = 32
TYPICAL_ROWS = 10_000
OnMismatch = Literal["warn", "refuse"]

logger = logging.getLogger("velox.ml")


def publish_estimator(
    registry: Registry,
    name: str,
    estimator: Any,
    sample: Any,
    *,
    target: str = "prediction",
    policies: Policies | None = None,
    metrics: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    files: Mapping[str, bytes] | None = None,
    seed: int = 0,
) -> Manifest:
    """Publish a fitted estimator as the next version of ``name``.

    It is compiled and compared with scikit-learn here, and the manifest says how it will be served.

    Args:
        registry: Where to.
        name: The model.
        estimator: Fitted: a scikit-learn classifier or regressor, or a pipeline that ends with one.
        sample: A DataFrame of rows as the estimator was trained on: types, categories and ranges are read from it.
        target: What the answer is called.
        policies: What happens to odd rows. Default: :class:`Policies`' own.
        metrics, data: For the manifest.
        files: More files, such as a report.
        seed: Of the rows that the compiled form is tried on.

    Returns:
        The manifest, with the version that it got.

    Raises:
        ConfigurationError: VX701, VX813, or VX816 when estimator and sample do not fit.
    """
    from velox.ml.inference import infer_schema
    from velox.ml.verification import verify

    schema = infer_schema(estimator, sample, target, policies or Policies())
    verdict = verify(estimator, schema, sample, seed=seed)
    manifest = Manifest(
        name=name,
        version="",
        files={},
        schema=schema,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        estimator=final_name(estimator),
        metrics=dict(metrics or {}),
        data=dict(data or {}),
        libraries=libraries(),
        served=verdict.report,
        seed=seed,
        git=git_revision(),
    )
    content = io.BytesIO()
    needed("joblib").dump(estimator, content, compress=3)
    made = {MODEL: content.getvalue(), REFERENCE: reference(estimator, manifest, sample), **(files or {})}
    return registry.publish(manifest, made)


def final_name(estimator: Any) -> str:
    return type(estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator).__name__


def reference(estimator: Any, manifest: Manifest, sample: Any) -> bytes:
    """Rows with scikit-learn's answers, which whoever loads the model has to get too."""
    from velox.ml.heads import final_head
    from velox.ml.inference import ANYTHING, rows_of
    from velox.ml.rows import RowReader, frame_of

    schema = manifest.schema
    reader = RowReader(schema, ANYTHING)
    rows = [row for row in rows_of(schema, sample.head(10 * REFERENCE_ROWS)) if not reader.explain(row, "")]
    rows = rows[:REFERENCE_ROWS]
    if not rows:
        raise ConfigurationError(
            "VX816",
            "the estimator answers no row of the sample",
            hint="Give a sample of the data it was trained on",
        )
    head = final_head(estimator, getattr(estimator, "classes_", None))
    answers = head(frame_of(schema, [reader.read(row)[0] for row in rows]))
    shares = answers.probabilities
    made = {
        "typical": typical_row(schema, rows_of(schema, sample.head(TYPICAL_ROWS))),
        "rows": rows,
        "labels": answers.labels.tolist(),
        "probabilities": None if shares is None else shares.tolist(),
    }
    return json.dumps(made, ensure_ascii=False).encode()


def typical_row(schema: Schema, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The median of each number, and the most frequent of everything else."""
    typical: dict[str, Any] = {}
    for feature in schema.features:
        values = [row[feature.name] for row in rows if row[feature.name] is not None]
        if not values:
            typical[feature.name] = None
        elif feature.kind in ("number", "integer"):
            typical[feature.name] = median_low(values)
        else:
            typical[feature.name] = mode(values)
    return typical


def load_estimator(
    registry: Registry, manifest: Manifest, *, on_mismatch: OnMismatch = "warn", known_only: bool = False
) -> Any:
    """Unpickle the estimator of a version: only from bytes whose digest is in its manifest.

    Whoever can write to the registry can run code in the server: a digest tells damage and exchange, not intent.

    Args:
        registry: Where it is.
        manifest: Which one.
        on_mismatch: What happens when it was trained with another scikit-learn: ``"warn"`` or ``"refuse"``.
        known_only: Run no code but scikit-learn's and what that stands on.

    Raises:
        ForeignCode: ``known_only``, and the artifact names other code, which has not run.
        ConfigurationError: VX812 when a file was changed, VX814 for another scikit-learn, VX816 when it cannot be read.
    """
    joblib = needed("joblib")
    needed("sklearn")
    check_libraries(manifest, on_mismatch)
    content = registry.read(manifest, MODEL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn's own about versions: said above, in one line
            estimator = load_known(content) if known_only else joblib.load(io.BytesIO(content))
    except ForeignCode:
        raise
    except Exception as error:
        raise ConfigurationError(
            "VX816",
            f"{manifest.name}@{manifest.version} cannot be unpickled: {type(error).__name__}: {error}",
            hint=f"It was made with {trained_with(manifest)}: install those, and what it imports",
        ) from error
    return serial(estimator)


def serial(estimator: Any) -> Any:
    """``estimator`` without threads of its own: a server's workers are its parallelism."""
    if hasattr(estimator, "get_params"):
        jobs = {name: None for name, value in estimator.get_params().items() if name.endswith("n_jobs") and value}
        if jobs:
            estimator.set_params(**jobs)
    return estimator


def libraries() -> dict[str, str]:
    """The versions of what a pickled estimator depends on."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # an estimator may do without pandas
            continue
    return found


def trained_with(manifest: Manifest) -> str:
    return ", ".join(f"{name} {number}" for name, number in manifest.libraries.items())


def check_libraries(manifest: Manifest, on_mismatch: OnMismatch) -> None:
    """Another minor release of scikit-learn may unpickle, and answer otherwise or fail later."""
    before, now = manifest.libraries.get("scikit-learn", ""), libraries().get("scikit-learn", "")
    if before.split(".")[:2] == now.split(".")[:2]:
        return
    message = f"{manifest.name}@{manifest.version} was made with scikit-learn {before or 'unknown'}, and {now} is here"
    if on_mismatch == "refuse":
        raise ConfigurationError("VX814", message, hint=f'Train it again, or: pip install "scikit-learn=={before}"')
    logger.warning("%s", message)


def git_revision() -> str | None:
    """The commit that is checked out here, if any."""
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
