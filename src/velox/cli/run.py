"""``velox run``: the port first, then the app."""

from __future__ import annotations

import click

__all__ = ["run"]


@click.command(short_help="Serve the app; in dev, start anew on every change.")
@click.argument("app", required=False)
@click.option("--host", help="The address to listen on. Default: the setting host (127.0.0.1).")
@click.option("--port", "-p", type=click.IntRange(0, 65_535), help="The port to listen on; 0 takes a free one.")
@click.option(
    "--workers", "-w", type=click.IntRange(1, 1024), metavar="N", help="Server processes. Default: the setting workers."
)
@click.option(
    "--prod", is_flag=True, help="Production: VELOX_ENV=prod, no reload, no access log, a real secret required."
)
@click.option(
    "--reload/--no-reload", default=None, help="Start anew when a file changes. Default: in dev with one worker."
)
def run(
    *, app: str | None, host: str | None, port: int | None, workers: int | None, prod: bool, reload: bool | None
) -> None:
    """Serve the app that APP names (module:create_app), or the project's own.

    Without APP it takes 'app' of velox.toml, app/main.py or main.py. SIGTERM and Ctrl-C let requests in flight finish
    (the setting grace_s) and exit 0. For breakpoint() in a handler, add --no-reload.

    \b
    Example:
      velox run --port 8001
      velox run --prod --host 0.0.0.0 --workers 4
    """
    from velox.cli.signals import leave_at_once, on_signals

    on_signals(leave_at_once)  # before the imports that take time

    from velox.cli.loading import load_factory
    from velox.cli.port import listen
    from velox.settings import Launch, options

    given = {"host": host, "port": port, "workers": workers, "env": "prod" if prod else None}
    with options(given):
        launch = Launch()
    several = launch.workers > 1
    if reload and several:
        raise click.UsageError("--reload watches one worker: leave out --workers or --reload")
    taken = listen(launch.host, launch.port)
    factory = load_factory(app)
    if launch.production:
        launch.check_production()
    if several:
        from velox.cli.serving import serve_workers

        serve_workers(factory, given, taken, launch.workers)
    elif reload if reload is not None else launch.env == "dev":
        from velox.cli.reloading import serve_reloading

        serve_reloading(factory, given, taken)
    else:
        from velox.cli.serving import serve

        serve(factory, given, taken)
