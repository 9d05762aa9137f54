"""``velox reload``: a rolling restart of a server that runs."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import click

__all__ = ["reload"]


@click.command(short_help="Replace the workers of a running server one by one; no request is lost.")
@click.option("--port", "-p", type=click.IntRange(1, 65_535), help="The server's port. Default: the setting port.")
@click.option(
    "--pid-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The server's --pid-file. Default: the one for this user and port.",
)
def reload(*, port: int | None, pid_file: Path | None) -> None:
    """Tell the server (velox run, without --reload) to start new workers from the newest source.

    Each new worker serves before an old one stops. If a new one cannot start, the old ones go on; the server's log says
    why. The same as SIGHUP to the server's process.

    \b
    Example:
      velox reload --port 8001
    """
    from velox.errors import ConfigurationError
    from velox.http.pidfile import default_pid_file, read_pid
    from velox.settings import Launch, options

    with options({"port": port}):
        wanted = Launch().port
    place = pid_file or default_pid_file(wanted)
    pid = read_pid(place) if place is not None else None
    if pid is None:
        where = str(pid_file) if pid_file is not None else f"port {wanted}"
        raise ConfigurationError(
            "VX108",
            f"no running server is known for {where}",
            hint="Name it with --port or --pid-file; one that reloads by itself (velox run in dev) needs no telling.",
        )
    os.kill(pid, signal.SIGHUP)
    click.echo(f"asked pid {pid} to replace its workers; its log says how it goes")
