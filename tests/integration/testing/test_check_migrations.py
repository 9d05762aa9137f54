"""``check_migrations``: the test with which a project notices that a migration is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table

from velox import Settings, Velox
from velox.db.database import Database, Part
from velox.errors import ConfigurationError
from velox.testing import check_migrations

MIGRATION = """
import sqlalchemy as sa
from alembic import op

down_revision = None


def upgrade() -> None:
    op.create_table("item", sa.Column("id", sa.Integer(), nullable=False), sa.PrimaryKeyConstraint("id"))


def downgrade() -> None:
    op.drop_table("item")
"""


async def test_a_change_of_the_models_without_a_migration_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_create_item.py").write_text(MIGRATION)
    url = f"sqlite:///{tmp_path}/test.db"
    app = Velox("shop", settings=Settings(env="test", database_url=url, migrations=str(folder)))
    metadata = MetaData()
    table = Table("item", metadata, Column("id", Integer, primary_key=True))

    def parts(self: Database, *_: Any) -> list[Part]:
        return [Part("", "", metadata, self)]

    monkeypatch.setattr(Database, "parts", parts)
    await check_migrations(app)
    table.append_column(Column("hits", Integer))
    with pytest.raises(
        ConfigurationError, match=r"VX406 the models have changes that no migration makes: .*item\.hits"
    ):
        await check_migrations(app)
