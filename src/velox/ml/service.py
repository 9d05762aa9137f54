"""A model as an app serves it: one version at a time, exchanged without a request that fails.

Its states::

    starting ──loaded, checked, warm──▶ serving ──an alias moved──▶ loading the next ──▶ serving
                                           ▲                              │ it cannot be loaded: logged
                                           └──────────────────────────────┘
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from velox.errors import ConfigurationError, FieldError, Problem, ServiceUnavailable, ValidationProblem
from velox.ml.answers import Answer, AnswerWriter, listed
from velox.ml.artifact import OnMismatch
from velox.ml.batcher import Batcher, Busy, failure
from velox.ml.explaining import effects_of, questions
from velox.ml.inference import ANYTHING
from velox.ml.lane import Lane
from velox.ml.manifest import Manifest
from velox.ml.names import is_version, split_reference
from velox.ml.optional import needed
from velox.ml.registry import Registry
from velox.ml.rows import RowReader, Vector
from velox.ml.runner import Runner, load
from velox.ml.schema import Policies

__all__ = ["ModelService", "Serving"]

ON_LOOP_S = 0.005
"""What a batch may take on the event loop; a slower model gets a thread of its own."""
DIRECT_S = 50e-6
"""A row that takes less is answered at once: to wait for others would cost more than it saves."""

logger = logging.getLogger("velox.ml")


@dataclass(frozen=True, slots=True)
class Serving:
    """How a model is served.

    Args:
        max_rows: The most rows of one request.
        max_batch: The most rows of different requests that are answered together.
        max_queue: The most rows that wait for the model; the next gets a 503.
        max_wait_s: How long a row waits for others, in seconds. 0: only for those that are already there.
        timeout_s: How long a row may take, in seconds; then it gets a 503.
        poll_s: How often the registry's aliases are looked at, in seconds.
        on_mismatch: ``"warn"`` or ``"refuse"`` a model of another minor release of scikit-learn.
    """

    max_rows: int = 1000
    max_batch: int = 64
    max_queue: int = 1000
    max_wait_s: float = 0.0
    timeout_s: float = 10.0
    poll_s: float = 1.0
    on_mismatch: OnMismatch = "warn"


class Loaded:
    """One version in service: what reads its rows, answers them, and writes the answers."""

    def __init__(self, runner: Runner, policies: Policies | None, serving: Serving) -> None:
        self.runner = runner
        self.manifest = runner.manifest
        self.reader = RowReader(runner.schema, policies or runner.schema.policies)
        self.writer = AnswerWriter(runner.manifest)
        self.one = runner.one if runner.one_row_s < DIRECT_S else None
        own = not runner.estimator_is_sklearn
        slow = runner.batch_row_s * serving.max_batch > ON_LOOP_S
        # Code that is not scikit-learn's may also hang.
        self.lane = Lane(f"model {runner.manifest.name}") if slow or (own and self.one is None) else None
        self.busy_since: float | None = None
        self._most_waiting = 1 + serving.max_queue // serving.max_batch
        self._users = 0
        self._retired = False
        self.batcher = Batcher(
            self.answer,
            max_batch=serving.max_batch,
            max_queue=serving.max_queue,
            max_wait_s=serving.max_wait_s,
            timeout_s=serving.timeout_s,
        )

    @property
    def mode(self) -> str:
        """How rows come to the model, for people."""
        if self.one is not None:
            return "each row at once"
        return "batches in a thread" if self.lane is not None else "batches on the loop"

    async def answer(self, vectors: Sequence[Vector]) -> list[Answer]:
        """The answers to rows, together.

        Raises:
            Busy: The model's thread has more to do than it may.
        """
        if self.lane is None:
            return listed(self.runner.predict(vectors))
        if self.lane.waiting >= self._most_waiting:
            raise Busy("The model has more rows waiting than it can answer.")
        self.busy_since = time.monotonic()
        try:
            return listed(await self.lane.run(lambda: self.runner.predict(vectors)))
        finally:
            self.busy_since = None

    @contextlib.contextmanager
    def used(self) -> Iterator[None]:
        """For as long as a request needs this version."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            self._close_if_unused()

    def retire(self) -> None:
        """Take no new requests; the thread ends with the last one that is under way."""
        self._retired = True
        self._close_if_unused()

    def _close_if_unused(self) -> None:
        if self._retired and not self._users and self.lane is not None:
            self.lane.close()
            self.lane = None


