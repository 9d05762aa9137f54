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
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from velox.errors import ConfigurationError
from velox.ml.manifest import MANIFEST, Manifest
from velox.ml.names import check_alias, check_name, is_version, split_reference
from velox.ml.storage import digest, locked, read_inside, replace_file, verified, write_new

__all__ = ["PRODUCTION", "Registry"]

PRODUCTION = "production"
ALIASES = "aliases.json"
MAX_JSON_BYTES = 16 * 2**20
HISTORY = 100
"""Earlier versions that an alias remembers for roll-backs."""


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
        return {alias: history[-1] for alias, history in self._histories(name).items()}

    def promote(self, reference: str, alias: str = PRODUCTION) -> tuple[str | None, str]:
        """Let ``alias`` stand for a version: ``"titanic@3"``, or ``"titanic"`` for the newest.

        Returns:
            The version that it stood for, and the one it stands for now.

        Raises:
            ConfigurationError: VX811 when there is no such version, VX813 for a wrong name.
        """
        name, which = split_reference(reference)
        versions = self.versions(name)
        if which is None and versions:
            which = versions[-1]
        name, version = self.resolve(f"{name}@{which}") if which else (name, "")
        if version not in versions:
            raise self._missing(name, which)
        with self._changing(name) as histories:
            history = histories.setdefault(check_alias(alias), [])
            before = history[-1] if history else None
            if before != version:
                histories[alias] = [*history, version][-HISTORY:]
        return before, version

    def rollback(self, name: str, alias: str = PRODUCTION) -> tuple[str, str]:
        """Let ``alias`` stand for what it stood for before.

        Returns:
            The version it stood for until now, and the one it stands for again.

        Raises:
            ConfigurationError: VX811 when it never stood for another version.
        """
        check_name(name)
        if not self.versions(name):
            raise self._missing(name, None)
        with self._changing(name) as histories:
            history = histories.get(alias, [])
            if len(history) < 2:
                raise ConfigurationError(
                    "VX811",
                    f"{alias} of {name} stood for no other version before",
                    hint=f"Choose one: velox ml promote {name}@VERSION",
                )
            histories[alias] = history[:-1]
        return history[-1], history[-2]

    def change_stamp(self, name: str) -> tuple[int, int, int] | None:
        """Something cheap that changes whenever an alias of the model does; None as long as there is none."""
        try:
            found = (self.root / name / ALIASES).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size

    @contextlib.contextmanager
    def _changing(self, name: str) -> Iterator[dict[str, list[str]]]:
        """The aliases' histories, to be changed; written when nothing was raised."""
        with locked(self.root / name):
            histories = self._histories(name)
            yield histories
            replace_file(self.root / name / ALIASES, json.dumps(histories, indent=2).encode() + b"\n")

    def _histories(self, name: str) -> dict[str, list[str]]:
        check_name(name)
        try:
            made: Any = json.loads(read_inside(self.root, (name, ALIASES), max_bytes=MAX_JSON_BYTES))
            return {check_alias(alias): checked(found) for alias, found in made.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError) as error:
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


def checked(history: Any) -> list[str]:
    """An alias' history as it was read: versions, at least one."""
    if isinstance(history, list) and history and all(isinstance(each, str) and is_version(each) for each in history):
        return history
    raise ValueError(f"{history!r} is no list of versions")
