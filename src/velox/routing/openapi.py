"""The OpenAPI 3.1 document, written from the plans that also make the calls: the two cannot disagree."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, get_args, get_origin

from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode
from pydantic_core import core_schema, to_jsonable_python

from velox.errors import (
    BadRequest,
    ConfigurationError,
    ContentTooLarge,
    Problem,
    UnsupportedMediaType,
    ValidationProblem,
    phrase,
)
from velox.routing.annotation import without_alias
from velox.routing.binding import group_fields, wire_name
from velox.routing.markers import Marker, Provide
from velox.routing.plan import Parameter, Plan, Source
from velox.routing.problem import PROBLEM_JSON
from velox.routing.result import json_part
from velox.routing.stream import stream_of
from velox.routing.upload import UploadFile

__all__ = ["check_schemas", "openapi_document"]

REF = "#/components/schemas/{model}"
IN_PARAMETERS = {Source.PATH: "path", Source.QUERY: "query", Source.HEADER: "header", Source.COOKIE: "cookie"}
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


def openapi_document(
    plans: Sequence[Plan], *, title: str, version: str, security_schemes: Mapping[str, Schema], description: str = ""
) -> dict[str, Any]:
    """The document of an app.

    Args:
        plans: Its routes, in the order of the document.
        title, version, description: Of the API.
        security_schemes: OpenAPI's Security Scheme Objects by name.

    Returns:
        An OpenAPI 3.1.1 document, ready for JSON.
    """
    shown = [plan for plan in plans if not plan.hidden]
    book = SchemaBook()
    for plan in shown:
        operation(plan, book, plan.name)
    book.write()
    paths: dict[str, dict[str, Any]] = {}
    for plan in shown:
        for method in plan.methods:
            # Every operation's id is its own, also where one handler has several methods.
            name = plan.name if len(plan.methods) == 1 else f"{plan.name}_{method.lower()}"
            paths.setdefault(plan.path, {})[method.lower()] = operation(plan, book, name)
    info = {"title": title, "version": version, **({"description": description} if description else {})}
    components: dict[str, Any] = {"schemas": book.components() if shown else {}}
    if security_schemes:
        components["securitySchemes"] = dict(security_schemes)
    tags = [{"name": tag} for tag in dict.fromkeys(tag for plan in shown for tag in plan.tags)]
    return {"openapi": "3.1.1", "info": info, "paths": paths, "components": components, "tags": tags}


def check_schemas(plan: Plan) -> None:
    """Find out at start-up, not at the first request for the document, whether all of ``plan`` can be documented.

    Raises:
        ConfigurationError: VX202 when pydantic knows no JSON Schema for a type.
    """
    book = SchemaBook()
    try:
        operation(plan, book, plan.name)
        book.write()
    except PydanticUserError as error:
        reason = error.message.splitlines()[0].rstrip(".")
        raise ConfigurationError(
            "VX202",
            f"{plan.location}: a type of {plan.handler.__qualname__} cannot be documented: {reason}",
            hint="Annotate the field with pydantic.WithJsonSchema({...}), or pass hidden=True to the route",
        ) from None


def operation(plan: Plan, book: SchemaBook, name: str) -> dict[str, Any]:
    """OpenAPI's Operation Object of one route, with ``name`` as its id."""
    inputs = plan.inputs()
    made: dict[str, Any] = {"operationId": name, "summary": plan.summary}
    if plan.description:
        made["description"] = plan.description
    if plan.tags:
        made["tags"] = list(plan.tags)
    # A handler and its providers may read the same parameter; OpenAPI wants it once.
    found = [each for p in inputs if p.source in IN_PARAMETERS for each in parameter_objects(p, book)]
    parameters = {(each["in"], each["name"]): each for each in reversed(found)}
    if parameters:
        made["parameters"] = list(reversed(parameters.values()))
    body = request_body(inputs, book)
    if body:
        made["requestBody"] = body
    made["responses"] = responses(plan, book)
    if plan.options.deprecated:
        made["deprecated"] = True
    if plan.options.security:
        made["security"] = [{name: []} for name in plan.options.security]
    return made


def parameter_objects(parameter: Parameter, book: SchemaBook) -> Iterable[dict[str, Any]]:
    """The Parameter Objects of one parameter, or of all fields of a group."""
    place = IN_PARAMETERS[parameter.source]
    if parameter.group is None:
        schema = book.schema(parameter.annotation, "validation")
        if not parameter.required and parameter.default is not None and "default" not in schema and schema:
            schema["default"] = to_jsonable_python(parameter.default)
        yield parameter_object(parameter.alias, place, parameter.required, schema)
        return
    for member in group_fields(parameter.group, parameter.source):
        fields = parameter.group.model_fields
        field = next(field for name, field in fields.items() if member.name in (name, wire_name(field)))
        schema = book.schema(without_alias(field.rebuild_annotation()), "validation")
        if not field.is_required() and field.default is not None and schema:
            schema["default"] = to_jsonable_python(field.get_default(call_default_factory=False))
        if field.description and schema:
            schema["description"] = field.description
        yield parameter_object(member.alias, place, field.is_required(), schema)


