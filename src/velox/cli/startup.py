"""The block that ``velox run`` prints when the app answers."""

from __future__ import annotations

import logging
import platform
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from velox.cli.console import note, style
from velox.cli.variables import unread_variables
from velox.cli.version import package_version

if TYPE_CHECKING:
    from velox.app import Velox

__all__ = ["address", "announce", "tasks_in_words"]

logger = logging.getLogger("velox")


def announce(app: Velox, *, target: str) -> None:
    """Print versions, environment, app, database and where to click, on stdout; in production, log it as one record.

    A ``VELOX_`` variable that no setting reads, a misspelt one say, is told in one line before.
    """
    if unread := unread_variables(type(app.settings)):
        _warn(app, ". ".join(unread))
    if app.settings.production:
        facts = {"app": target, "routes": len(app.plans), "url": address(app)}
        if app.uses_database:
            facts["database"] = app.database.display_url
        packages = {name: package_version(name) for name in ("velox-framework", "sanic")}
        logger.info("serving", extra={**facts, "workers": app.state.workers, **packages})
        return
    versions = [f"velox {package_version('velox-framework')}", f"sanic {package_version('sanic')}"]
    head = " · ".join([*versions, f"python {platform.python_version()}", app.settings.env])
    click.echo(style(head, "green", bold=True))
    for label, text in _lines(app, target):
        click.echo(f"  {style(f'{label:<10}', 'cyan')}{text}")


def _warn(app: Velox, text: str) -> None:
    if app.settings.production:
        logger.warning(text)
    else:
        note(f"{style('warning', 'yellow', stderr=True)} {text}")


def _lines(app: Velox, target: str) -> Iterator[tuple[str, str]]:
    count = len(app.plans)
    yield "app", f"{target}  {count} route{'' if count == 1 else 's'}"
    if app.uses_database:
        yield "database", app.database.display_url
    if app.jobs.tasks:
        yield "jobs", tasks_in_words(app)
    if app.state.workers > 1:
        yield "workers", str(app.state.workers)
    url = address(app)
    yield "open", url
    if app.settings.docs:
        yield "docs", f"{url}/docs"


def tasks_in_words(app: Velox) -> str:
    """How many tasks there are, and in which queues their jobs wait."""
    count, queues = len(app.jobs.tasks), ", ".join(app.jobs.queues)
    return f"{count} task{'' if count == 1 else 's'}  in {app.jobs.engine.name}: {queues}"


def address(app: Velox) -> str:
    """The URL to open: an address that a browser on this machine understands."""
    taken = app.state.sock
    host, port = taken.getsockname()[:2] if taken is not None else (app.settings.host, app.settings.port)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    scheme = "https" if app.settings.ssl_certificate is not None else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
