"""A process that works on jobs and serves no requests: from its start to its last job."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from velox.cli.console import style
from velox.cli.loading import load_factory
from velox.cli.logs import set_up_logging
from velox.cli.probe import probe
from velox.cli.startup import tasks_in_words
from velox.errors import ConfigurationError
from velox.factory import Factory, where
from velox.http.signals import leave_at_once, on_signals
from velox.settings import options
from velox.tasks.crew import Crew
from velox.tasks.post import Post

if TYPE_CHECKING:
    from velox.app import Velox

__all__ = ["keep_posting", "run_crew"]

logger = logging.getLogger("velox")


def keep_posting(
    target: str | None,
    given: Mapping[str, Any],
    make_crew: Callable[[Post, float], Crew],
    health_port: int | None,
) -> None:
    """Work until SIGTERM or SIGINT.

    Args:
        target: Names the app factory; None finds the project's own.
        given: The command line's options: settings before all others.
        make_crew: Who works.
        health_port: Where to answer probes; None: nowhere.

    Raises:
        ConfigurationError: VX905, the app has no tasks; VX105, it cannot start.
    """
    on_signals(leave_at_once)
    factory = load_factory(target)
    run_crew(factory, given, make_crew, health_port, ready=partial(announce, factory.target))


def run_crew(
    factory: Factory,
    given: Mapping[str, Any],
    make_crew: Callable[[Post, float], Crew],
    health_port: int | None = None,
    *,
    ready: Callable[[Velox, int | None], None],
) -> None:
    """Make the app and let its crew work until SIGTERM or SIGINT; ``ready`` is called once it does."""
    with options(given):
        app = factory.create()
    set_up_logging(app.settings)
    if not app.jobs.tasks:
        raise ConfigurationError(
            "VX905",
            f"{factory.target} has no tasks",
            hint="Put @task on a function of a feature folder that app.discover() finds, or app.register_task() it.",
        )
    app.setup_loop()
    asyncio.run(work(app, factory, make_crew, health_port, ready))


async def work(
    app: Velox,
    factory: Factory,
    make_crew: Callable[[Post, float], Crew],
    health_port: int | None,
    ready: Callable[[Velox, int | None], None],
) -> None:
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(app.lifespan())
        except ConfigurationError:
            raise
        except Exception as error:
            raise ConfigurationError(
                "VX105",
                f"the app could not start: {where(error, factory.directory)}",
                hint="Correct that step; VELOX_DEBUG=1 shows the whole traceback.",
            ) from error
        crew = make_crew(app.jobs, app.settings.grace_s)
        crew.start()

        def drain() -> None:
            loop.call_soon_threadsafe(crew.drain)

        on_signals(drain)
        port = await stack.enter_async_context(probe(app, crew, health_port)) if health_port is not None else None
        ready(app, port)
        await crew.wait()
        await crew.stop()


def announce(target: str, app: Velox, port: int | None) -> None:
    """Say that it works, as ``velox run`` does."""
    if app.settings.production:
        logger.info("working", extra={"app": target, "jobs": tasks_in_words(app), "health_port": port})
        return
    click.echo(f"{style('working', 'green', bold=True)}  {target}  {tasks_in_words(app)}")
    if port is not None:
        click.echo(f"  health    http://127.0.0.1:{port}/health/ready")
