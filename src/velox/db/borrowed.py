"""What we take from inside SQLAlchemy and SQLModel: names that they do not promise to keep.

They are the reason for the upper bounds in pyproject.toml. ``tests/unit/db/test_borrowed.py`` says which one an upgrade
has moved.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm.strategies import _LazyLoader as LazyLoader
from sqlmodel._compat import get_field_metadata, get_sa_type_from_field
from sqlmodel.main import FieldInfo, FieldInfoMetadata, SQLModelMetaclass

__all__ = [
    "FieldInfo",
    "FieldInfoMetadata",
    "LazyLoader",
    "SQLModelMetaclass",
    "asyncmy_has_gone",
    "asyncpg_refusal",
    "get_field_metadata",
    "get_sa_type_from_field",
]


def asyncpg_refusal() -> type[Exception]:
    """What asyncpg raises for a value that it cannot send; its public name is taken by the server's own refusal."""
    from asyncpg.exceptions._base import DataError

    return DataError  # type: ignore[no-any-return]


def asyncmy_has_gone(connection: Any) -> bool:
    """Whether the other end of asyncmy's connection has closed it; ``connected`` tells only what was noticed in use."""
    return not connection.connected or connection._proto.eof or connection._proto.exc is not None
