"""At the start of a worker: is the database what the app needs, and who brings it there?

create_tables   migrations/   what happens
True            any           missing tables are made, as in tests
None, in dev    none          missing tables are made
None, in dev    some          a new database gets all migrations; one that is behind is told of
otherwise                     nothing is changed; in production, an app whose database is behind does not start
"""

from __future__ import annotations

import logging
from pathlib import Path

from velox.db import Database
from velox.db.database import Part
from velox.db.migrations.history import History
from velox.db.migrations.state import State, state_of
from velox.errors import EXIT_CONFIGURATION, ConfigurationError
from velox.settings import Settings

__all__ = ["prepare_schema"]

logger = logging.getLogger("velox")


async def prepare_schema(database: Database, settings: Settings) -> None:
    """Make what is to be made, and say what is missing.

    Raises:
        ConfigurationError: VX404, the migrations are in disorder; VX409, the database is behind, and the setting
            ``migrations_required`` forbids that; VX430, VX431 or VX435, a model cannot be where it is to be.
    """
    for part in database.parts():
        await _prepare(part, settings)


async def _prepare(part: Part, settings: Settings) -> None:
    database, metadata = part.database.alone(), part.metadata
    history = History.of(Path(settings.migrations), part.group)
    makes_itself = settings.create_tables is None and settings.env == "dev"
    if settings.create_tables or (makes_itself and not len(history)):
        for table in await database.create_tables(metadata):
            logger.info("created table %s", table)
        return
    if not len(history):
        return
    state = await state_of(database, metadata)
    if makes_itself and state.new:
        await _fill(database, history)
    else:
        _judge(part, state, history, settings)


async def _fill(database: Database, history: History) -> None:
    """A new database has nothing to lose, and without tables the first request would fail."""
    from velox.db.migrations.moving import migrate

    for done in await migrate(database, history):
        logger.info("applied %s", done.step.revision.id)


def _judge(part: Part, state: State, history: History, settings: Settings) -> None:
    pending = state.pending(history)
    required = settings.migrations_required if settings.migrations_required is not None else settings.production
    if pending and required:
        raise ConfigurationError(
            "VX409",
            f"{part.name or 'the database'} is behind its migrations by {len(pending)}: {', '.join(pending)}",
            hint="Run: velox migrate. Or start all the same: VELOX_MIGRATIONS_REQUIRED=false.",
            exit_code=EXIT_CONFIGURATION,
        )
    if pending:
        logger.warning("not applied yet: %s. Run: velox migrate", ", ".join(pending))
    elif state.missing and not settings.production:
        missing = ", ".join(state.missing)
        logger.warning("not in the database: %s. Run: velox makemigrations, then velox migrate", missing)
