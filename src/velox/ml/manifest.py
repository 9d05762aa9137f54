"""``manifest.json``: everything about one version of a model that can be known without unpickling it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from velox.errors import ConfigurationError
from velox.ml.schema import Schema

__all__ = ["FORMAT", "MANIFEST", "Entry", "Manifest"]

MANIFEST = "manifest.json"
FORMAT = 1
"""Raised when an older Velox could misread a manifest."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the artifact: the digest and the size of its bytes."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """One version of a model.

    Attributes:
        name, version: Which one.
        files: The digest of every file beside the manifest, by its name.
        schema: What it takes and gives.
        created: When, as ISO 8601 in UTC.
        estimator: The class of the last step, for people.
        metrics: What evaluation found, by metric.
        data: Where the training data came from: its digest, rows, split.
        libraries: The versions it was trained with.
        served: How it is served: compiled or not, and how that was verified.
        seed: Of everything random in its training; None when unknown.
        git: The revision of the project that trained it.
    """

    name: str
    version: str
    files: Mapping[str, Entry]
    schema: Schema
    created: str
    estimator: str
    metrics: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    libraries: Mapping[str, str] = field(default_factory=dict)
    served: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    git: str | None = None

    def to_json(self) -> bytes:
        made = {
            "format": FORMAT,
            "name": self.name,
            "version": self.version,
            "created": self.created,
            "estimator": self.estimator,
            "files": {name: {"sha256": entry.sha256, "bytes": entry.bytes} for name, entry in self.files.items()},
            "schema": self.schema.to_dict(),
            "metrics": dict(self.metrics),
            "data": dict(self.data),
            "libraries": dict(self.libraries),
            "served": dict(self.served),
            "seed": self.seed,
            "git": self.git,
        }
        return json.dumps(made, indent=2, ensure_ascii=False).encode() + b"\n"

    @classmethod
    def from_json(cls, text: bytes, where: str) -> Manifest:
        """Read ``text``, found at ``where``.

        Raises:
            ConfigurationError: VX812 when it is not a manifest that this version of Velox reads.
        """
        try:
            made = json.loads(text)
            if made["format"] != FORMAT:
                raise ValueError(f"its format is {made['format']}, not {FORMAT}")
            files = {name: Entry(str(entry["sha256"]), int(entry["bytes"])) for name, entry in made["files"].items()}
            rest = {name: made[name] for name in ("metrics", "data", "libraries", "served", "seed", "git")}
            schema = Schema.from_dict(made["schema"])
            return cls(made["name"], made["version"], files, schema, made["created"], made["estimator"], **rest)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigurationError(
                "VX812", f"{where} is not a manifest that can be read: {error}", hint="Publish the model again"
            ) from error
