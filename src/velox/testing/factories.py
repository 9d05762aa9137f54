"""Rows for tests: valid ones, made from the types and constraints of a model, and the same ones in each run."""

from __future__ import annotations

import enum
import random
import re
import types
import typing
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from velox.db import Model
from velox.db.tables import parents_of
from velox.errors import ConfigurationError

__all__ = ["Factory", "factory"]

M = TypeVar("M", bound=Model)

_BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
# What fits many a pattern; {n} makes it another one each time.
_SAMPLES = (
    "{field}{n}",
    "https://example.com/{n}",
    "{field}{n}@example.com",
    "{n:05}",
    "{n}",
    "a{n}",
    "A{n}",
    "+49{n:09}",
)
_BOUNDS = ("ge", "gt", "le", "lt", "multiple_of", "min_length", "max_length", "max_digits", "decimal_places", "pattern")


def factory(model: type[M], *, seed: int = 0) -> Factory[M]:
    """What makes instances of ``model``.

    Args:
        model: A table class.
        seed: Another one makes other values. Default 0.

    Example::

        links = factory(Link)
        link = await db.add(links(title="x"))
        await db.insert_many(links.many(100, owner_id=owner.id))
    """
    return Factory(model, seed)


class Factory(Generic[M]):
    """Makes new instances of ``model``, of which no two are equal in a required field of text or numbers.

    A field with a default keeps it. A required one gets a value that fits its type and constraints; one that refers to
    another table's row gets a new such row, by the relationship that follows it.

    Args:
        model: A table class.
        seed: What the values depend on.
    """

    def __init__(self, model: type[M], seed: int = 0) -> None:
        self._model = model
        self._seed = seed
        self._numbers = count(1)
        self._parents = {
            name: found for name, found in parents_of(model).items() if model.model_fields[name].is_required()
        }
        self._factories = {name: Factory(found[1], seed) for name, found in self._parents.items() if found is not None}

    def __call__(self, **given: Any) -> M:
        """A new instance, not stored.

        Args:
            **given: Values of fields, and of relationships.

        Raises:
            ConfigurationError: VX445, a value cannot be made up, or one that is given does not fit.
        """
        number = next(self._numbers)
        fields = self._model.model_fields
        related = {name: given.pop(name) for name in list(given) if name not in fields}
        for name in related:
            if name not in self._model.__sqlmodel_relationships__:
                raise _impossible(self._model, name, "there is no such field")
        values = dict(given)
        for name, field in fields.items():
            if name in values or not field.is_required():
                continue
            if name in self._parents:
                values[name] = self._parent(name, related)
            else:
                values[name] = _Value(self._model, name, number, self._seed).of(field)
        try:
            row = self._model(**values)
        except ValidationError as error:
            first = error.errors()[0]
            raise _impossible(self._model, str(first["loc"][0] if first["loc"] else ""), first["msg"]) from None
        for name, value in related.items():
            setattr(row, name, value)
        return row

    def many(self, number: int, **given: Any) -> list[M]:
        """``number`` new instances."""
        return [self(**given) for _ in range(number)]

    def _parent(self, name: str, related: dict[str, Any]) -> int:
        """Have the row that ``name`` refers to among those related; its key is the database's to give."""
        found = self._parents[name]
        if found is None:
            raise _impossible(self._model, name, "it refers to a row of another table, and no relationship follows it")
        if found[0] not in related:
            related[found[0]] = self._factories[name]()
        return 0


