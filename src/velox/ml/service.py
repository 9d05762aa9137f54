"""A model as an app serves it: its versions are exchanged without a request that fails.

Its states::

    starting ──loaded, checked, warm──▶ serving ──an alias moved──▶ loading the next ──▶ serving
                                           ▲                              │ it cannot be loaded: logged
                                           └──────────────────────────────┘

Beside the version in service there may be a canary, which answers a share of the requests, and a shadow, whose answers
are only compared; both come and go in the same way.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from velox.errors import Problem, ValidationProblem
from velox.ml import oip
from velox.ml.answers import Answer
from velox.ml.batcher import Busy
from velox.ml.explaining import explanation, questions
from velox.ml.inference import ANYTHING
from velox.ml.loaded import Loaded
from velox.ml.manifest import Manifest
from velox.ml.names import is_version, split_reference
from velox.ml.optional import needed
from velox.ml.registry import Registry
from velox.ml.remembering import Store
from velox.ml.rows import RowReader, rows_in
from velox.ml.schema import Policies
from velox.ml.serving import Serving
from velox.ml.tally import SLOTS, Tally
from velox.ml.versions import Versions

__all__ = ["ModelService"]


class ModelService:
    """A model of a registry, served; an extension of the app.

    Args:
        registry: Where it is.
        reference: ``"titanic"`` (production's version, or the newest, with its canary and its shadow),
            ``"titanic@canary"``, or ``"titanic@2"`` for always that one.
        policies: What happens to odd rows. Default: what the version's manifest says.
        serving: Limits and times.
        store: Where answers may be remembered, if ``serving`` asks for it.

    Attributes:
        name: What ``/health/ready`` calls it.
        versions: What is in service.

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
        store: Store | None = None,
    ) -> None:
        self.registry = registry
        self.reference = reference
        self.model, which = split_reference(reference)
        self._watched = which is None or not is_version(which)
        self.name = f"model {self.model}"
        self.policies = policies
        self.serving = serving or Serving()
        self.versions = Versions(registry, reference, policies=policies, serving=self.serving, store=store)
        self._manifest = registry.manifest(reference)
        self._watch: asyncio.Task[None] | None = None
        self._stamp: tuple[int, int, int] | None = None

    @property
    def manifest(self) -> Manifest:
        """Of the version in service; before the start, of the one that would be."""
        return self.versions.main.manifest if self.versions.main is not None else self._manifest

    @property
    def chosen_policies(self) -> Policies:
        """What happens to odd rows."""
        return self.policies or self.manifest.schema.policies

    @property
    def has_canary(self) -> bool:
        """Whether it matters who asks."""
        return self.versions.canary is not None

    def count(self, name: str) -> int:
        """A counter of :data:`velox.ml.tally.COUNTERS`, over all versions; in all workers of the server, if the app
        shows ``/metrics``.
        """
        return sum(Tally(self.versions.cells, str(slot))[name] for slot in range(SLOTS))

    # As an extension

    async def start(self) -> None:
        """Load the model, check its answers, and warm it up."""
        needed("threadpoolctl").threadpool_limits(1)  # a worker is one processor's worth
        self._stamp = self.registry.change_stamp(self.model)
        await self.versions.start()
        if self._watched:
            self._watch = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
            self._watch = None
        await self.versions.stop()

    async def ready(self) -> str | None:
        main = self.versions.main
        return "not loaded" if main is None else main.answering.ready()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(self.serving.poll_s)
            stamp = self.registry.change_stamp(self.model)
            if stamp != self._stamp:
                self._stamp = stamp
                await self.versions.refresh()

    # Requests

    async def predict(self, body: Any, key: str = "") -> bytes:
        """The answer, as JSON, to a row or to ``{"rows": [...]}``.

        Args:
            body: What the JSON was parsed to.
            key: The client, which a canary answers always or never.

        Raises:
            ValidationProblem: A row is not one of the model's.
            ServiceUnavailable: The model is not loaded, or too busy (with ``Retry-After``).
            InternalServerError: The model failed.
        """
        loaded = self.versions.chosen(key)
        with Counted(loaded.tally):
            if "rows" in body and not loaded.reader.has("rows"):
                rows = rows_in(body, self.serving.max_rows)
                return loaded.writer.many(*await self._answers(loaded, rows))
            vector, said = loaded.reader.read(body)
            loaded.tally.add("rows")
            one = loaded.one if loaded.cache is None else None
            answer = one(vector) if one is not None else await loaded.answer_one(vector)
            if self.versions.shadow is not None:
                self._compare(loaded, [body], [answer])
            return loaded.writer.one(answer, said)

    async def _answers(self, loaded: Loaded, rows: Sequence[Any]) -> tuple[list[Answer], list[list[str]]]:
        """The answers to the rows of one request, and warnings."""
        vectors, warnings = loaded.reader.read_all(rows)
        loaded.tally.add("rows", len(rows))
        if len(vectors) == 1:
            answers = [await loaded.answer_one(vectors[0])]
        else:
            answers = await loaded.answer_all(vectors)
        self._compare(loaded, rows, answers)
        return answers, warnings

    def _compare(self, loaded: Loaded, rows: Sequence[Any], answers: Sequence[Answer]) -> None:
        """Have the shadow answer the same, if the canary did not."""
        if self.versions.shadow is not None and loaded is self.versions.main:
            self.versions.shadow.compare(rows, answers, loaded.manifest)

    async def infer(self, body: dict[str, Any], key: str = "", version: str | None = None) -> dict[str, Any]:
        """The answer of the Open Inference Protocol to tensors.

        Args:
            body: The inference request.
            key: As of :meth:`predict`.
            version: One of :attr:`versions`; ``None``: as of :meth:`predict`.

        Raises:
            Problem: As of :meth:`predict`; NotFound for another version.
        """
        loaded = self.versions.chosen(key, version)
        with Counted(loaded.tally):
            rows, wanted = oip.read_request(body, loaded.manifest.schema, self.serving.max_rows)
            try:
                answers, warnings = await self._answers(loaded, rows)
            except ValidationProblem as problem:
                raise ValidationProblem(errors=[oip.error_at(error, body) for error in problem.errors]) from None
            return oip.response(loaded.manifest, answers, warnings, wanted, body.get("id"))

    async def explain(self, row: Any, key: str = "") -> dict[str, Any]:
        """What each feature of ``row`` did to its answer; see :mod:`velox.ml.explaining`.

        Raises:
            Problem: As of :meth:`predict`.
        """
        loaded = self.versions.chosen(key)
        vector, warnings = loaded.reader.read(row)
        typical = loaded.answering.typical
        typical_vector = RowReader(loaded.manifest.schema, ANYTHING).read(typical)[0]
        answers = await loaded.answer_all([vector, *questions(vector, typical_vector)])
        said = json.loads(loaded.writer.one(answers[0], warnings))
        return {**said, **explanation(loaded.manifest.schema, row, typical, answers)}

    # What people ask

    def metadata(self, version: str | None = None) -> dict[str, Any]:
        """The Open Inference Protocol's description of the version in service, or of another of :attr:`versions`.

        Raises:
            NotFound: It is not in service.
        """
        numbers = self.versions.numbers or [self.manifest.version]
        manifest = self.manifest if version is None else self.versions.chosen("", version).manifest
        return oip.metadata(manifest, numbers)

    def describe(self) -> dict[str, Any]:
        """The version in service: its schema, metrics, and how it is served."""
        manifest, versions = self.manifest, self.versions
        loaded = versions.main
        schema = replace(manifest.schema, policies=self.chosen_policies).to_dict()
        made: dict[str, Any] = {
            "name": manifest.name,
            "version": manifest.version,
            "estimator": manifest.estimator,
            "created": manifest.created,
            "schema": schema,
            "metrics": dict(manifest.metrics),
            "served": {**manifest.served, "mode": loaded.mode if loaded is not None else "not loaded"},
        }
        if loaded is not None and loaded.verdict is not None:
            made["cache"] = {"on": loaded.verdict.pays, "reason": str(loaded.verdict)}
        if versions.canary is not None:
            made["canary"] = {"version": versions.canary.manifest.version, "percent": versions.percent}
        if versions.shadow is not None:
            made["shadow"] = {"version": versions.shadow.manifest.version, **versions.shadow.comparison.to_dict()}
        return {**made, "refused": dict(versions.refused)} if versions.refused else made


class Counted:
    """While a request is answered."""

    __slots__ = ("_start_s", "_tally")

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def __enter__(self) -> None:
        self._start_s = time.perf_counter()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        tally = self._tally
        tally.add("requests")
        tally.took(time.perf_counter() - self._start_s)
        if isinstance(error, Problem):
            tally.add("invalid" if error.status < 500 else "busy" if isinstance(error, Busy) else "failed")
