"""One version of a model in service: what reads its rows, answers them, and writes the answers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from velox.errors import Problem
from velox.ml.answers import Answer, AnswerWriter, listed
from velox.ml.artifact import load_estimator
from velox.ml.batcher import Batcher, Busy, failure
from velox.ml.inference import ANYTHING
from velox.ml.known_code import ForeignCode
from velox.ml.manifest import Manifest
from velox.ml.processes import ModelProcess
from velox.ml.registry import Registry
from velox.ml.remembering import AnswerCache, Store, Verdict, judge
from velox.ml.rows import RowReader, Vector
from velox.ml.runner import Runner, runner_of
from velox.ml.schema import Policies
from velox.ml.serving import Serving
from velox.ml.tally import Tally

__all__ = ["Answering", "Loaded", "load_version"]

ON_LOOP_S = 0.005
"""What a batch may take on the event loop; a slower model gets a process of its own."""
DIRECT_S = 50e-6
"""A row that takes less is answered at once: to wait for others would cost more than it saves."""

logger = logging.getLogger("velox.ml")

One = Callable[[Vector], "tuple[Any, list[float] | None]"]


class Answering(Protocol):
    """Where a version's answers come from."""

    mode: str
    """How rows come to the model, for people."""
    typical: dict[str, Any]
    """A row of medians and most frequent categories."""
    one_row_s: float
    """What a row takes alone, in seconds."""
    batch_row_s: float
    """What a row takes in a batch, in seconds."""

    async def answer(self, vectors: Sequence[Vector]) -> list[Answer]:
        """The answers to rows, together."""

    def ready(self) -> str | None:
        """None when it can answer, else why not."""

    async def close(self) -> None:
        """Let go of the model."""


class OnLoop:
    """A model in the server's own process; see :class:`Answering`."""

    mode = "batches on the loop"

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self.typical, self.one_row_s, self.batch_row_s = runner.typical, runner.one_row_s, runner.batch_row_s

    async def answer(self, vectors: Sequence[Vector]) -> list[Answer]:
        return listed(self._runner.predict(vectors))

    def ready(self) -> str | None:
        return None

    async def close(self) -> None:
        pass


class Loaded:
    """One version in service.

    Args:
        manifest: The version.
        answering: Where its answers come from.
        policies: What happens to odd rows.
        serving: Bounds and times.
        tally: Counts for the version.
        one: The quick way for a single row, if it is to be taken.

    Attributes:
        cache: Answers that are remembered, where that pays.
        verdict: Whether it does; ``None``: it was not asked for.
    """

    def __init__(
        self,
        manifest: Manifest,
        answering: Answering,
        policies: Policies,
        serving: Serving,
        *,
        tally: Tally,
        one: One | None = None,
    ) -> None:
        self.manifest = manifest
        self.answering = answering
        self.policies = policies
        self.serving = serving
        self.tally = tally
        self.one = one
        self.cache: AnswerCache | None = None
        self.verdict: Verdict | None = None
        self.reader = RowReader(manifest.schema, policies)
        self.writer = AnswerWriter(manifest)
        self._users = 0
        self._unused = asyncio.Event()
        self._unused.set()
        self.batcher = Batcher(
            self._answer_batch,
            max_batch=serving.max_batch,
            max_queue=serving.max_queue,
            max_wait_s=serving.max_wait_s,
            timeout_s=serving.timeout_s,
        )

    @property
    def mode(self) -> str:
        """How rows come to the model, for people."""
        return "each row at once" if self.one is not None else self.answering.mode

    async def _answer_batch(self, vectors: Sequence[Vector]) -> list[Answer]:
        self.tally.add("batches")
        self.tally.add("batch_rows", len(vectors))
        return await self.answering.answer(vectors)

    async def answer_one(self, vector: Vector) -> Answer:
        """The answer to the row of a request, which others may share a batch with.

        Raises:
            Busy, InternalServerError: As of :meth:`Batcher.submit`.
        """
        if self.cache is None:
            return await self._predict_one(vector)
        key = self.cache.key(vector)
        known = await self.cache.get(key)
        if known is not None:
            self.tally.add("cache_hits")
            return known
        self.tally.add("cache_misses")
        answer = await self._predict_one(vector)
        await self.cache.put(key, answer)
        return answer

    async def _predict_one(self, vector: Vector) -> Answer:
        if self.one is not None:
            return self.one(vector)
        with self._used():
            answer: Answer = await self.batcher.submit(vector)
            return answer

    async def answer_all(self, vectors: Sequence[Vector]) -> list[Answer]:
        """The answers to the rows of one request, part by part.

        Raises:
            Busy, InternalServerError: As above.
        """
        answers: list[Answer] = []
        size = self.serving.max_batch
        with self._used():
            try:
                async with asyncio.timeout(self.serving.timeout_s):
                    for start in range(0, len(vectors), size):
                        answers += await self._answer_batch(vectors[start : start + size])
                        await asyncio.sleep(0)  # others have waited for this part already
            except TimeoutError:
                raise Busy("The model has not answered in time.") from None
            except Problem:
                raise
            except Exception as error:
                raise failure(error) from error
        return answers

    @contextlib.contextmanager
    def _used(self) -> Iterator[None]:
        """For as long as a request needs this version."""
        self._users += 1
        self._unused.clear()
        try:
            yield
        finally:
            self._users -= 1
            if not self._users:
                self._unused.set()

    async def retire(self) -> None:
        """Let go of the model after the last request that is under way; there is no new one."""
        try:
            async with asyncio.timeout(2 * self.serving.timeout_s):
                await self._unused.wait()
        except TimeoutError:
            pass  # whoever waits so long has got a 503
        await self.answering.close()


