"""Migrations: the history of a project's tables, on Alembic, driven from inside.

What a migration's file imports is :func:`change_enum`, besides Alembic's own ``op``.
"""

from velox.db.migrations.enums import change_enum

__all__ = ["change_enum"]