class _Value:
    """One value that fits."""

    def __init__(self, model: type[Model], name: str, number: int, seed: int) -> None:
        self._model = model
        self._name = name
        self._number = number
        # Not dependent on how many other fields there are.
        self._random = random.Random(f"{seed} {model.__name__} {name} {number}")  # noqa: S311 - it is no secret

    def of(self, field: FieldInfo) -> Any:
        bounds = {name: value for one in field.metadata for name, value in _bounds(one)}
        return self._typed(field.annotation, bounds)

    def _typed(self, kind: Any, bounds: dict[str, Any]) -> Any:
        origin, arguments = typing.get_origin(kind), typing.get_args(kind)
        if origin is typing.Annotated:
            inner = {name: value for one in arguments[1:] for name, value in _bounds(one)}
            return self._typed(arguments[0], {**inner, **bounds})
        if origin in {typing.Union, types.UnionType}:
            return self._typed(next(one for one in arguments if one is not types.NoneType), bounds)
        if origin is Literal:
            return self._random.choice(arguments)
        kind = origin or kind
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            return self._random.choice(list(kind))
        make = _MAKERS.get(kind)
        if make is None:
            raise _impossible(
                self._model, self._name, f"nothing is known of its type {getattr(kind, '__name__', kind)}"
            )
        return make(self, bounds)

    def text(self, bounds: dict[str, Any]) -> str:
        pattern = bounds.get("pattern")
        least, most = bounds.get("min_length", 0), bounds.get("max_length")
        for sample in _SAMPLES:
            found = sample.format(field=self._name, n=self._number)
            found = found if pattern else found.ljust(least, "x")
            long = most is not None and len(found) > most
            if not long and len(found) >= least and (pattern is None or re.search(pattern, found)):
                return found
        why = f"no value is known for the pattern {pattern}" if pattern else f"it has room for {most} characters only"
        raise _impossible(self._model, self._name, why)

    def integer(self, bounds: dict[str, Any]) -> int:
        step = int(bounds.get("multiple_of", 1))
        low, high = _range(bounds, 1)
        first = -(-int(low) // step) * step
        if high is None:
            return first + self._number * step
        room = (int(high) - first) // step + 1
        if room < 1:
            raise _impossible(self._model, self._name, "there is no such number")
        return first + self._number % room * step

    def real(self, bounds: dict[str, Any]) -> float:
        low, high = _range(bounds, 1e-6)
        share = self._random.random()
        return float(low + share * ((high - low) if high is not None else 1000))

    def decimal(self, bounds: dict[str, Any]) -> Decimal:
        places = bounds.get("decimal_places")
        digits = bounds.get("max_digits")
        unit = Decimal(1).scaleb(-(2 if places is None else min(places, 2)))
        low, high = _range(bounds, unit)
        if high is None:
            whole = 4 if digits is None else max(min(digits - (places or 0), 4), 0)
            high = Decimal(low) + Decimal(10) ** whole - 1
        steps = int((Decimal(high) - Decimal(low)) / unit)
        return (Decimal(low) + unit * self._random.randint(0, max(steps, 0))).quantize(unit)

    def moment(self, bounds: dict[str, Any]) -> datetime:
        return _BEGINNING + timedelta(seconds=self._number)

    def day(self, bounds: dict[str, Any]) -> date:
        return _BEGINNING.date() + timedelta(days=self._number)

    def clock(self, bounds: dict[str, Any]) -> time:
        return self.moment(bounds).time()

    def span(self, bounds: dict[str, Any]) -> timedelta:
        return timedelta(seconds=self._number)

    def truth(self, bounds: dict[str, Any]) -> bool:
        return self._random.random() < 0.5

    def uuid(self, bounds: dict[str, Any]) -> UUID:
        return UUID(int=self._random.getrandbits(128), version=4)

    def nothing(self, bounds: dict[str, Any]) -> list[Any]:
        return []

    def empty(self, bounds: dict[str, Any]) -> dict[str, Any]:
        return {}

    def octets(self, bounds: dict[str, Any]) -> bytes:
        return self._random.randbytes(max(bounds.get("min_length", 0), min(8, bounds.get("max_length", 8))))


_MAKERS: dict[Any, Callable[[_Value, dict[str, Any]], Any]] = {
    str: _Value.text,
    bool: _Value.truth,
    int: _Value.integer,
    float: _Value.real,
    Decimal: _Value.decimal,
    datetime: _Value.moment,
    date: _Value.day,
    time: _Value.clock,
    timedelta: _Value.span,
    UUID: _Value.uuid,
    bytes: _Value.octets,
    list: _Value.nothing,
    dict: _Value.empty,
}


def _bounds(metadata: Any) -> Iterator[tuple[str, Any]]:
    """What a constraint says, as name and value: annotated-types', and pydantic's own."""
    for name in _BOUNDS:
        value = getattr(metadata, name, None)
        if value is not None and not callable(value):
            yield name, value


def _range(bounds: dict[str, Any], unit: Any) -> tuple[Any, Any]:
    """The least value, and the greatest if there is one; ``unit`` lies between a bound and what is beyond it."""
    low = bounds["ge"] if "ge" in bounds else bounds["gt"] + unit if "gt" in bounds else None
    high = bounds["le"] if "le" in bounds else bounds["lt"] - unit if "lt" in bounds else None
    if low is None:
        low = min(0, high) if high is not None else 0
    return low, high


def _impossible(model: type[Model], name: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        "VX445",
        f"no value was found for {model.__name__}.{name}: {why}",
        hint=f"Give one: factory({model.__name__})({name}=...).",
    )
