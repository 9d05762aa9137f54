"""The OpenAPI 3.1 document, written from the plans that also make the calls: the two cannot disagree."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic.errors import PydanticUserError
from pydantic_core import PydanticSerializationError, to_jsonable_python

from velox.errors import (
    BadRequest,
    ConfigurationError,
    ContentTooLarge,
    Problem,
    UnsupportedMediaType,
    ValidationProblem,
    phrase,
)
from velox.routing.annotation import display_name, without_alias
from velox.routing.binding import group_fields, wire_name
from velox.routing.plan import Parameter, Plan, ResponseHeader, Source
from velox.routing.planning import path_names, path_shape
from velox.routing.problem import PROBLEM_JSON
from velox.routing.result import json_part
from velox.routing.schemas import Schema, SchemaBook
from velox.routing.stream import stream_of
from velox.routing.upload import UploadFile

__all__ = ["check_schemas", "openapi_document"]

IN_PARAMETERS = {Source.PATH: "path", Source.QUERY: "query", Source.HEADER: "header", Source.COOKIE: "cookie"}


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
            place(operation(plan, book, name), plan.path, method.lower(), paths)
    info = {"title": title, "version": version, **({"description": description} if description else {})}
    components: dict[str, Any] = {"schemas": book.components() if shown else {}}
    if security_schemes:
        components["securitySchemes"] = dict(security_schemes)
    tags = [{"name": tag} for tag in dict.fromkeys(tag for plan in shown for tag in plan.tags)]
    return {"openapi": "3.1.1", "info": info, "paths": paths, "components": components, "tags": tags}


def place(operation: dict[str, Any], path: str, method: str, paths: dict[str, dict[str, Any]]) -> None:
    """Put ``operation`` into ``paths``.

    ``GET /x/{a}`` and ``DELETE /x/{b}`` are one path to OpenAPI, whatever their parameters are called ("identical and
    invalid", 3.1.1, section 4.8.8): the later one takes the earlier one's names, unless that path has its method.
    """
    twin = next((known for known in paths if path_shape(known) == path_shape(path)), path)
    if twin != path and method not in paths[twin]:
        names = dict(zip(path_names(path), path_names(twin), strict=True))
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "path":
                parameter["name"] = names[parameter["name"]]
        path = twin
    paths.setdefault(path, {})[method] = operation


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
            f"{plan.location}: a type of {display_name(plan.handler)} cannot be documented: {reason}",
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
    parameters: dict[tuple[str, str], Any] = {}
    for each in [*found, *plan.layer_parameters]:
        parameters.setdefault((each["in"], each["name"]), dict(each))
    if parameters:
        made["parameters"] = list(parameters.values())
    body = request_body(inputs, book)
    if body:
        made["requestBody"] = body
    made["responses"] = responses(plan, book)
    if plan.options.deprecated:
        made["deprecated"] = True
    if plan.security:
        made["security"] = [{name: list(scopes) for name, scopes in way.items()} for way in plan.security]
    return made


def parameter_objects(parameter: Parameter, book: SchemaBook) -> Iterable[dict[str, Any]]:
    """The Parameter Objects of one parameter, or of all fields of a group."""
    place = IN_PARAMETERS[parameter.source]
    if parameter.group is None:
        schema = book.schema(parameter.annotation, "validation")
        if not parameter.required and parameter.default is not None:
            schema = {**default_of(parameter.default), **schema}
        yield parameter_object(parameter.alias, place, parameter.required and "default" not in schema, schema)
        return
    for member in group_fields(parameter.group, parameter.source):
        fields = parameter.group.model_fields
        field = next(field for name, field in fields.items() if member.name in (name, wire_name(field)))
        schema = book.schema(without_alias(field.rebuild_annotation()), "validation")
        if not field.is_required() and field.default is not None:
            schema |= default_of(field.get_default(call_default_factory=False))
        said = {name: getattr(field, name) for name in ("description", "examples", "deprecated")}
        schema |= {name: value for name, value in said.items() if value}
        yield parameter_object(member.alias, place, field.is_required(), schema)


def default_of(value: Any) -> Schema:
    """The ``default`` of a schema; a value that JSON cannot hold is nobody's business outside."""
    try:
        made = to_jsonable_python(value)
        json.dumps(made, allow_nan=False)
    except (PydanticSerializationError, ValueError):
        return {}
    return {"default": made}


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
    kinds: list[type[Problem]] = []
    inputs = plan.inputs()
    if any(p.source in (Source.BODY, Source.FORM, Source.FILE) for p in inputs):
        kinds += [BadRequest, ContentTooLarge, UnsupportedMediaType]
    if any(p.source is not Source.REQUEST for p in inputs):
        kinds.append(ValidationProblem)
    titles: dict[int, dict[str, None]] = {}
    for kind in (*kinds, *plan.problems):
        titles.setdefault(kind.status, {})[kind.title or phrase(kind.status)] = None
    reference = {PROBLEM_JSON: {"schema": {"$ref": book.own_ref("Problem")}}}
    for status, said in sorted(titles.items()):
        made[str(status)] = {"description": "; or: ".join(said), "content": reference}
    made |= {status: {"description": text} for status, text in plan.layer_answers.items()}
    made["default"] = {"description": "Any other problem", "content": reference}
    for name, response in made.items():
        headers = {header.name: header_object(header) for header in plan.response_headers if header.is_on(name)}
        if headers:
            response["headers"] = headers
    return made


def header_object(header: ResponseHeader) -> dict[str, Any]:
    return {"description": header.description, "schema": dict(header.schema)}


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
