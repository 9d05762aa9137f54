"""Cursors: where a page ended, as text that a client hands back.

A cursor is the JSON of the order and of the last row's place, in base64url. It holds nothing that the client has not
seen, and every value in it is checked like any other input, so it needs no signature.
"""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from velox.errors import FieldError, ValidationProblem
from velox.resources.columns import value_type
from velox.resources.filters import storable_text
from velox.resources.ordering import Order

__all__ = ["Cursors"]


class Cursors:
    """The cursors of one table class' lists.

    Args:
        model: The table class.
        names: The fields that a list can be sorted by.
    """

    def __init__(self, model: Any, names: Sequence[str]) -> None:
        self._model = model
        self._adapters = {name: TypeAdapter[Any](value_type(model, name) | None) for name in names}

    def write(self, order: Order, row: Any) -> str:
        """The cursor behind ``row``."""
        place = [
            self._adapters[name].dump_python(value, mode="json")
            for name, value in zip(order.names, order.place(row), strict=True)
        ]
        text = json.dumps([order.sort, *place], separators=(",", ":"))
        return urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def read(self, text: str, order: Order) -> list[Any]:
        """The place that a cursor stands for.

        Raises:
            ValidationProblem: It is none of ours, or of a list in another order.
        """
        try:
            sort, *place = json.loads(urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)))
            values = [
                storable_text(self._adapters[name].validate_json(json.dumps(value)))
                for name, value in zip(order.names, place, strict=True)
            ]
        except (ValueError, TypeError, binascii.Error, ValidationError, RecursionError):
            raise _refused("It is not a cursor that a list has answered") from None
        if sort != order.sort:
            raise _refused(f"It belongs to a list that is sorted by {sort!s:.100}, not by {order.sort}")
        if values[-1] is None:
            raise _refused("It is not a cursor that a list has answered")
        return values


def _refused(message: str) -> ValidationProblem:
    return ValidationProblem(errors=[FieldError(message, "cursor", parameter="query.cursor")])
