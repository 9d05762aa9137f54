"""The registry: a folder of models, each a folder of versions that never change.

::

    models/
      titanic/
        aliases.json        production -> 2, and what it was before
        1/  manifest.json  model.joblib  reference.json  report.html
        2/  ...
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from velox.errors import ConfigurationError
from velox.ml.aliases import CANARY, PRODUCTION, Alias, Histories, check_percent, read_histories, write_histories
from velox.ml.manifest import MANIFEST, Manifest
from velox.ml.names import check_alias, check_name, is_version, split_reference
from velox.ml.storage import digest, locked, read_inside, replace_file, verified, write_new

__all__ = ["PRODUCTION", "Registry"]

ALIASES = "aliases.json"
MAX_JSON_BYTES = 16 * 2**20


class Registry:
    """The models below one folder.

    Any number of processes may publish, promote and read at once.

    Args:
        root: The folder; it is made at the first publication.
    """

    def __init__(self, root: str | os.PathLike[str] = "models") -> None:
        self.root = Path(root)

    def publish(self, manifest: Manifest, files: Mapping[str, bytes]) -> Manifest:
        """Add a version: all of it appears at once, under the next free number.

        Args:
            manifest: What is known; its ``version`` and ``files`` are filled in.
            files: The artifact's files by name.

        Returns:
            The manifest as it was written.
        """
        folder = self.root / check_name(manifest.name)
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f".partial-{secrets.token_hex(8)}"
        partial.mkdir()
        try:
            for name, content in files.items():
                write_new(partial / name, content)
            entries = {name: digest(content) for name, content in files.items()}
            return self._place(replace(manifest, files=entries), partial, folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise

    def _place(self, manifest: Manifest, partial: Path, folder: Path) -> Manifest:
        number = max(map(int, self.versions(manifest.name)), default=0)
        while True:
            number += 1
            numbered = replace(manifest, version=str(number))
            replace_file(partial / MANIFEST, numbered.to_json())
            try:
                # Onto a folder with something in it this fails: another publisher was first.
                partial.rename(folder / numbered.version)
            except OSError:
                if not (folder / numbered.version).exists():
                    raise
            else:
                return numbered

    def names(self) -> list[str]:
        """The models that have a version."""
        if not self.root.is_dir():
            return []
        found = [path.name for path in self.root.iterdir() if not path.name.startswith(".")]
        return sorted(name for name in found if self.versions(name))

    def versions(self, name: str) -> list[str]:
        """The versions of a model, oldest first."""
        folder = self.root / name
        if not folder.is_dir():
            return []
        found = [path.name for path in folder.iterdir() if is_version(path.name) and (path / MANIFEST).is_file()]
        return sorted(found, key=int)

    def manifest(self, reference: str) -> Manifest:
        """The manifest of ``"titanic@2"``, ``"titanic@production"`` or ``"titanic"``, which is production's or, where
        nothing was promoted, the newest.

        Raises:
            ConfigurationError: VX811 when there is none, VX812 when it cannot be read, VX813 for a wrong name.
        """
        name, version = self.resolve(reference)
        where = f"{name}/{version}/{MANIFEST}"
        try:
            text = read_inside(self.root, (name, version, MANIFEST), max_bytes=MAX_JSON_BYTES)
        except OSError as error:
            raise self._missing(name, version) from error
        manifest = Manifest.from_json(text, where)
        if (manifest.name, manifest.version) != (name, version):
            raise ConfigurationError(
                "VX812",
                f"{where} is the manifest of {manifest.name}@{manifest.version}",
                hint="A version's folder is not to be renamed or copied: publish the model again",
            )
        return manifest

    def read(self, manifest: Manifest, file: str) -> bytes:
        """A file of the artifact, which has the digest in the manifest.

        Raises:
            ConfigurationError: VX812 when it has not, or the manifest does not name it.
        """
        if file not in manifest.files:
            raise ConfigurationError(
                "VX812",
                f"the manifest of {manifest.name}@{manifest.version} names no {file}",
                hint="Publish the model again",
            )
        return verified(self.root, (manifest.name, manifest.version, file), manifest.files[file])

    def resolve(self, reference: str) -> tuple[str, str]:
        """Name and version that ``reference`` stands for now.

        Raises:
            ConfigurationError: VX811 or VX813.
        """
        name, which = split_reference(reference)
        if which is not None and is_version(which):
            return name, which
        aliases = self.aliases(name)
        if which is not None and which not in aliases:
            raise self._missing(name, which)
        if found := aliases.get(which or PRODUCTION):
            return name, found
        versions = self.versions(name)
        if not versions:
            raise self._missing(name, None)
        return name, versions[-1]

    def aliases(self, name: str) -> dict[str, str]:
        """The versions that have a name of their own, by it."""
        return {alias: found.version for alias, found in self.standing(name).items()}

    def standing(self, name: str) -> dict[str, Alias]:
        """What the aliases of a model stand for now, with the canary's percentage."""
        return {alias: history[-1] for alias, history in self._histories(name).items()}

    def promote(
        self, reference: str, alias: str = PRODUCTION, *, percent: float | None = None
    ) -> tuple[str | None, str]:
        """Let ``alias`` stand for a version: ``"titanic@3"``, or ``"titanic"`` for the newest.

        Args:
            reference: The version.
            alias: The alias. ``"canary"`` answers a share of production's requests; ``"shadow"`` is only compared.
            percent: The canary's share, 0 to 100. ``None``: 0.

        Returns:
            The version that it stood for, and the one it stands for now.

        Raises:
            ConfigurationError: VX811 when there is no such version, VX813 for a wrong name, VX818 for a wrong
                percentage, or one of another alias.
        """
        name, which = split_reference(reference)
        if percent is not None and alias != CANARY:
            raise ConfigurationError("VX818", f"{alias} has no percentage", hint="Only the alias canary has one")
        versions = self.versions(name)
        if which is None and versions:
            which = versions[-1]
        name, version = self.resolve(f"{name}@{which}") if which else (name, "")
        if version not in versions:
            raise self._missing(name, which)
        made = Alias(version, check_percent(percent or 0.0))
        with self._changing(name) as histories:
            history = histories.setdefault(check_alias(alias), [])
            before = history[-1].version if history else None
            # Another share is no other version: a roll-back goes to the version before.
            histories[alias] = [*(history[:-1] if before == version else history), made]
        return before, version

    def rollback(self, name: str, alias: str = PRODUCTION) -> tuple[str, str]:
        """Let ``alias`` stand for what it stood for before.

        Returns:
            The version it stood for until now, and the one it stands for again.

        Raises:
            ConfigurationError: VX811 when it never stood for another version.
        """
        self._known(name)
        with self._changing(name) as histories:
            history = histories.get(alias, [])
            if len(history) < 2:
                raise ConfigurationError(
                    "VX811",
                    f"{alias} of {name} stood for no other version before",
                    hint=f"Choose one: velox ml promote {name}@VERSION",
                )
            histories[alias] = history[:-1]
        return history[-1].version, history[-2].version

    def withdraw(self, name: str, alias: str) -> str:
        """Let ``alias`` stand for nothing any more: how a canary or a shadow ends.

        Returns:
            The version it stood for.

        Raises:
            ConfigurationError: VX811 when there is no such alias, VX813 for production, which something has to be.
        """
        if alias == PRODUCTION:
            raise ConfigurationError(
                "VX813", "production cannot be withdrawn", hint=f"Choose another version: velox ml rollback {name}"
            )
        self._known(name)
        with self._changing(name) as histories:
            if alias not in histories:
                raise self._missing(name, alias)
            return histories.pop(alias)[-1].version

    def _known(self, name: str) -> None:
        check_name(name)
        if not self.versions(name):
            raise self._missing(name, None)

    def change_stamp(self, name: str) -> tuple[int, int, int] | None:
        """Something cheap that changes whenever an alias of the model does; None as long as there is none."""
        try:
            found = (self.root / name / ALIASES).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size

    @contextlib.contextmanager
    def _changing(self, name: str) -> Iterator[Histories]:
        """The aliases' histories, to be changed; written when nothing was raised."""
        with locked(self.root / name):
            histories = self._histories(name)
            yield histories
            replace_file(self.root / name / ALIASES, write_histories(histories))

    def _histories(self, name: str) -> Histories:
        check_name(name)
        try:
            return read_histories(read_inside(self.root, (name, ALIASES), max_bytes=MAX_JSON_BYTES))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
            raise ConfigurationError(
                "VX812", f"{name}/{ALIASES} cannot be read: {error}", hint=f"Remove it, then: velox ml promote {name}"
            ) from error

    def _missing(self, name: str, which: str | None) -> ConfigurationError:
        known = [*self.versions(name), *sorted(self.aliases(name))]
        if known:
            what = f"the model {name} has no version {which}"
            hint = f"There are: {', '.join(known)}"
        else:
            what = f"there is no model {name} in {self.root}"
            others = ", ".join(self.names())
            hint = f"There are: {others}" if others else f"Train one: velox ml train DATA --target COLUMN --name {name}"
        return ConfigurationError("VX811", what, hint=hint)
