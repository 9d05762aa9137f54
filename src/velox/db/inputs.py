"""Constraints that a column puts on its value besides those that its field spells out.

Each refuses, as a 422, a value that the field's type allows and the column cannot keep.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from annotated_types import Ge, Gt, Le, Lt
from pydantic import AfterValidator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError
from sqlalchemy import Column, Integer, Interval, Time
from sqlmodel.sql.sqltypes import UTCDateTime

from velox.db.borrowed import get_sa_type_from_field
from velox.db.types import ExactDecimal, survives_float

__all__ = ["column_constraints"]

_INTEGER_MIN, _INTEGER_MAX = -(2**63), 2**63 - 1  # https://www.sqlite.org/datatype3.html: eight bytes at most
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - SQLAlchemy's Interval stores this naive instant plus the duration


def column_constraints(field: FieldInfo, column: Column[Any]) -> list[Any]:
    """What to add to the metadata of ``field`` where it takes input for ``column``."""
    match column.type:
        case UTCDateTime():
            return [AfterValidator(_in_utc)]
        case ExactDecimal():
            return [AfterValidator(_exact)]
        case Time():
            return [AfterValidator(_without_zone)]
        case Interval():
            return [AfterValidator(_near_epoch)]
        case Integer() if get_sa_type_from_field(field) is int:
            return _in_eight_bytes(field)
        case _:
            return []


def _in_eight_bytes(field: FieldInfo) -> list[Any]:
    given = {type(item) for item in field.metadata}
    lower = [] if given & {Ge, Gt} else [Ge(_INTEGER_MIN)]
    upper = [] if given & {Le, Lt} else [Le(_INTEGER_MAX)]
    return [*lower, *upper]


def _in_utc(value: datetime | None) -> datetime | None:
    # Since SQLModel 0.0.45 a naive datetime fails when the statement is executed, which would be a 500.
    if value is None:
        return None
    if value.utcoffset() is None:
        raise PydanticCustomError("timezone_aware", "Input should have timezone info")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("datetime_range", "Input should be between the years 1 and 9999 in UTC") from None


def _without_zone(value: time | None) -> time | None:
    if value is not None and value.tzinfo is not None:
        raise PydanticCustomError("timezone_naive", "Input should not have timezone info")
    return value


def _near_epoch(value: timedelta | None) -> timedelta | None:
    if value is not None:
        try:
            _EPOCH + value
        except OverflowError:
            raise PydanticCustomError("time_delta_range", "Input should be between -1969 and 8029 years") from None
    return value


def _exact(value: Decimal | None) -> Decimal | None:
    if value is not None and not survives_float(value):
        raise PydanticCustomError("decimal_exact", "Input should have no more than 15 significant digits")
    return value
