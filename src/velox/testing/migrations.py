"""Whether the migrations make what the models say: a test that a project has once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from velox.errors import ConfigurationError

if TYPE_CHECKING:
    from velox.app import Velox

__all__ = ["check_migrations"]


async def check_migrations(app: Velox) -> None:
    """Run the migrations on an empty clone of each of ``app``'s databases, and compare that with the models.

    The databases themselves are not looked at. On a server the clone is made beside them, so ``app`` has to be started.

    Raises:
        ConfigurationError: VX406, the models have changes that no migration makes, and which; VX405, two migrations
            come after the same one; VX404, a migration cannot be read; VX407, one fails; VX410, rows that are there
            need a value in a new column.
    """
    from velox.db.migrations.choices import Choices
    from velox.db.migrations.cloning import empty_clone
    from velox.db.migrations.history import History
    from velox.db.migrations.making import compare

    folder = Path(app.settings.migrations)
    groups = {part.group: part for part in reversed(app.database.parts())}
    for group, part in groups.items():
        async with empty_clone(part.database) as clone:
            drafted = await compare(clone, History.of(folder, group), part.metadata, Choices(keeps_apart=True))
        if drafted is not None:
            changes = "; ".join(f"{change.sign} {change.text}" for change in drafted.changes)
            raise ConfigurationError(
                "VX406",
                f"the models have changes that no migration makes: {changes}",
                hint="Write one: velox makemigrations.",
            )
