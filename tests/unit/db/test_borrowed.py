"""Names inside SQLAlchemy and SQLModel that ``velox.db`` stands on without a promise."""

from __future__ import annotations

import ast
from importlib import import_module
from importlib.metadata import version
from inspect import getsource, signature
from pathlib import Path

import pytest

import velox

BORROWED = [
    ("sqlalchemy", "Engine", "_has_events", "db/borrowed.py tells of the driver's statements only if somebody listens"),
    ("sqlalchemy", "Connection", "_handle_dbapi_exception", "db/borrowed.py has it translate the driver's errors"),
    ("sqlalchemy.orm.strategies", "_LazyLoader", "_invoke_raise_load", "db/loading.py raises NotLoaded there"),
    ("sqlalchemy.orm.strategies", "_LazyLoader", "_load_for_state", "db/loading.py relies on what calls the above"),
    ("sqlalchemy.pool", "AsyncAdaptedQueuePool", "_queue_class", "db/pool.py puts the fair queue there"),
    ("sqlalchemy.util.queue", "QueueCommon", "get_nowait", "db/pool.py has the queue's methods"),
    ("sqlalchemy.connectors.asyncio", "AsyncAdapt_dbapi_cursor", "_async_soft_close", "db/adapter.py answers it"),
    ("sqlalchemy.orm.context", "_MapperEntity", "_get_entity_clauses", "db/borrowed.py finds a model's columns"),
    ("sqlalchemy.orm.context", "_ORMColumnEntity", "_fetch_column", "db/borrowed.py finds a value's column there"),
    ("sqlalchemy.orm.context", "_RawColumnEntity", "_label_name", "db/borrowed.py names a tuple's values by it"),
    ("sqlalchemy.sql", "Select", "_generate_cache_key", "db/statements.py compiles once for each key"),
    ("sqlalchemy.sql", "Select", "_with_options", "db/statements.py leaves such statements to the session"),
    ("sqlalchemy.sql", "Select", "_execution_options", "db/statements.py leaves such statements to the session"),
    ("sqlalchemy.sql", "Select", "_for_update_arg", "db/statements.py leaves such statements to the session"),
    ("sqlalchemy.sql.compiler", "SQLCompiler", "_process_parameters_for_postcompile", "db/borrowed.py writes IN out"),
    ("sqlalchemy.sql.compiler", "SQLCompiler", "_bind_processors", "db/borrowed.py converts values with them"),
    ("sqlalchemy.types", "TypeEngine", "_cached_result_processor", "db/hydration.py converts values with it"),
    ("sqlalchemy.types", "TypeEngine", "_cached_bind_processor", "db/statements.py converts keys with it"),
    ("sqlalchemy.orm", "InstanceState", "_modified_event", "db/readonly.py refuses changes there"),
    ("sqlalchemy", "Result", "_unique_filter_state", "db/borrowed.py finds out that a result repeats rows"),
    (
        "sqlalchemy.dialects.postgresql.asyncpg",
        "AsyncAdapt_asyncpg_dbapi",
        "_asyncpg_error_translate",
        "db/postgresql.py adds to it",
    ),
    (
        "sqlalchemy.dialects.postgresql.asyncpg",
        "PGDialect_asyncpg",
        "_invalidate_schema_cache_asof",
        "db/postgresql.py has a Reader's statement prepared again after a migration",
    ),
    (
        "sqlalchemy.dialects.postgresql.asyncpg",
        "PGDialect_asyncpg",
        "_invalidate_schema_cache",
        "db/postgresql.py has a Reader's statement prepared again after a migration",
    ),
    ("asyncmy.connection", "_ProtocolState", "eof", "db/mysql.py asks it whether a pooled connection has died"),
    ("asyncpg.exceptions._base", "DataError", "__init__", "db/postgresql.py tells it from other mistakes"),
    ("sqlmodel._compat", "get_sa_type_from_field", "__call__", "db/model.py and db/inputs.py ask it for column types"),
    ("sqlmodel._compat", "get_field_metadata", "__call__", "db/model.py asks it for a Decimal's digits"),
    ("sqlmodel.main", "FieldInfoMetadata", "sa_type", "db/model.py sets the column's type there"),
    ("sqlmodel.main", "FieldInfoMetadata", "sa_column", "db/model.py leaves columns of one's own alone"),
    ("sqlmodel.main", "SQLModelMetaclass", "__init__", "db/model.py reads relationships' annotations before it"),
    ("sqlmodel.main", "RelationshipInfo", "__init__", "db/model.py sets how relationships load"),
    ("sqlmodel", "SQLModel", "__sqlmodel_relationships__", "db/model.py finds relationships there"),
    ("sqlmodel", "SQLModel", "_sa_registry", "db/integrity.py finds a column's field with it"),
]


@pytest.mark.parametrize(("module", "name", "attribute", "use"), BORROWED)
def test_what_we_borrow_is_where_it_was(module: str, name: str, attribute: str, use: str) -> None:
    """If this fails after an upgrade: see what took its place, mend the user, and only then raise the upper bound."""
    owner = getattr(import_module(module), name, None)
    moved = (
        f"{module}.{name}.{attribute} is gone in {module.partition('.')[0]} {version(module.partition('.')[0])}: {use}"
    )
    assert hasattr(owner, attribute), moved


def test_the_loader_raises_when_it_is_told_to() -> None:
    """``_raise_always`` is set by ``lazy="raise"``, and so by us."""
    loader = import_module("sqlalchemy.orm.strategies")._LazyLoader
    assert "self._raise_always = " in getsource(loader), "_LazyLoader has no _raise_always: db/loading.py sets it"
    assert list(signature(loader._invoke_raise_load).parameters) == ["self", "state", "passive", "lazy"]


def test_private_names_are_imported_in_one_place() -> None:
    """``db/borrowed.py``, so that an upgrade breaks one file."""
    folder = Path(velox.__file__).parent / "db"
    found = {
        path.name
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and not (node.module or "").startswith("velox")
        for part in [*(node.module or "").split("."), *(alias.name for alias in node.names)]
        if part.startswith("_") and part != "__future__"
    }
    assert found == {"borrowed.py"}
