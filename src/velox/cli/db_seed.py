"""``velox db seed``: run the project's own seed."""

from __future__ import annotations

import asyncio
import importlib
import inspect
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import click

from velox.cli.loading import load_factory
from velox.errors import ConfigurationError

if TYPE_CHECKING:
    from velox.app import Velox
    from velox.db import Session

__all__ = ["find_seed", "seed", "sow"]

_SHAPE = "async def seed(db: Session) -> None"


@click.command()
@click.option("--force", is_flag=True, help="In production, too.")
def seed(force: bool) -> None:
    """Call the function seed of app/seed.py with a session, in one transaction; the app is started for it.

    Seeding again should do no harm: look for what is there before you add it.

    \b
    Example:
      velox db seed
    """
    factory = load_factory()
    app = factory.create()
    if app.settings.production and not force:
        raise ConfigurationError(
            "VX412", "a production database is not seeded by accident", hint="If it is meant: velox db seed --force."
        )
    function = find_seed(factory.target)
    asyncio.run(sow(app, function))
    click.echo(f"Seeded {app.database.display_url}.")


async def sow(app: Velox, function: Callable[[Session], Coroutine[Any, Any, None]]) -> None:
    """Call ``function`` with a session of the started app."""
    async with app.lifespan(), app.database.session() as session:
        await function(session)


def find_seed(target: str) -> Callable[[Session], Coroutine[Any, Any, None]]:
    """The function ``seed`` of the module ``seed`` beside the app factory's.

    Raises:
        ConfigurationError: VX414, there is none.
    """
    package = target.partition(":")[0].rpartition(".")[0]
    name = f"{package}.seed" if package else "seed"
    path = f"{name.replace('.', '/')}.py"
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise ConfigurationError("VX414", f"there is no {path}", hint=f"Write one: {_SHAPE}: ...") from None
    found = getattr(module, "seed", None)
    if not inspect.iscoroutinefunction(found):
        raise ConfigurationError("VX414", f"{path} has no coroutine seed", hint=f"Write: {_SHAPE}: ...")
    return found