class ModelService:
    """A model of a registry, served; an extension of the app.

    Args:
        registry: Where it is.
        reference: ``"titanic"`` (production's version, or the newest), ``"titanic@canary"``, or ``"titanic@2"`` for
            always that one.
        policies: What happens to odd rows. Default: what the version's manifest says.
        serving: Limits and times.

    Attributes:
        name: What ``/health/ready`` calls it.
        counters: Whole numbers since the start: ``requests``, ``rows``, ``invalid``, ``busy``, ``failed``, ``swaps``,
            ``failed_swaps``.

    Raises:
        ConfigurationError: VX811, VX812 or VX813, when there is no such model.
    """

    def __init__(
        self,
        registry: Registry,
        reference: str,
        *,
        policies: Policies | None = None,
        serving: Serving | None = None,
    ) -> None:
        self.registry = registry
        self.reference = reference
        self.model, which = split_reference(reference)
        self._watched = which is None or not is_version(which)
        self.name = f"model {self.model}"
        self.policies = policies
        self.serving = serving or Serving()
        self.counters = dict.fromkeys(("requests", "rows", "invalid", "busy", "failed", "swaps", "failed_swaps"), 0)
        self._manifest = registry.manifest(reference)
        self._loaded: Loaded | None = None
        self._watch: asyncio.Task[None] | None = None
        self._stamp: tuple[int, int, int] | None = None

    @property
    def manifest(self) -> Manifest:
        """Of the version in service; before the start, of the one that would be."""
        return self._loaded.manifest if self._loaded is not None else self._manifest

    @property
    def chosen_policies(self) -> Policies:
        """What happens to odd rows."""
        return self.policies or self.manifest.schema.policies

    @property
    def batches(self) -> int:
        """How many batches the version in service has answered."""
        return self._loaded.batcher.batches if self._loaded is not None else 0

    # As an extension

    async def start(self) -> None:
        """Load the model, check its answers, and warm it up."""
        needed("threadpoolctl").threadpool_limits(1)  # a worker is one processor's worth
        self._stamp = self.registry.change_stamp(self.model)
        self._loaded = await asyncio.to_thread(self._load)
        if self._watched:
            self._watch = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
            self._watch = None
        if self._loaded is not None:
            self._loaded.retire()
            self._loaded = None

    async def ready(self) -> str | None:
        if self._loaded is None:
            return "not loaded"
        since = self._loaded.busy_since
        if since is not None and time.monotonic() - since > self.serving.timeout_s:
            return f"one batch has taken more than {self.serving.timeout_s:g} s"
        return None

    def _load(self) -> Loaded:
        runner = load(self.registry, self.reference, on_mismatch=self.serving.on_mismatch)
        return Loaded(runner, self.policies, self.serving)

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(self.serving.poll_s)
            stamp = self.registry.change_stamp(self.model)
            if stamp != self._stamp:
                self._stamp = stamp
                await self.refresh()

    async def refresh(self) -> bool:
        """Serve what the reference stands for now; whether that is another version than before.

        Requests are answered by the old version until the new one is loaded and warm, and by the old one still when
        the new one cannot be loaded, which is logged.
        """
        try:
            if self.registry.resolve(self.reference)[1] == self.manifest.version:
                return False
            loaded = await asyncio.to_thread(self._load)
        except (ConfigurationError, OSError) as error:
            self.counters["failed_swaps"] += 1
            logger.error("%s stays at version %s: %s", self.name, self.manifest.version, error)  # noqa: TRY400
            return False
        before, self._loaded = self._loaded, loaded
        self.counters["swaps"] += 1
        logger.info("%s: version %s serves now", self.name, loaded.manifest.version)
        if before is not None:
            before.retire()
        return True

    # Requests

    async def predict(self, body: Any) -> bytes:
        """The answer, as JSON, to a row or to ``{"rows": [...]}``.

        Raises:
            ValidationProblem: A row is not one of the model's.
            ServiceUnavailable: The model is not loaded, or too busy (with ``Retry-After``).
            InternalServerError: The model failed.
        """
        loaded = self._loaded
        if loaded is None:
            raise ServiceUnavailable("The model is not loaded.")
        self.counters["requests"] += 1
        try:
            if "rows" in body and not loaded.reader.has("rows"):
                with loaded.used():
                    return await self._many(loaded, body)
            vector, warnings = loaded.reader.read(body)
            self.counters["rows"] += 1
            if loaded.one is not None:
                return loaded.writer.one(loaded.one(vector), warnings)
            with loaded.used():
                return loaded.writer.one(await loaded.batcher.submit(vector), warnings)
        except Problem as problem:
            kind = "invalid" if problem.status < 500 else "busy" if isinstance(problem, Busy) else "failed"
            self.counters[kind] += 1
            raise

    async def _many(self, loaded: Loaded, body: dict[str, Any]) -> bytes:
        rows = self._checked_rows(body)
        vectors, warnings = loaded.reader.read_all(rows)
        self.counters["rows"] += len(rows)
        return loaded.writer.many(await self._answers(loaded, vectors), warnings)

    async def _answers(self, loaded: Loaded, vectors: Sequence[Vector]) -> list[Answer]:
        """The answers to rows of one request, part by part."""
        answers: list[Answer] = []
        size = loaded.batcher.max_batch
        try:
            async with asyncio.timeout(self.serving.timeout_s):
                for start in range(0, len(vectors), size):
                    answers += await loaded.answer(vectors[start : start + size])
                    await asyncio.sleep(0)  # others have waited for this part already
        except TimeoutError:
            raise Busy("The model has not answered in time.") from None
        except Exception as error:
            raise failure(error) from error
        return answers

    def _checked_rows(self, body: dict[str, Any]) -> list[Any]:
        rows, most = body["rows"], self.serving.max_rows
        errors = [
            FieldError("Extra inputs are not permitted beside rows", "extra_forbidden", pointer=f"/{name}")
            for name in body
            if name != "rows"
        ]
        if not isinstance(rows, list):
            errors.append(FieldError("Input should be a list of rows", "list_type", pointer="/rows"))
        elif not 1 <= len(rows) <= most:
            code = "too_long" if rows else "too_short"
            errors.append(FieldError(f"There should be 1 to {most} rows, not {len(rows)}", code, pointer="/rows"))
        if errors:
            raise ValidationProblem(errors=errors)
        return list(rows)

    async def explain(self, row: Any) -> dict[str, Any]:
        """What each feature of ``row`` did to its answer; see :mod:`velox.ml.explaining`.

        Raises:
            Problem: As of :meth:`predict`.
        """
        loaded = self._loaded
        if loaded is None:
            raise ServiceUnavailable("The model is not loaded.")
        vector, warnings = loaded.reader.read(row)
        typical = RowReader(loaded.runner.schema, ANYTHING).read(loaded.runner.typical)[0]
        asked = questions(vector, typical)
        with loaded.used():
            answers = await self._answers(loaded, [vector, *asked])
        label, own = answers[0][0], answers[0]
        values = [value_of(answer, label, loaded.manifest) for answer in answers]
        found = zip(loaded.runner.schema.features, effects_of(values[1:], len(vector)), strict=True)
        effects = [
            {"feature": f.name, "value": row.get(f.name), "typical": loaded.runner.typical[f.name], "effect": effect}
            for f, effect in found
        ]
        effects.sort(key=lambda each: -abs(each["effect"]))
        answer = json.loads(loaded.writer.one(own, warnings))
        return {**answer, "value": values[0], "typical_value": values[1], "effects": effects}

    # What people ask

    def describe(self) -> dict[str, Any]:
        """The version in service: its schema, metrics, and how it is served."""
        manifest, loaded = self.manifest, self._loaded
        schema = replace(manifest.schema, policies=self.chosen_policies).to_dict()
        return {
            "name": manifest.name,
            "version": manifest.version,
            "estimator": manifest.estimator,
            "created": manifest.created,
            "schema": schema,
            "metrics": dict(manifest.metrics),
            "served": {**manifest.served, "mode": loaded.mode if loaded is not None else "not loaded"},
        }


def value_of(answer: Answer, label: Any, manifest: Manifest) -> float:
    """What is explained: the probability of ``label``, whether it is the label where there is none, or the value."""
    found, shares = answer
    if manifest.schema.outcome.kind == "regression":
        return float(found)
    return float(found == label) if shares is None else float(shares[label])
