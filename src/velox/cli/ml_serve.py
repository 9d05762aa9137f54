"""``velox ml serve``: models behind HTTP, without a project."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from velox.cli.run import Workers

__all__ = ["serve"]

FACTORY = "velox.app.model_server:create_app"


@click.command(short_help="Serve models without a project.")
@click.argument("models", nargs=-1, required=True)
@click.option("--host", help="The address to listen on. Default: the setting host (127.0.0.1).")
@click.option("--port", "-p", type=click.IntRange(0, 65_535), help="The port to listen on; 0 takes a free one.")
@click.option("--workers", "-w", type=Workers(1, 1024), metavar="N|auto", help="Server processes.")
@click.option("--prod", is_flag=True, help="Production: as of velox run.")
def serve(models: tuple[str, ...], host: str | None, port: int | None, workers: int | None, prod: bool) -> None:
    """Serve MODELS (titanic, titanic@2, ...): POST /models/titanic/predict, and /docs.

    In a project, app.serve_model("titanic") adds the same to its app.

    \b
    Example:
      velox ml serve titanic --port 8001
    """
    from velox.cli.port import listen
    from velox.cli.serving import serve as serve_app
    from velox.cli.serving import serve_workers
    from velox.factory import Factory
    from velox.settings import Launch, options

    environment = dict(os.environ)
    given: dict[str, Any] = {
        "host": host,
        "port": port,
        "workers": workers,
        "env": "prod" if prod else None,
        "served_models": ",".join(models),
    }
    with options(given):
        launch = Launch()
    if launch.production:
        launch.check_production()
    factory = Factory(FACTORY, Path.cwd())
    taken = listen(launch.host, launch.port)
    if launch.workers > 1:
        serve_workers(factory, given, taken, launch.workers)
    else:
        serve_app(factory, given, taken, environment=environment)
