"""What a client gets to see of a row: all of it, some fields, or with related rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from velox.db import Public
from velox.errors import ConfigurationError
from velox.routing.result import ResultEncoder

__all__ = ["Shape", "etag_of"]

_public: Any = Public  # it is made of a class that is known at run time only


def etag_of(representation: bytes) -> str:
    """The strong entity tag (RFC 9110, section 8.8.3) of these very bytes."""
    return f'"{hashlib.sha256(representation).hexdigest()[:32]}"'


class Shape:
    """How rows of ``model`` are shown.

    Args:
        model: The table class.
        public: What a client sees of a row. ``None``: ``Public[model]``.
        expand: The relationships whose rows can be asked for; each shows the ``Public`` of its own class.

    Attributes:
        public: What is shown without being asked otherwise.
        view: For the documentation: the same, of which any field may be left out, with related rows.

    Raises:
        ConfigurationError: VX417, a name in ``expand`` is no relationship.
    """

    def __init__(self, model: Any, public: type[BaseModel] | None, expand: Sequence[str]) -> None:
        self.model = model
        self.public: Any = public if public is not None else _public[model]
        self._related = {name: _related(model, name) for name in expand}
        self._encode_one = ResultEncoder(self.public, status=200, validate=False, where=model.__name__).encode
        self._encode_many = ResultEncoder(list[self.public], status=200, validate=False, where=model.__name__).encode  # type: ignore[name-defined]
        self.view = _view(self.public, self._related)

    @property
    def names(self) -> tuple[str, ...]:
        """The fields that there are."""
        return (*self.public.model_fields, *self.public.model_computed_fields)

    def loads(self, expand: Iterable[str] | None) -> list[Any]:
        """The relationships to load with the rows, a statement for each."""
        return [getattr(self.model, name) for name in dict.fromkeys(expand or ())]

    def one(self, row: Any, fields: Sequence[str] | None = None, expand: Sequence[str] | None = None) -> bytes:
        """A row as JSON."""
        return self._encode_one(row) if not fields and not expand else _json(self._picked(row, fields, expand))

    def many(
        self, rows: Sequence[Any], fields: Sequence[str] | None = None, expand: Sequence[str] | None = None
    ) -> bytes:
        """Rows as a JSON array."""
        if not fields and not expand:
            return self._encode_many(list(rows))
        return _json([self._picked(row, fields, expand) for row in rows])

    def values(self, row: Any, fields: Sequence[str] | None = None) -> dict[str, Any]:
        """A row's shown fields as what JSON has."""
        return _shown(self.public, row, set(fields) if fields else None)

    def _picked(self, row: Any, fields: Sequence[str] | None, expand: Sequence[str] | None) -> dict[str, Any]:
        found = self.values(row, fields)
        for name in expand or ():
            schema, others = self._related[name][0], getattr(row, name)
            if self._related[name][1]:
                found[name] = [_shown(schema, other) for other in others]
            else:
                found[name] = None if others is None else _shown(schema, others)
        return found


def _shown(schema: Any, row: Any, fields: set[str] | None = None) -> dict[str, Any]:
    made = schema.model_validate(row, from_attributes=True, by_alias=True, by_name=True)
    values: dict[str, Any] = made.model_dump(mode="json", by_alias=True, include=fields)
    return values


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _related(model: Any, name: str) -> tuple[Any, bool]:
    """The schema of the related rows, and whether there may be several."""
    relationship = model.__mapper__.relationships.get(name)
    if relationship is None:
        raise ConfigurationError(
            "VX417",
            f"the resource of {model.__name__} cannot expand {name!r}: it is no relationship",
            hint="Name a Relationship() of the class",
        )
    return _public[relationship.mapper.class_], bool(relationship.uselist)


def _view(public: Any, related: Mapping[str, tuple[Any, bool]]) -> type[BaseModel]:
    fields: dict[str, Any] = {
        name: (field.annotation, Field(default_factory=lambda: None, description=field.description, alias=field.alias))
        for name, field in public.model_fields.items()
    }
    for name, (schema, several) in related.items():
        kind: Any = list[schema] if several else schema | None  # type: ignore[valid-type]
        fields[name] = (kind, Field(default_factory=lambda: None))
    view: type[BaseModel] = create_model(
        f"{public.__name__}View",
        __config__=ConfigDict(ser_json_bytes="base64", arbitrary_types_allowed=True),
        __doc__="Some fields, or related rows too: what fields and expand ask for.",
        **fields,
    )
    return view
