"""What a handler returned → the response's bytes, by its return annotation."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_json
from sanic.response import BaseHTTPResponse, HTTPResponse

from velox.errors import VeloxError
from velox.routing.binding import adapter_for

__all__ = ["InvalidResult", "ResultEncoder", "output_type"]

JSON = "application/json"


class InvalidResult(VeloxError):
    """A handler returned something that its return annotation does not allow: an error of the server's."""


def output_type(annotation: Any) -> Any:
    """The type that goes over the wire: a table class, which may hold private columns, is its public model."""
    public = getattr(annotation, "__velox_public__", None)
    if isinstance(annotation, type) and public is not None:
        return public()
    if get_origin(annotation) in (list, Annotated):
        origin, args = get_origin(annotation), get_args(annotation)
        return list[output_type(args[0])] if origin is list else output_type(args[0])  # type: ignore[misc]
    return annotation


@dataclass(frozen=True, slots=True)
class Trusted:
    """Tells whether a value can be written as it is, because it already has the shape that was promised."""

    model: type[BaseModel]
    row: type | None
    """The table class whose rows have the model's fields as columns, for a public model."""
    names: frozenset[str]

    def __call__(self, value: Any) -> bool:
        if isinstance(value, self.model):
            return True
        # A column that was never loaded is not in the row's __dict__, and would be left out without a word.
        return self.row is not None and isinstance(value, self.row) and self.names <= value.__dict__.keys()

    def all(self, values: Iterable[Any]) -> bool:
        return all(map(self, values))


def trusted(annotation: Any) -> Callable[[Any], bool] | None:
    """The test for ``annotation``; ``None`` when there is no cheap one and every value is validated."""
    if get_origin(annotation) is list:
        inner = trusted(get_args(annotation)[0])
        return None if inner is None else lambda value: isinstance(value, list) and all(map(inner, value))
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return None
    generic = annotation.__pydantic_generic_metadata__
    if generic["origin"] is not None and "items" in annotation.model_fields:
        origin, inner = generic["origin"], trusted(annotation.model_fields["items"].annotation)
        return None if inner is None else lambda value: isinstance(value, origin) and all(map(inner, value.items))
    if any(issubclass_model(field.annotation) for field in annotation.model_fields.values()) and hasattr(
        annotation, "__velox_row__"
    ):
        return None
    row = getattr(annotation, "__velox_row__", None)
    return Trusted(annotation, row, frozenset(annotation.model_fields))


def issubclass_model(annotation: Any) -> bool:
    members = get_args(annotation) or (annotation,)
    return any(isinstance(member, type) and issubclass(member, BaseModel) for member in members)


class ResultEncoder:
    """Encodes one handler's results.

    Args:
        annotation: The handler's return annotation; :data:`inspect.Signature.empty` for none.
        status: The status of a good answer.
        validate: Check every result against the annotation (on in ``dev`` and ``test``).
        where: The handler's name and place, for messages.
    """

    def __init__(self, annotation: Any, *, status: int, validate: bool, where: str) -> None:
        self.annotation = output_type(annotation)
        self.status = status
        self._where = where
        self._validate = validate
        self.declared = annotation is not inspect.Signature.empty and not is_response(annotation)
        self._adapter: TypeAdapter[Any] | None = None
        if self.declared and annotation is not None and annotation is not type(None):
            self._adapter = adapter_for(self.annotation, f"{where}: the return annotation")
        self._trusted = trusted(self.annotation) if self._adapter else None

    def respond(self, result: Any) -> BaseHTTPResponse:
        """The response for ``result``.

        Raises:
            InvalidResult: It does not fit the annotation.
        """
        if isinstance(result, BaseHTTPResponse):
            return result
        if self._adapter is None:
            if result is None:
                # RFC 9110, section 15.3.5: 204 has no content.
                return HTTPResponse(status=204 if self.status == 200 else self.status)
            return self._undeclared(result)
        return HTTPResponse(self.encode(result), status=self.status, content_type=JSON)

    def encode(self, result: Any) -> bytes:
        """``result`` as JSON, with nothing in it that the annotation does not name."""
        adapter = self._adapter
        assert adapter is not None
        try:
            if self._trusted is not None and self._trusted(result):
                if self._validate:
                    adapter.validator.validate_python(result, from_attributes=True)
                    return adapter.serializer.to_json(result, warnings="error")
                return adapter.serializer.to_json(result)
            checked = adapter.validator.validate_python(result, from_attributes=True)
            return adapter.serializer.to_json(checked)
        except (ValidationError, PydanticSerializationError) as error:
            raise InvalidResult(f"{self._where}: the result does not fit the return annotation: {error}") from error

    def _undeclared(self, result: Any) -> HTTPResponse:
        public = getattr(type(result), "__velox_public__", None)
        items = result if isinstance(result, (list, tuple)) else [result]
        if public is not None or any(hasattr(type(item), "__velox_public__") for item in items):
            raise InvalidResult(
                f"{self._where} returns rows without a return annotation, which could show private columns:"
                " annotate it, for example -> Public[T]"
            )
        try:
            return HTTPResponse(to_json(result, inf_nan_mode="null"), status=self.status, content_type=JSON)
        except PydanticSerializationError as error:
            raise InvalidResult(f"{self._where}: the result cannot be written as JSON: {error}") from error


def is_response(annotation: Any) -> bool:
    """Whether ``annotation`` is a response, or may be: then the handler has the last word on the bytes."""
    members = get_args(annotation) or (annotation,)
    return any(isinstance(member, type) and issubclass(member, BaseHTTPResponse) for member in members)
