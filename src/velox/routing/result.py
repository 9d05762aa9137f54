"""What a handler returned → the response's bytes, by its return annotation."""

from __future__ import annotations

import inspect
import math
import types
from typing import Any, Union, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_json
from sanic.response import BaseHTTPResponse, HTTPResponse

from velox._json import Json
from velox.errors import VeloxError
from velox.routing.binding import adapter_for
from velox.routing.projection import Unexpected, projection
from velox.routing.response import JsonResponse
from velox.routing.writer import Writer, writer

__all__ = ["InvalidResult", "ResultEncoder", "json_part"]

MADE_ANEW = frozenset({"bool", "date", "datetime", "dict", "float", "int", "list", "none", "nullable", "str"})
"""The core schemas whose validated values are of the promised type throughout."""


class InvalidResult(VeloxError):
    """A handler returned something that its return annotation does not allow: an error of the server's."""


class ResultEncoder:
    """Encodes one handler's results.

    Args:
        annotation: The handler's return annotation; :data:`inspect.Signature.empty` for none.
        status: The status of a good answer.
        validate: Check every result against the annotation (on in ``dev`` and ``test``).
        where: The handler's name and place, for messages.
    """

    def __init__(self, annotation: Any, *, status: int, validate: bool, where: str) -> None:
        self.annotation = annotation = json_part(annotation)
        self.status = status
        self._where = where
        self._validate = validate
        self.declared = annotation is not inspect.Signature.empty
        self._adapter: TypeAdapter[Any] | None = None
        if self.declared and annotation is not None and annotation is not type(None):
            self._adapter = adapter_for(self.annotation, f"{where}: the return annotation")
        self._write = quick_writer(self._adapter, self.annotation) if self._adapter and not validate else None
        # The word costs 0.9 µs a call; what validation has made anew cannot be other than it was promised.
        self._warnings: Any = "error" if self._adapter and holds_instances(self._adapter.core_schema) else False

    def respond(self, result: Any) -> BaseHTTPResponse:
        """The response for ``result``.

        Raises:
            InvalidResult: It does not fit the annotation.
        """
        if isinstance(result, BaseHTTPResponse):
            return result
        if type(result) is Json:
            return JsonResponse(self._written(result), self.status)
        if self._adapter is None:
            if self.declared and result is not None:
                raise InvalidResult(f"{self._where}: the result is not None, as the return annotation says")
            if result is None:
                # RFC 9110, section 15.3.5: 204 has no content.
                return HTTPResponse(status=204 if self.status == 200 else self.status)
            return self._undeclared(result)
        return JsonResponse(self.encode(result), self.status)

    def _written(self, result: Json[Any]) -> bytes:
        if self.declared and result.shape != self.annotation:
            raise InvalidResult(f"{self._where}: the result is JSON of {result.shape}, not of the return annotation")
        return result

    def encode(self, result: Any) -> bytes:
        """``result`` as JSON, with nothing in it that the annotation does not name."""
        adapter = self._adapter
        assert adapter is not None
        try:
            if self._write is not None:
                try:
                    return self._write(result)
                except Unexpected:
                    pass
            # Handlers speak of fields by their names in Python; on the wire they have their aliases.
            checked = adapter.validator.validate_python(result, from_attributes=True, by_alias=True, by_name=True)
            # Instances are not validated again; "error" finds fields of theirs that were set to something else.
            written = adapter.serializer.to_json(checked, by_alias=True, warnings=self._warnings)
            if self._validate and b"null" in written:
                self._check_numbers(adapter.serializer.to_python(checked, mode="json", by_alias=True))
            return written
        except (ValidationError, PydanticSerializationError) as error:
            raise InvalidResult(f"{self._where}: the result does not fit the return annotation: {error}") from error

    def _check_numbers(self, result: Any) -> None:
        """The document says "number", and JSON has none for these: they are written as null."""
        if holds_non_finite(result):
            raise InvalidResult(
                f"{self._where}: the result has a float that is not finite, which is written as null. Return None for"
                " it, and annotate float | None"
            )

    def _undeclared(self, result: Any) -> HTTPResponse:
        if self._validate and isinstance(result, tuple) and len(result) == 2 and type(result[1]) is int:
            raise InvalidResult(
                f"{self._where}: the result is a tuple, which is a JSON array. For another status write status="
                f"{result[1]} at the route, or return a Response; for an array, annotate it"
            )
        try:
            return JsonResponse(to_json(result, inf_nan_mode="null"), self.status)
        except PydanticSerializationError as error:
            raise InvalidResult(f"{self._where}: the result cannot be written as JSON: {error}") from error


def holds_instances(schema: Any) -> bool:
    """Whether values of ``schema`` may hold objects that validation hands on as they are, such as models."""
    if isinstance(schema, (list, tuple)):
        return any(map(holds_instances, schema))
    if not isinstance(schema, dict):
        return False
    kind = schema.get("type")
    if kind is not None and kind not in MADE_ANEW:
        return True
    return any(holds_instances(part) for name, part in schema.items() if name.endswith("schema"))


def holds_non_finite(value: Any) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, dict):
        return any(holds_non_finite(item) for item in value.values())
    return isinstance(value, (list, tuple, set, frozenset)) and any(holds_non_finite(item) for item in value)


def quick_writer(adapter: TypeAdapter[Any], annotation: Any) -> Writer | None:
    """The quickest way to the bytes that need not validate what the handler promised; ``None`` when there is none."""
    write, project = writer(adapter), projection(annotation)
    if write is not None or project is None:
        return write
    to_json = adapter.serializer.to_json
    return lambda result: to_json(project(result), by_alias=True)


def json_part(annotation: Any) -> Any:
    """``annotation`` without responses, which go out as they are, and with what a ``Json`` is of in its place;
    ``Signature.empty`` when nothing is left.
    """
    if get_origin(annotation) is Json:
        return get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        others = tuple(json_part(arg) for arg in get_args(annotation) if not is_response(arg))
        return Union[others] if others else inspect.Signature.empty  # noqa: UP007 - made of a tuple
    return inspect.Signature.empty if is_response(annotation) else annotation


def is_response(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseHTTPResponse)