def parameter_object(name: str, place: str, required: bool, schema: Schema) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "in": place, "required": required or place == "path"}
    description, examples = schema.pop("description", None), schema.pop("examples", None)
    if description:
        made["description"] = description
    if schema.pop("deprecated", False):
        made["deprecated"] = True
    if examples:
        made["examples"] = {f"example {i}": {"value": value} for i, value in enumerate(examples, 1)}
    made["schema"] = without_null(schema)
    return made


def without_null(schema: Schema) -> Schema:
    """``schema`` as a parameter's: no text is ``null``; who means that leaves the parameter out."""
    branches = [branch for branch in schema.get("anyOf", []) if branch != {"type": "null"}]
    if len(branches) != 1:
        return {**schema, "anyOf": branches} if branches else schema
    return {**branches[0], **{name: value for name, value in schema.items() if name != "anyOf"}}


def request_body(inputs: Sequence[Parameter], book: SchemaBook) -> dict[str, Any] | None:
    """The Request Body Object: JSON, or a form of all form fields and files."""
    body = next((p for p in inputs if p.source is Source.BODY), None)
    if body is not None:
        content = {"application/json": {"schema": book.schema(body.annotation, "validation")}}
        return {"required": body.required, "content": content}
    forms = [p for p in inputs if p.source in (Source.FORM, Source.FILE)]
    if not forms:
        return None
    group = next((p for p in forms if p.group is not None), None)
    if group is not None and len(forms) == 1:
        schema = book.schema(group.annotation, "validation")
    else:
        properties = {p.alias: book.schema(p.annotation, "validation") for p in forms}
        schema = {"type": "object", "properties": properties, "required": [p.alias for p in forms if p.required]}
    kinds = ["multipart/form-data"]
    if not any(p.source is Source.FILE for p in forms) and not has_files(forms):
        kinds.append("application/x-www-form-urlencoded")
    required = any(p.required for p in forms)
    return {"required": required, "content": {kind: {"schema": schema} for kind in kinds}}


def has_files(forms: Sequence[Parameter]) -> bool:
    return any(
        field.annotation is UploadFile for p in forms if p.group is not None for field in p.group.model_fields.values()
    )


def responses(plan: Plan, book: SchemaBook) -> dict[str, Any]:
    """The good answer and every problem: those of the inputs, those the handler names, and ``default`` for the rest."""
    made: dict[str, Any] = {str(plan.status): good_response(plan, book)}
    kinds: dict[int, type[Problem]] = {}
    inputs = plan.inputs()
    if any(p.source in (Source.BODY, Source.FORM, Source.FILE) for p in inputs):
        kinds |= {kind.status: kind for kind in (BadRequest, ContentTooLarge, UnsupportedMediaType)}
    if any(p.source is not Source.REQUEST for p in inputs):
        kinds[ValidationProblem.status] = ValidationProblem
    kinds |= {kind.status: kind for kind in plan.problems}
    reference = {PROBLEM_JSON: {"schema": {"$ref": book.own_ref("Problem")}}}
    for status, kind in sorted(kinds.items()):
        made[str(status)] = {"description": kind.title or phrase(status), "content": reference}
    made["default"] = {"description": "Any other problem", "content": reference}
    return made


def good_response(plan: Plan, book: SchemaBook) -> dict[str, Any]:
    """The Response Object of the status that the handler answers when all is well."""
    made: dict[str, Any] = {"description": phrase(plan.status)}
    stream = stream_of(plan.returns)
    if stream is not None:
        kind = stream.media_type.partition(";")[0]
        return {**made, "content": {kind: {"schema": piece_schema(kind, stream.item, book)}}}
    shown = json_part(plan.returns)
    if shown in (None, type(None)) or plan.status in (204, 304):
        return made
    if shown is not inspect.Signature.empty:
        return {**made, "content": {"application/json": {"schema": book.schema(shown, "serialization")}}}
    kind = "application/json" if plan.returns is inspect.Signature.empty else "*/*"
    return {**made, "content": {kind: {"schema": {}}}}


def piece_schema(kind: str, item: Any, book: SchemaBook) -> Schema:
    """What a stream consists of: OpenAPI 3.1 has no word for "many of these", so this is one line or one event."""
    if kind == "application/jsonl":
        return book.schema(item, "serialization")
    if kind != "text/event-stream":
        return {"type": "string"}
    text: Schema = {"type": "string"}
    if item is not str:
        text |= {"contentMediaType": "application/json", "contentSchema": book.schema(item, "serialization")}
    properties = {"data": text, "event": {"type": "string"}, "id": {"type": "string"}, "retry": {"type": "integer"}}
    return {"type": "object", "required": ["data"], "properties": properties}
