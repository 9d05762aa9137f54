"""The versions of a model in service: the one that answers, its canary and its shadow.

Each is exchanged when its alias moves: requests are answered by the old version until the new one is loaded and warm,
and by the old one still when the new one cannot be loaded.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from velox.errors import ConfigurationError, NotFound, ServiceUnavailable
from velox.ml.aliases import CANARY, PRODUCTION, SHADOW, Alias
from velox.ml.canary import takes_part
from velox.ml.loaded import Loaded, load_version
from velox.ml.names import split_reference
from velox.ml.registry import Registry
from velox.ml.remembering import Store
from velox.ml.schema import Policies
from velox.ml.serving import Serving
from velox.ml.shadow import Shadow
from velox.ml.tally import own_cells

__all__ = ["Versions"]

logger = logging.getLogger("velox.ml")


class Versions:
    """What is in service of one model.

    Args:
        registry: Where the model is.
        reference: What is served: ``"titanic"`` with the canary and the shadow of production; others alone.
        policies: What happens to odd rows. ``None``: what each version's manifest says.
        serving: Bounds and times.
        store: Where answers may be remembered.

    Attributes:
        cells: Of the model's tallies; set before the start.
        main: The version that answers; ``None`` before the start.
        canary: The version that answers ``percent`` of the clients.
        shadow: The version that is only compared.
        refused: Why there is no canary or shadow although there is an alias, by alias.
        swaps, failed_swaps: How often ``main`` was exchanged, and how often that failed.
    """

    def __init__(
        self,
        registry: Registry,
        reference: str,
        *,
        policies: Policies | None = None,
        serving: Serving,
        store: Store | None = None,
    ) -> None:
        self._registry, self._reference = registry, reference
        self._policies, self._serving, self._store = policies, serving, store
        self.cells = own_cells()
        self._model, which = split_reference(reference)
        self._has_others = which is None or which == PRODUCTION
        self.main: Loaded | None = None
        self.canary: Loaded | None = None
        self.percent = 0.0
        self.shadow: Shadow | None = None
        self.refused: dict[str, str] = {}
        self.swaps = self.failed_swaps = 0

    async def start(self) -> None:
        """Load what the reference stands for, check its answers, and warm it up.

        Raises:
            ConfigurationError: It cannot be.
        """
        self.main = await self._load(self._reference)
        try:
            await self._refresh_others(self.main)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Let go of all, and see their processes end."""
        shadow = self.shadow.loaded if self.shadow is not None else None
        ended = [each for each in (self.main, self.canary, shadow) if each is not None]
        await self._set_canary(None, 0.0)
        await self._set_shadow(None)
        self.main = None
        for loaded in ended:
            await loaded.answering.close()

    @property
    def numbers(self) -> list[str]:
        """The versions that answer requests: the main one first."""
        return [each.manifest.version for each in (self.main, self.canary) if each is not None]

    def chosen(self, key: str, version: str | None = None) -> Loaded:
        """What answers the client ``key``, or always ``version``.

        Raises:
            ServiceUnavailable: Before the start.
            NotFound: The version is not in service.
        """
        loaded, canary = self.main, self.canary
        if loaded is None:
            raise ServiceUnavailable("The model is not loaded.")
        if version is not None:
            found = [each for each in (loaded, canary) if each is not None and each.manifest.version == version]
            if not found:
                raise NotFound(f"Version {version} of {self._model} is not in service.")
            return found[0]
        if canary is not None and takes_part(key, f"{self._model}@{canary.manifest.version}", self.percent):
            return canary
        return loaded

    async def refresh(self) -> bool:
        """Serve what the aliases stand for now; whether ``main`` is another version than before.

        What cannot be loaded is logged, and the version before goes on.
        """
        main = self.main
        assert main is not None
        swapped = False
        try:
            if self._registry.resolve(self._reference)[1] != main.manifest.version:
                self.main = await self._load(self._reference)
                self.swaps += 1
                swapped = True
                self._tell(main, self.main)
                await main.retire()
            await self._refresh_others(self.main or main)
        except (ConfigurationError, OSError) as error:
            self.failed_swaps += 1
            logger.error("model %s stays at version %s: %s", self._model, main.manifest.version, error)  # noqa: TRY400
        return swapped

    def _tell(self, before: Loaded, now: Loaded) -> None:
        logger.info("model %s: version %s serves now", self._model, now.manifest.version)
        for line in before.manifest.schema.differences(now.manifest.schema):
            logger.info("model %s: %s", self._model, line)

    async def _refresh_others(self, main: Loaded) -> None:
        """Have the canary and the shadow that the registry names."""
        if not self._has_others:
            return
        standing = self._registry.standing(self._model)
        canary, shadow = self._wanted(CANARY, standing, main), self._wanted(SHADOW, standing, main)
        if canary is None or not canary.percent:
            await self._set_canary(None, 0.0)
        elif self.canary is not None and self.canary.manifest.version == canary.version:
            self.percent = canary.percent
        else:
            await self._set_canary(await self._beside(CANARY, canary), canary.percent)
        if shadow is None:
            await self._set_shadow(None)
        elif self.shadow is None or self.shadow.manifest.version != shadow.version:
            loaded = await self._beside(SHADOW, shadow)
            await self._set_shadow(Shadow(loaded) if loaded is not None else None)

    def _wanted(self, role: str, standing: Mapping[str, Alias], main: Loaded) -> Alias | None:
        """The alias, unless its version serves anyway, or would refuse rows that ``main`` takes."""
        self.refused.pop(role, None)
        alias = standing.get(role)
        if alias is None or alias.version == main.manifest.version:
            return None
        manifest = self._registry.manifest(f"{self._model}@{alias.version}")
        refusals = manifest.schema.refusals(main.manifest.schema)
        if refusals:
            self._refuse(role, f"version {alias.version} does not take the same rows: {'; '.join(refusals)}")
            return None
        return alias

    async def _beside(self, role: str, alias: Alias) -> Loaded | None:
        """A version beside ``main``; none when it cannot be loaded."""
        try:
            loaded = await self._load(f"{self._model}@{alias.version}")
        except (ConfigurationError, OSError) as error:
            self._refuse(role, f"version {alias.version} cannot be loaded: {error}")
            return None
        logger.info("model %s: version %s is its %s now", self._model, alias.version, role)
        return loaded

    def _refuse(self, role: str, why: str) -> None:
        self.refused[role] = why
        logger.error("model %s has no %s: %s", self._model, role, why)

    async def _set_canary(self, loaded: Loaded | None, percent: float) -> None:
        before, self.canary, self.percent = self.canary, loaded, percent
        if before is not None:
            await before.retire()

    async def _set_shadow(self, shadow: Shadow | None) -> None:
        before, self.shadow = self.shadow, shadow
        if before is not None:
            await before.close()

    async def _load(self, reference: str) -> Loaded:
        return await load_version(
            self._registry,
            reference,
            policies=self._policies,
            serving=self._serving,
            cells=self.cells,
            store=self._store,
        )
