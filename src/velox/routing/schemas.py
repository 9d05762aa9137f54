"""The schemas of one OpenAPI document: pydantic's, named for readers, and those of our own problems."""

from __future__ import annotations

from typing import Annotated, Any, get_args, get_origin

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode
from pydantic_core import core_schema

from velox.routing.markers import Marker, Provide

__all__ = ["Schema", "SchemaBook"]

REF = "#/components/schemas/{model}"
Schema = dict[str, Any]

PROBLEM_SCHEMA: Schema = {
    "title": "Problem",
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "Names the kind of problem."},
        "title": {"type": "string", "description": "A short summary of the kind of problem."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "What went wrong this time."},
        "instance": {"type": "string", "format": "uri-reference", "description": "Where it went wrong."},
        "request_id": {"type": "string", "description": "Finds the request in the server's log."},
        "errors": {"type": "array", "description": "The wrong fields."},
    },
}
FIELD_ERROR_SCHEMA: Schema = {
    "title": "FieldError",
    "type": "object",
    "description": "One wrong field: in the body (pointer) or a parameter.",
    "required": ["message", "code"],
    "properties": {
        "pointer": {"type": "string", "description": "Its place in the body (JSON Pointer, RFC 6901)."},
        "parameter": {"type": "string", "description": "The parameter, such as query.limit."},
        "message": {"type": "string"},
        "code": {"type": "string"},
    },
}


class Components(GenerateJsonSchema):
    """pydantic's generator, with plain names for generic models: ``Page_LinkPublic``."""

    def normalize_name(self, name: str) -> str:
        return str(super().normalize_name(name)).strip("_")

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> Schema:
        """A number, or text that keeps every digit; pydantic says neither how many digits nor which text."""
        made = dict(super().decimal_schema(schema))
        digits, places = schema.get("max_digits"), schema.get("decimal_places")
        for branch in made.get("anyOf", []):
            if branch["type"] == "string":
                branch["pattern"] = decimal_pattern(schema)
            elif digits is not None and places is not None:
                limit = 10 ** (digits - places)
                branch.setdefault("exclusiveMaximum", limit)
                if "minimum" not in branch and "exclusiveMinimum" not in branch:
                    branch["exclusiveMinimum"] = -limit
                branch["multipleOf"] = float(f"1e-{places}")
        return made


def decimal_pattern(schema: core_schema.DecimalSchema) -> str:
    """The text of a Decimal: its sign, and as many digits as it may have."""
    digits, places = schema.get("max_digits"), schema.get("decimal_places")
    least = max((bound for bound in (schema.get("ge"), schema.get("gt")) if bound is not None), default=-1)
    whole = f"{{1,{digits - (places or 0)}}}" if digits is not None else "+"
    fraction = "" if places == 0 else r"(\.[0-9]+)?" if places is None else rf"(\.[0-9]{{1,{places}}})?"
    return f"^{'' if least >= 0 else '-?'}[0-9]{whole}{fraction}$"


class SchemaBook:
    """All schemas of one document.

    pydantic names shared schemas only when it sees them all, so a document is written twice: the first time
    :meth:`schema` only collects, the second time it answers.
    """

    def __init__(self) -> None:
        self._annotations: list[Any] = []
        self._asked: dict[tuple[int, JsonSchemaMode], TypeAdapter[Any]] = {}
        self._written: dict[tuple[int, JsonSchemaMode], Schema] = {}
        self.definitions: Schema = {}

    def schema(self, annotation: Any, mode: JsonSchemaMode) -> Schema:
        """The schema of ``annotation`` as input (``"validation"``) or output (``"serialization"``)."""
        annotation = without_marks(annotation)
        number = next((i for i, known in enumerate(self._annotations) if known == annotation), len(self._annotations))
        if number == len(self._annotations):
            self._annotations.append(annotation)
        self._asked.setdefault((number, mode), TypeAdapter(annotation))
        return dict(self._written.get((number, mode), {}))

    def write(self) -> None:
        """Make the schemas of everything that was asked for."""
        asked = [(number, mode, adapter) for (number, mode), adapter in self._asked.items()]
        schemas, definitions = TypeAdapter.json_schemas(asked, ref_template=REF, schema_generator=Components)
        self._written = dict(schemas)
        self.definitions = dict(sorted(definitions.get("$defs", {}).items()))

    def own_ref(self, name: str) -> str:
        """The reference to a schema of ours, under a name that no model of the app's has."""
        return REF.format(model=self.own_name(name))

    def own_name(self, name: str) -> str:
        return self.own_name(f"Velox{name}") if name in self.definitions else name

    def components(self) -> Schema:
        """All named schemas, ours included."""
        properties = PROBLEM_SCHEMA["properties"]
        errors = {**properties["errors"], "items": {"$ref": self.own_ref("FieldError")}}
        problem = {**PROBLEM_SCHEMA, "properties": {**properties, "errors": errors}}
        ours = {self.own_name("Problem"): problem, self.own_name("FieldError"): FIELD_ERROR_SCHEMA}
        return {**self.definitions, **ours}


def without_marks(annotation: Any) -> Any:
    """``annotation`` without our marks: they mean nothing to pydantic, and equal types have to be equal."""
    if get_origin(annotation) is not Annotated:
        return annotation
    origin, *metadata = get_args(annotation)
    kept = [item for item in metadata if not isinstance(item, (Marker, Provide))]
    return Annotated[(origin, *kept)] if kept else origin
