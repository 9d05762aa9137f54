"""From SQL to the indexes that might help it."""

from __future__ import annotations

import pytest

from velox.db.advice.candidates import Candidate, candidates
from velox.db.advice.uses import split, uses_of
from velox.errors import ConfigurationError

SCHEMA = {
    "link": frozenset({"id", "slug", "tag", "created_at", "deleted_at", "data", "active", "owner_id"}),
    "owner": frozenset({"id", "name"}),
}


def ddl(sql: str, dialect: str) -> list[str]:
    uses = uses_of(sql, dialect, SCHEMA)
    found = [one for use in uses for one in candidates(use, dialect, all_columns=SCHEMA[use.table])]
    return [one.ddl(dialect, name="i").replace('"', "").replace("`", "").partition(" ON ")[2] for one in found]


def test_equal_comes_before_the_order_before_a_range() -> None:
    sql = "SELECT link.id FROM link WHERE link.created_at > $1 AND link.tag = $2::VARCHAR ORDER BY link.id LIMIT 5"
    found = ddl(sql, "postgresql")
    assert "link (tag, id)" in found
    assert "link (tag, created_at)" in found
    assert "link USING brin (created_at)" in found
    assert "link (created_at, tag)" not in found


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_what_is_always_so_makes_a_partial_index(dialect: str) -> None:
    found = ddl("SELECT * FROM link WHERE slug = 'a' AND deleted_at IS NULL", dialect)
    assert "link (slug) WHERE deleted_at IS NULL" in found


def test_few_columns_are_covered() -> None:
    sql = "SELECT link.slug FROM link WHERE link.tag = 'a'"
    assert "link (tag) INCLUDE (slug)" in ddl(sql, "postgresql")
    assert "link (tag, slug)" in ddl(sql, "sqlite")


def test_only_postgresql_has_hash_gin_and_the_order_of_characters() -> None:
    sql = "SELECT * FROM link WHERE slug LIKE 'a%' AND data @> '{}'"
    assert {"link (slug text_pattern_ops)", "link USING gin (data)"} <= set(ddl(sql, "postgresql"))
    assert "link USING hash (tag)" in ddl("SELECT * FROM link WHERE tag = 'a'", "postgresql")
    assert ddl("SELECT * FROM link WHERE tag IN (%s, %s)", "mariadb") == ["link (tag)"]


def test_each_statement_inside_another_is_looked_at() -> None:
    """A join's columns, names without a table, an alias, a subquery."""
    inner = "SELECT owner_id FROM link WHERE slug = ?"
    sql = f"SELECT o.id FROM owner AS o JOIN link ON link.owner_id = o.id WHERE (name = ? AND o.id IN ({inner}))"
    found = ddl(sql, "sqlite")
    assert {"link (owner_id)", "owner (name)", "link (slug)"} <= set(found)


def test_a_mixed_order_keeps_its_directions() -> None:
    found = ddl("SELECT * FROM link ORDER BY tag ASC, id DESC LIMIT 1", "sqlite")
    assert found == ["link (tag, id DESC)"]
    assert ddl("SELECT * FROM link ORDER BY tag DESC, id DESC", "sqlite") == ["link (tag, id)"]


@pytest.mark.parametrize("sql", ["SELEC nothing", "CREATE TABLE a (b int)", "SELECT a FROM unknown WHERE a = 1"])
def test_what_is_not_understood_has_no_candidates(sql: str) -> None:
    assert ddl(sql, "sqlite") == []


def test_the_models_code_says_the_same() -> None:
    assert Candidate("link", (("tag", False),)).code("sqlite") == "tag: ... = Field(..., index=True)"
    partial = Candidate("link", (("tag", False), ("id", True)), where="deleted_at IS NULL")
    assert partial.code("postgresql") == (
        '__table_args__ = (Index("ix_link_tag_id_part", "tag", text("id DESC"), '
        'postgresql_where=text("deleted_at IS NULL")),)'
    )
    covering = Candidate("link", (("tag", False),), include=("slug",))
    assert 'postgresql_include=["slug"]' in covering.code("postgresql")


def test_a_file_of_sql_is_split_or_refused() -> None:
    assert len(split("SELECT 1; SELECT ';';", "sqlite")) == 2
    with pytest.raises(ConfigurationError, match="VX442"):
        split("SELECT FROM WHERE (", "sqlite")