async def load_version(
    registry: Registry,
    reference: str,
    *,
    policies: Policies | None = None,
    serving: Serving,
    cells: memoryview[float],
    store: Store | None = None,
) -> Loaded:
    """The version that ``reference`` stands for, checked and warm.

    scikit-learn's own models are loaded and measured here; one that is too slow for the event loop, and all code that
    is not scikit-learn's, goes into a process of its own without having been run here.

    Args:
        registry: Where it is.
        reference: Which one.
        policies: What happens to odd rows. ``None``: as the manifest says.
        serving: Bounds and times.
        cells: The model's, for its :class:`~velox.ml.tally.Tally`.
        store: Where answers may be remembered, if ``serving`` asks for it.

    Raises:
        ConfigurationError: VX701, VX811, VX812, VX813, VX814, VX816 or VX817.
    """
    manifest = registry.manifest(reference)
    answering, one = await placed(registry, manifest, serving)
    chosen = policies or manifest.schema.policies
    loaded = Loaded(manifest, answering, chosen, serving, tally=Tally(cells, manifest.version), one=one)
    if store is not None and serving.cache_s:
        await remember(loaded, AnswerCache(store, manifest, serving.cache_s))
    return loaded


async def placed(registry: Registry, manifest: Manifest, serving: Serving) -> tuple[Answering, One | None]:
    """What answers, where it belongs; and the quick way for a single row, if it is quick enough."""
    runner = await asyncio.to_thread(known_runner, registry, manifest, serving)
    if runner is not None and runner.one is not None and runner.one_row_s < DIRECT_S:
        return OnLoop(runner), runner.one
    if runner is not None and runner.batch_row_s * serving.max_batch <= ON_LOOP_S:
        return OnLoop(runner), None
    process = ModelProcess(registry, manifest, serving)
    await process.start()
    return process, None


async def remember(loaded: Loaded, cache: AnswerCache) -> None:
    """Have ``loaded`` remember its answers, if that pays."""
    answering = loaded.answering
    vector = RowReader(loaded.manifest.schema, ANYTHING).read(answering.typical)[0]
    predict_s = answering.one_row_s if loaded.one is not None else answering.batch_row_s
    loaded.verdict = verdict = await judge(cache, vector, predict_s)
    loaded.cache = cache if verdict.pays else None
    state = "are remembered" if verdict.pays else "are not remembered"
    logger.info("answers of %s@%s %s: %s", loaded.manifest.name, loaded.manifest.version, state, verdict)


def known_runner(registry: Registry, manifest: Manifest, serving: Serving) -> Runner | None:
    """The model, if all of its code is scikit-learn's."""
    try:
        estimator = load_estimator(registry, manifest, on_mismatch=serving.on_mismatch, known_only=True)
    except ForeignCode:
        return None
    return runner_of(registry, manifest, estimator)
