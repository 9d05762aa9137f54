"""``velox ml serve``: models behind HTTP, without a project."""

from __future__ import annotations

import os

import click

from velox.cli.run import Workers, run

__all__ = ["serve"]

FACTORY = "velox.app.model_server:create_app"


@click.command(short_help="Serve models without a project.")
@click.argument("models", nargs=-1, required=True)
@click.option("--host", help="The address to listen on. Default: the setting host (127.0.0.1).")
@click.option("--port", "-p", type=click.IntRange(0, 65_535), help="The port to listen on; 0 takes a free one.")
@click.option("--workers", "-w", type=Workers(1, 1024), metavar="N|auto", help="Server processes: as of velox run.")
@click.option("--cache", default="0", metavar="TIME", help="How long answers are remembered, where that pays: 5m.")
@click.option("--prod", is_flag=True, help="Production: as of velox run.")
@click.pass_context
def serve(
    ctx: click.Context,
    *,
    models: tuple[str, ...],
    host: str | None,
    port: int | None,
    workers: int | None,
    cache: str,
    prod: bool,
) -> None:
    """Serve MODELS (titanic, titanic@2, ...): POST /models/titanic/predict, and /docs.

    In a project, app.serve_model("titanic") adds the same to its app.

    \b
    Example:
      velox ml serve titanic --port 8001
    """
    # In the environment, where every worker and a successor of this process finds it.
    os.environ["VELOX_SERVED_MODELS"] = ",".join(models)
    os.environ["VELOX_SERVED_CACHE_S"] = cache
    ctx.invoke(run, app=FACTORY, host=host, port=port, workers=workers, prod=prod, reload=False)
