"""Runs one migration on a connection: its ``upgrade`` or ``downgrade``, with Alembic's ``op`` in place."""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from velox.db.migrations.history import Step
from velox.db.migrations.memory import Memory
from velox.db.migrations.postgresql import attend
from velox.errors import ConfigurationError

__all__ = ["context_on", "load", "run_step"]

_FUNCTIONS = {"up": "upgrade", "down": "downgrade"}


def run_step(connection: Connection, step: Step, memory: Memory | None = None) -> None:
    """Call the migration's ``upgrade`` or ``downgrade``; the transaction is the caller's.

    Args:
        connection: Where ``op`` works.
        step: Which migration, and which way.
        memory: Told of every column type.

    Raises:
        ConfigurationError: VX404, the file cannot be imported; VX407, the migration failed.
    """
    run = load(step.revision.path, _FUNCTIONS[step.direction])
    context = context_on(connection)
    if connection.dialect.name == "postgresql":
        attend(context.impl, connection)
    if memory is not None:
        memory.listen(context.impl)
    try:
        with _operations(context):
            run()
    except ConfigurationError:
        raise
    except Exception as error:
        raise _failed(step, error) from error


def context_on(connection: Connection, **options: Any) -> MigrationContext:
    """Alembic's view of ``connection``."""
    return MigrationContext.configure(connection=connection, opts=options)


@contextmanager
def _operations(context: MigrationContext) -> Iterator[None]:
    """``from alembic import op`` works in the block, and no longer after it, also where it raises."""
    manager = Operations.context(context)
    manager.__enter__()
    try:
        yield
    finally:
        manager.__exit__(None, None, None)


def load(path: Path, function: str) -> Callable[[], object]:
    """The function called ``function`` of the migration in ``path``.

    Raises:
        ConfigurationError: VX404, the file cannot be imported, or has no such function.
    """
    module = _module(path)
    found = getattr(module, function, None)
    if not callable(found) or inspect.iscoroutinefunction(found):
        what = f"has no {function}()" if found is None else f"has a coroutine {function}()"
        raise ConfigurationError("VX404", f"{path} {what}", hint=f"Write: def {function}() -> None")
    return found  # type: ignore[no-any-return]


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"velox_migration_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ConfigurationError("VX404", f"{path} is no Python file", hint="Migrations end with .py.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ConfigurationError(
            "VX404", f"{path} cannot be imported: {type(error).__name__}: {error}", hint="Correct the file."
        ) from error
    return module


def _failed(step: Step, error: Exception) -> ConfigurationError:
    reason = str(error.orig) if isinstance(error, DBAPIError) else f"{type(error).__name__}: {error}"
    statement = " ".join(str(error.statement).split()) if isinstance(error, DBAPIError) else ""
    return ConfigurationError(
        "VX407",
        f"{step.revision.id} failed on the way {step.direction}: {reason.strip()}"
        + (f" (in: {statement[:200]})" if statement else ""),
        hint=f"Correct {step.revision.path}; VELOX_DEBUG=1 shows the whole traceback.",
    )
