"""From a table to a published model: examined, cross-validated side by side, refitted, evaluated on held-out rows."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from velox.ml.artifact import publish_estimator
from velox.ml.dataset import data_digest, read_table
from velox.ml.estimators import DEFAULT, Kind, kinds, pipeline
from velox.ml.evaluation import evaluate
from velox.ml.examination import Examination, examine
from velox.ml.optional import needed
from velox.ml.registry import Registry
from velox.ml.report import report_files
from velox.ml.schema import Policies
from velox.ml.splitting import Split
from velox.ml.trained import Candidate, Training

__all__ = ["BASELINE", "train"]

BASELINE = "baseline"
MOST_TRIALS = 20
"""Of a grid, so many points are tried, chosen by the seed."""
Progress = Callable[[str], None]


def train(
    data: Any,
    target: str,
    *,
    name: str | None = None,
    models: Sequence[str] = DEFAULT,
    tune: bool = False,
    split: Split | None = None,
    drop: Collection[str] = (),
    keep: Collection[str] = (),
    categorical: Collection[str] = (),
    policies: Policies | None = None,
    registry: Registry | None = None,
    progress: Progress | None = None,
) -> Training:
    """Train models side by side on a table, and publish the best.

    Args:
        data: A DataFrame ``(rows, columns)``, or what :func:`~velox.ml.dataset.read_table` reads.
        target: The column to predict; classes, or a quantity.
        name: The model's name in the registry. None: nothing is published.
        models: What is tried: ``logreg`` (``linear`` for a quantity), ``tree``, ``knn``, ``rf``, ``gb``.
        tune: Try parameters of each by cross-validation.
        split: What is held out, and the folds.
        drop, keep, categorical: As of :func:`~velox.ml.examination.examine`.
        policies: What the published model does with odd rows.
        registry: Where to publish. Default: the folder ``models``.
        progress: Called with what is being done.

    Raises:
        ConfigurationError: VX701, VX813, or VX815 when nothing can be learned from the data.

    Example:
        >>> from velox.ml import train
        >>> training = train("iris", "species", models=["tree"])
        >>> training.best
        'tree'
    """
    say = progress or silent
    split = split or Split()
    source, frame = (data, read_table(data)) if isinstance(data, str) else ("a DataFrame", data)
    apart = [column for column in (split.group, split.time) if column is not None]
    found = examine(frame, target, drop=[*drop, *apart], keep=keep, categorical=categorical)
    stratify = found.kind == "classification"
    known = frame.dropna(subset=[target])
    learned, held = split.hold_out(known, target, stratify=stratify)
    material = Material(found, learned, split.folds_of(learned, target, stratify=stratify), split.seed)
    candidates, pipelines = compare(material, kinds(models, found.kind), say, tune=tune)
    best = next(candidate.name for candidate in candidates if candidate.name != BASELINE)
    say(f"fitting {best}")
    estimator = pipelines[best]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(learned[found.used], learned[target])
    say("evaluating")
    columns = [*found.used, target]
    evaluation = evaluate(estimator, learned[columns], held[columns], target, seed=split.seed)
    made = Training(found, candidates, best, estimator, evaluation)
    if name is None:
        return made
    say("publishing")
    facts = {
        "source": source,
        "digest": data_digest(frame),
        "rows": len(learned),
        "held_out": len(held),
        "target": target,
        "split": split.to_dict(),
        "candidates": {candidate.name: candidate.score for candidate in candidates},
    }
    manifest = publish_estimator(
        registry or Registry(),
        name,
        estimator,
        known[found.used],
        target=target,
        policies=policies,
        metrics=evaluation.metrics,
        data=facts,
        files=report_files(evaluation, f"{name}: {best}", made),
        seed=split.seed,
    )
    return replace(made, manifest=manifest)


def silent(text: str) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Material:
    """What candidates are compared on: the rows that are not held out, and their folds."""

    found: Examination
    rows: Any
    folds: list[tuple[Any, Any]]
    seed: int


def compare(
    material: Material, tried: dict[str, Kind], say: Progress, *, tune: bool
) -> tuple[tuple[Candidate, ...], dict[str, Any]]:
    """The candidates, the best first, and their pipelines, not fitted."""
    found = material.found
    dummy = needed("sklearn.dummy")
    classifies = found.kind == "classification"
    baseline = dummy.DummyClassifier(strategy="prior") if classifies else dummy.DummyRegressor()
    made = {BASELINE: pipeline(found, baseline)}
    candidates = [cross_validate(BASELINE, made[BASELINE], material)]
    for name, kind in tried.items():
        made[name] = pipeline(found, kind.make(material.seed))
        parameters: dict[str, Any] = {}
        if tune:
            say(f"tuning {name}")
            parameters = tuned(made[name], kind, material)
            made[name].set_params(**parameters)
        say(f"cross-validating {name}")
        candidate = cross_validate(name, made[name], material)
        shown = {key.removeprefix("model__"): value for key, value in parameters.items()}
        candidates.append(replace(candidate, parameters=shown))
    return tuple(sorted(candidates, key=lambda candidate: -candidate.score)), made


def scorers(found: Examination) -> dict[str, str]:
    if found.kind == "regression":
        return {"score": "r2", "second": "neg_root_mean_squared_error"}
    auc = "roc_auc" if len(found.balance) == 2 else "roc_auc_ovr"
    return {"score": "accuracy", "second": auc}


def cross_validate(name: str, made: Any, material: Material) -> Candidate:
    found, rows, folds = material.found, material.rows, material.folds
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = needed("sklearn.model_selection").cross_validate(
            made, rows[found.used], rows[found.target], cv=folds, scoring=scorers(found)
        )
    seconds = (time.perf_counter() - start) / len(folds)
    mean, half = interval(scores["test_score"].tolist(), folds)
    second = float(scores["test_second"].mean())
    # No accuracy and no R² is above 1.
    return Candidate(name, mean, mean - half, min(mean + half, 1.0), second, seconds, {})


def interval(scores: Sequence[float], folds: list[tuple[Any, Any]]) -> tuple[float, float]:
    """The mean, and half the width of a 95% interval.

    Folds share their rows, which makes their scores look closer together than those of new data would be: the variance
    is corrected for it (Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52, 2003).
    """
    stats = needed("scipy.stats")
    count = len(scores)
    mean = sum(scores) / count
    variance = sum((score - mean) ** 2 for score in scores) / (count - 1)
    ratio = sum(len(scored) / len(learned) for learned, scored in folds) / count
    return mean, float(stats.t.ppf(0.975, count - 1)) * math.sqrt(variance * (1 / count + ratio))


def tuned(made: Any, kind: Kind, material: Material) -> dict[str, Any]:
    """The best of the parameters that were tried."""
    found, rows = material.found, material.rows
    selection = needed("sklearn.model_selection")
    grid = {f"model__{name}": list(values) for name, values in kind.grid.items()}
    trials = min(MOST_TRIALS, math.prod(len(values) for values in grid.values()))
    search = selection.RandomizedSearchCV(
        made,
        grid,
        n_iter=trials,
        cv=material.folds,
        scoring=scorers(found)["score"],
        random_state=material.seed,
        refit=False,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.fit(rows[found.used], rows[found.target])
    return dict(search.best_params_)
