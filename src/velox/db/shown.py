"""``Shown``: rows as the JSON of a public schema, without a model in between.

    select(Link).where(...)  ->  SELECT what the schema shows  ->  dicts  ->  JSON

The JSON is made by the schema's own field serialisers, so that it is, byte for byte, what a list of the models gives.
"""

from __future__ import annotations

from functools import cache
from operator import itemgetter
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic_core import PydanticSerializationError, SchemaSerializer, core_schema
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.inspection import inspect
from sqlalchemy.orm import Mapper
from sqlalchemy.sql import Select

from velox.db.borrowed import may_lack_rows, with_columns
from velox.errors import ConfigurationError

__all__ = ["Shown", "shown"]


class Shown:
    """How rows are shown as ``schema``; :func:`shown` makes it.

    Args:
        schema: The public schema.
        row: The table class whose rows it shows.
    """

    def __init__(self, schema: type[BaseModel], row: type[Any]) -> None:
        self.shape = list[schema]  # type: ignore[valid-type]
        self.names = tuple(name for name, field in schema.model_fields.items() if not field.exclude)
        self._name = schema.__name__
        self._row = row
        self._serializer = _dict_serializer(schema)
        self._adapter: TypeAdapter[Any] = TypeAdapter(self.shape)
        mapper: Mapper[Any] = row.__mapper__
        keys = [mapper.get_property_by_column(column).key for column in mapper.primary_key]
        self._key = itemgetter(*keys) if set(keys).issubset(self.names) else None
        self._no_key = None if len(keys) == 1 else (None,) * len(keys)

    def narrowed(self, statement: Any) -> Any:
        """``statement``, which selects rows, with no column but those that are shown.

        Raises:
            ConfigurationError: VX403, it selects something else, or rows that only a hidden primary key tells apart.
        """
        entities = statement.column_descriptions if isinstance(statement, Select) else []
        entity = entities[0]["expr"] if len(entities) == 1 else None
        found: Any = inspect(entity, raiseerr=False)
        mapper = getattr(found, "mapper", None)
        if entities == [] or entity is not entities[0]["entity"] or mapper is None or mapper.class_ is not self._row:
            raise ConfigurationError(
                "VX403",
                f"{self._name} shows rows of {self._row.__name__}, and the statement selects something else",
                hint=f"Select the table class, select({self._row.__name__}): which columns are read, the schema says.",
            )
        if self._key is None and may_lack_rows(statement):
            raise ConfigurationError(
                "VX403",
                f"{self._name} hides the primary key, which DISTINCT, select_from() and outer joins need",
                hint="Use where(...exists()) or exec() instead, or show the key.",
            )
        return with_columns(statement, [getattr(entity, name) for name in self.names])

    def encoded(self, rows: list[dict[str, Any]]) -> bytes:
        """JSON of ``rows``, which hold the values by the fields' names.

        Raises:
            pydantic.ValidationError: A value is not what its field says.
            sqlalchemy.exc.InvalidRequestError: There is no row where an outer join might have found one.
        """
        if self._key is not None and self._no_key in map(self._key, rows):
            raise InvalidRequestError(
                f"An outer join found no {self._row.__name__}, and {self._name} shows only rows that are there: join"
                " the other way round, or leave those rows out with where()."
            )
        if self._serializer is not None:
            try:
                return self._serializer.to_json(rows, by_alias=True, warnings="error")
            except PydanticSerializationError:
                pass  # validation makes it fit, or says what is wrong
        models = self._adapter.validate_python(rows, by_alias=True, by_name=True)
        return self._adapter.serializer.to_json(models, by_alias=True, warnings="error")


@cache
def shown(schema: Any) -> Shown:
    """How to show rows as ``schema``.

    Raises:
        ConfigurationError: VX403, it is no public schema, or computes something from a whole row.
    """
    row = getattr(schema, "__velox_row__", None)
    if row is None:
        name = getattr(schema, "__name__", str(schema))
        raise ConfigurationError(
            "VX403",
            f"{name} cannot be read as JSON: it is not Public[...] of a table class, or it computes a field",
            hint="Name a public schema whose fields are all columns, or return the rows of exec() instead.",
        )
    return Shown(schema, row)


def _dict_serializer(schema: type[BaseModel]) -> SchemaSerializer | None:
    """What writes dicts of ``schema``'s fields as the schema writes its instances; ``None`` if only those can be."""
    model: Any = schema.__pydantic_core_schema__
    fields = model.get("schema", {})
    if model["type"] != "model" or fields.get("type") != "model-fields" or "serialization" in {*model, *fields}:
        return None
    typed: dict[str, Any] = {name: {**field, "type": "typed-dict-field"} for name, field in fields["fields"].items()}
    for field in typed.values():
        field.pop("frozen", None)
    rows = core_schema.typed_dict_schema(typed, config=model.get("config"))
    return SchemaSerializer(core_schema.list_schema(rows), model.get("config"))
