"""Column types that keep what they are given, where SQLAlchemy's own would round or refuse it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import MAX_PREC, Context, Decimal
from functools import cache
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import to_json
from sqlalchemy import JSON, Dialect, Float, Numeric, type_coerce
from sqlalchemy.types import TypeDecorator, TypeEngine

__all__ = ["ExactDecimal", "TypedJSON", "json_text", "python_type", "survives_float"]

_ANY_LENGTH = Context(prec=MAX_PREC)
_WRITTEN_OUT = 15
"""Up to so many zeros before the point are written out; a longer number is 1E+30."""


def json_text(value: Any) -> str:
    """``value`` for a plain JSON column; also a date, a UUID, a model."""
    return to_json(value).decode()


class ExactDecimal(TypeDecorator[Decimal]):
    """A Decimal that comes back as it went in, or is refused; never rounded.

    SQLite has no decimal type. A double keeps any 15 significant digits (C's ``DBL_DIG``) and sorts and compares as a
    number, which text would not; a value that it cannot keep is refused when it is written. The servers would round
    what has more digits after the point than the column.

    Args:
        precision: The most digits, or ``None`` for as many as the database keeps.
        scale: The digits after the point that a read value shows, or ``None`` for those that it needs.
    """

    impl = Numeric
    cache_ok = True

    def __init__(self, precision: int | None = None, scale: int | None = None) -> None:
        super().__init__(precision, scale)
        self.precision = precision
        self.scale = scale

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        is_sqlite = dialect.name == "sqlite"
        return dialect.type_descriptor(Float() if is_sqlite else Numeric(self.precision, self.scale))

    def coerce_compared_value(self, op: Any, value: Any) -> TypeEngine[Any]:
        """What a column is compared with need not fit into it: ``Item.price < Decimal("9.999")``."""
        return Numeric()

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        if value is None:
            return None
        exact = value if isinstance(value, Decimal) else Decimal(str(value))
        if dialect.name == "sqlite" and not survives_float(exact):
            raise ValueError(f"SQLite keeps 15 significant digits exactly, and {exact} has more")
        if self.as_read(exact) != exact:
            raise ValueError(f"the column has {self.scale} digits after the point, and {exact} more")
        return float(exact) if dialect.name == "sqlite" else exact

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return None if value is None else self.as_read(value)

    def as_read(self, value: Decimal | float) -> Decimal:
        """``value`` in the form in which it is read: with ``scale`` digits after the point, or with those that it needs
        and no zeros after them, and no negative zero.
        """
        exact = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
        if not exact:
            exact = Decimal(0)
        if self.scale is not None:
            return exact.quantize(Decimal((0, (1,), -self.scale)), context=_ANY_LENGTH)
        return _shortest(exact)


class TypedJSON(TypeDecorator[Any]):
    """A list or dict as JSON, whose items come back as what the field's annotation says: ``list[date]`` as dates.

    ``None`` is SQL's NULL. An element in a query (``Link.extra["color"]``) is plain JSON.

    Args:
        annotation: The field's; left out, as in a migration, it is plain JSON.
    """

    impl = JSON
    cache_ok = True

    class Comparator(TypeDecorator.Comparator[Any], JSON.Comparator[Any]):
        """An element has not the type of the whole."""

        def __getitem__(self, index: Any) -> Any:
            return type_coerce(self.expr, JSON())[index]

    comparator_factory = Comparator

    def __init__(self, annotation: Any = Any) -> None:
        super().__init__(none_as_null=True)
        self.annotation = annotation

    def __repr__(self) -> str:
        return "TypedJSON()"

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str | None]:
        return lambda value: None if value is None else self._written(value).decode()

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], Any]:
        return lambda text: None if text is None else self._read(text)

    def as_read(self, value: Any) -> Any:
        """``value`` in the form in which it is read: a tuple as a list, for example."""
        return self._read(self._written(value))

    def _written(self, value: Any) -> bytes:
        # What is assigned is not checked, so an item may have another type than it should; reading tells.
        return _adapter(self.annotation).dump_json(value, warnings=False)

    def _read(self, text: str | bytes) -> Any:
        try:
            return _adapter(self.annotation).validate_json(text)
        except ValidationError as error:
            raise ValueError(f"stored JSON does not fit {self.annotation}: {error}") from error


def _shortest(value: Decimal) -> Decimal:
    """Without zeros at the end: ``Decimal("9.5")`` for 9.50, ``Decimal("100")`` as it is."""
    short = value.normalize(_ANY_LENGTH)
    exponent = short.as_tuple().exponent
    written_out = isinstance(exponent, int) and 0 < exponent <= _WRITTEN_OUT
    return short.quantize(Decimal(1), context=_ANY_LENGTH) if written_out else short


@cache
def _adapter(annotation: Any) -> TypeAdapter[Any]:
    return TypeAdapter(annotation, config=ConfigDict(ser_json_bytes="base64", val_json_bytes="base64"))


def python_type(kind: TypeEngine[Any]) -> type[Any] | None:
    """What Python has for a column of type ``kind``; ``None`` if SQLAlchemy does not say."""
    try:
        found = kind.python_type
    except NotImplementedError:
        return None
    # A decorator says "object", unless it knows better.
    return python_type(kind.impl_instance) if found is object and isinstance(kind, TypeDecorator) else found


def survives_float(value: Decimal) -> bool:
    """Whether a double's shortest text (``repr``) is ``value`` again."""
    return Decimal(repr(float(value))) == value
