"""A type whose JSON Schema is found out when the document is written, such as a row of the model in service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema

__all__ = ["Described", "Schema"]

Schema = dict[str, Any]


class Described:
    """In an ``Annotated``: the JSON Schema is what ``schema`` says when the document is written."""

    def __init__(self, schema: Callable[[], Schema]) -> None:
        self._schema = schema

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> Schema:
        return self._schema()
