"""``velox run``: the port first, then the app."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

__all__ = ["run"]


class Workers(click.IntRange):
    """A number of processes, or ``auto``."""

    name = "workers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if value == "auto":
            from velox.http.cpus import usable_cpus

            return usable_cpus()
        return int(super().convert(value, param, ctx))


@click.command(short_help="Serve the app; in dev, start anew on every change.")
@click.argument("app", required=False)
@click.option("--host", help="The address to listen on. Default: the setting host (127.0.0.1).")
@click.option("--port", "-p", type=click.IntRange(0, 65_535), help="The port to listen on; 0 takes a free one.")
@click.option(
    "--workers",
    "-w",
    type=Workers(1, 1024),
    metavar="N|auto",
    help="Server processes; auto is one for each processor. Default: the setting workers; with --prod, auto.",
)
@click.option("--with-worker", is_flag=True, help="Run jobs and schedules too, in a process beside the workers.")
@click.option(
    "--prod",
    is_flag=True,
    help="Production: VELOX_ENV=prod, no reload, logs as JSON on stdout, no access log, a real secret required.",
)
@click.option(
    "--reload/--no-reload", default=None, help="Start anew when a file changes. Default: in dev with one worker."
)
@click.option(
    "--pid-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the server writes its process id. Default: a file for this user and port.",
)
def run(
    *,
    app: str | None,
    host: str | None,
    port: int | None,
    workers: int | None,
    with_worker: bool,
    prod: bool,
    reload: bool | None,
    pid_file: Path | None,
) -> None:
    """Serve the app that APP names (module:create_app), or the project's own.

    Without APP it takes 'app' of velox.toml, app/main.py or main.py. SIGTERM and Ctrl-C let requests in flight finish
    (the setting grace_s) and exit 0. SIGHUP (velox reload) starts the workers anew, one by one, and loses no request;
    with several, one that dies is replaced. For breakpoint() in a handler, add --no-reload.

    \b
    Example:
      velox run --port 8001
      velox run --prod --host 0.0.0.0
    """
    from velox.http.handover import Inheritance
    from velox.http.signals import leave_at_once, let_through, on_signals

    environment = dict(os.environ)
    inherited = Inheritance.take()
    on_signals(leave_at_once if inherited is None else inherited.leave)  # before the imports that take time
    let_through()

    from velox.cli.loading import load_factory
    from velox.cli.port import listen
    from velox.settings import Launch, options

    given: dict[str, Any] = {"host": host, "port": port, "workers": workers, "env": "prod" if prod else None}
    with options(given):
        launch = Launch()
    if inherited is not None:  # a server that restarts keeps its address and its way of serving
        from velox.cli.serving import serve

        target = load_factory(app)
        serve(target, given, inherited.socket(), environment=environment, inherited=inherited, pid_file=pid_file)
        return
    if prod and launch.source_of("workers") == "default":
        given["workers"] = Workers(1).convert("auto", None, None)
    several = (given["workers"] or launch.workers) > 1 or with_worker
    if reload and several:
        raise click.UsageError("--reload watches one worker: leave out --workers, --with-worker or --reload")
    if with_worker:
        given["run_jobs"] = False  # the process beside them does
    taken = listen(launch.host, launch.port)
    factory = load_factory(app)
    if launch.production:
        launch.check_production()
    if several:
        from velox.cli.serving import serve_workers

        serve_workers(factory, given, taken, given["workers"] or launch.workers, pid_file, with_worker=with_worker)
    elif reload if reload is not None else launch.env == "dev":
        from velox.cli.reloading import serve_reloading

        serve_reloading(factory, given, taken)
    else:
        from velox.cli.serving import serve

        serve(factory, given, taken, environment=environment, pid_file=pid_file)
