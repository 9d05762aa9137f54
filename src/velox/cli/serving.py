"""Serving the app: in this process, or in several workers."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import socket
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from velox.cli.access import flush_access_log, log_access_to
from velox.cli.console import debugging, print_error
from velox.cli.logs import set_up_logging
from velox.cli.port import listen
from velox.cli.startup import announce
from velox.errors import ConfigurationError
from velox.factory import Factory, where
from velox.http.drain import Timing
from velox.http.files import allow_connections
from velox.http.handover import Handover, Inheritance
from velox.http.listener import refuse_new
from velox.http.pidfile import PidFile, default_pid_file
from velox.http.server import MARGIN_S, Successor, serve_app
from velox.http.signals import leave_at_once, on_signals
from velox.http.tls import tls_context
from velox.settings import options

if TYPE_CHECKING:
    from velox.app import Velox

__all__ = ["guarded", "serve", "serve_in_turn", "serve_workers"]

_PRELOAD = (
    "velox.cli.serving",
    "velox.app",
    "velox.app.schema",
    "velox.app.storage",
    "velox.db",
    "velox.db.migrations.state",
    "velox.http.fronted",
    "sanic",
    "uvloop",
)


def serve(
    factory: Factory,
    given: Mapping[str, Any],
    taken: socket.socket,
    *,
    environment: Mapping[str, str],
    inherited: Inheritance | None = None,
    pid_file: Path | None = None,
) -> None:
    """Serve in this process until SIGTERM or SIGINT; requests in flight get the settings' ``grace_s`` to finish.

    SIGHUP makes it its own successor; see :mod:`velox.http.handover`.

    Args:
        factory: Makes the app.
        given: The command line's options: settings before all others.
        taken: The bound socket.
        environment: What the process was started with, for its successor.
        inherited: What ``taken`` came with. None: this process has made it.
        pid_file: As for :func:`serve_workers`.

    Raises:
        ConfigurationError: From the factory, from the checks at start-up, or VX105 when a start-up step fails.
    """
    on_signals(inherited.leave if inherited is not None else leave_at_once)
    app = make_app(factory, given)
    if inherited is None:
        taken = _right_socket(app, taken, listen)

    def ready() -> None:
        if inherited is None or not inherited.is_stand_in:
            announce(app, target=factory.target)
        if inherited is not None:
            inherited.serves()

    if inherited is not None and inherited.is_stand_in:
        _serve(app, factory, taken, _timing(app), ready=ready)
        return
    handover = Handover(taken, environment)
    with _pid_file(pid_file, taken):
        leaving = partial(refuse_new, taken)
        if _serve(app, factory, taken, _timing(app), ready=ready, leaving=leaving, successor=handover):
            handover.become()
        handover.close()


def serve_in_turn(
    factory: Factory,
    given: Mapping[str, Any],
    taken: socket.socket,
    *,
    ready: Callable[[Velox], None],
    elsewhere: Callable[[str, int], socket.socket],
    hurry_s: float,
) -> None:
    """As :func:`serve`, where another server follows at once on the same socket.

    Args:
        factory, given, taken: As there.
        ready: Called once the app answers.
        elsewhere: Makes another socket, when the project's own settings class has another default address.
        hurry_s: No more grace than this; clients are not waited for.

    Raises:
        ConfigurationError: As there.
    """
    on_signals(leave_at_once)
    app = make_app(factory, given)
    taken = _right_socket(app, taken, elsewhere)
    timing = Timing(min(app.settings.grace_s, hurry_s), settle_s=0.0, idle_s=0.0)
    _serve(app, factory, taken, timing, ready=lambda: ready(app))


def serve_workers(
    factory: Factory,
    given: Mapping[str, Any],
    taken: socket.socket,
    workers: int,
    pid_file: Path | None = None,
    *,
    with_worker: bool = False,
) -> None:
    """Serve in ``workers`` processes that share the socket; else as :func:`serve`.

    Args:
        with_worker: Also run jobs, in a process beside them.
        pid_file: Where to write this process' id. Default: a place for this user and port; nowhere if that cannot be.
    """
    from velox.http.supervisor import Plan, Supervisor
    from velox.http.worker import start_fork_server

    on_signals(leave_at_once)
    start_fork_server(_PRELOAD)
    # Sanic's users make queues and values for their workers in main_process_start; the default "fork" would refuse.
    multiprocessing.set_start_method("forkserver", force=True)
    app = make_app(factory, given)
    taken = _right_socket(app, taken, listen)
    _prepare(app, taken)
    app.state.workers = workers
    with _main_process(app), _pid_file(pid_file, taken):
        plan = Plan(
            serve=partial(_serve_worker, factory, dict(given), dict(app.shared_ctx.__dict__)),
            workers=workers,
            beside=(partial(_work_on_jobs, factory, dict(given)),) if with_worker else (),
            stop_within_s=app.settings.grace_s + 2 * MARGIN_S,  # first it tries itself
        )
        Supervisor(plan, taken, ready=partial(announce, app, target=factory.target)).run()


def make_app(factory: Factory, given: Mapping[str, Any]) -> Velox:
    """The app, made and compiled, and logging set up as its settings want it."""
    with options(given):
        app = factory.create()
    set_up_logging(app.settings)
    log_access_to(sys.stdout if app.settings.production else None)
    # Sanic takes the signals that nobody listens to out of its own code: 40 of 75 µs of a small request. It does so for
    # all apps of a process, which is why an app does not ask for it itself; a server's process has only this one.
    app.config.TOUCHUP = True
    app.compile()
    return app


def guarded(work: Callable[[], None]) -> int:
    """Do ``work``; its exit code. A mistake is printed in one line."""
    try:
        work()
    except ConfigurationError as error:
        print_error(error)
        return error.exit_code
    return 0


def _serve_worker(
    factory: Factory,
    given: Mapping[str, Any],
    shared: Mapping[str, Any],
    taken: socket.socket,
    ready: Callable[[], None],
) -> None:
    """What a worker does."""
    try:
        app = make_app(factory, given)
        vars(app.shared_ctx).update(shared)  # what could not be shared was said in the parent
        app.shared_ctx.lock()
        _serve(app, factory, taken, _timing(app), ready=ready)
    except ConfigurationError as error:
        if debugging():
            traceback.print_exception(error)
        raise


def _work_on_jobs(factory: Factory, given: Mapping[str, Any], taken: socket.socket, ready: Callable[[], None]) -> None:
    """What the process beside the workers does."""
    from velox.cli.posting import run_crew
    from velox.tasks.crew import Crew

    taken.close()
    run_crew(factory, given, Crew, ready=lambda _app, _port: ready())


def _serve(
    app: Velox,
    factory: Factory,
    taken: socket.socket,
    timing: Timing,
    *,
    ready: Callable[[], None],
    leaving: Callable[[], object] | None = None,
    successor: Successor | None = None,
) -> bool:
    _prepare(app, taken)
    allow_connections(app.settings.max_connections)
    try:
        return serve_app(app, taken, timing=timing, ready=ready, leaving=leaving, successor=successor)
    except ConfigurationError:
        raise
    except Exception as error:
        raise _failed(error, factory) from error
    finally:
        flush_access_log()


def _prepare(app: Velox, taken: socket.socket) -> None:
    runs_jobs = app.settings.run_jobs
    if runs_jobs if runs_jobs is not None else app.settings.env == "dev":
        app.run_jobs()
    os.environ["SANIC_IGNORE_PRODUCTION_WARNING"] = "true"  # our start-up block says which environment it is
    wants_log = app.settings.access_log
    app.prepare(
        sock=taken,
        ssl=tls_context(app.settings),
        protocol=_protocol(app),
        motd=False,
        access_log=not app.settings.production if wants_log is None else wants_log,
        single_process=True,
    )


def _protocol(app: Velox) -> type[asyncio.Protocol] | None:
    """None lets Sanic choose one of its own, with websockets if there are any."""
    if app.settings.http_protocol == "sanic":
        return None
    from velox.http.protocol import VeloxProtocol

    return VeloxProtocol


def _timing(app: Velox) -> Timing:
    return Timing(grace_s=app.settings.grace_s)


@contextmanager
def _main_process(app: Velox) -> Iterator[None]:
    """Run Sanic's ``main_process_*`` listeners, which are for the parent of several workers."""
    from sanic.server.events import trigger_events

    loop = asyncio.new_event_loop()
    trigger_events(app.listeners["main_process_start"], loop, app)
    try:
        trigger_events(app.listeners["main_process_ready"], loop, app)
        yield
    finally:
        trigger_events(reversed(app.listeners["main_process_stop"]), loop, app)
        loop.close()


@contextmanager
def _pid_file(path: Path | None, taken: socket.socket) -> Iterator[None]:
    """Write this process' id where ``velox reload`` looks for it."""
    place = path or default_pid_file(taken.getsockname()[1])
    try:
        written = PidFile(place) if place is not None else None
    except OSError as error:
        if path is not None:
            raise ConfigurationError(
                "VX505", f"{path} cannot be written: {error.strerror}", hint="Name another file with --pid-file."
            ) from error
        written = None
    try:
        yield
    finally:
        if written is not None:
            written.remove()


def _right_socket(app: Velox, taken: socket.socket, elsewhere: Callable[[str, int], socket.socket]) -> socket.socket:
    """``taken``, unless the project's own settings class has another address than was known before its import."""
    wanted = app.settings
    taken_host, taken_port = taken.getsockname()[:2]
    same_port = wanted.port in (0, taken_port)
    if same_port and (wanted.host == taken_host or taken_host in _addresses(wanted.host)):
        return taken
    taken.close()
    return elsewhere(wanted.host, wanted.port)


def _addresses(host: str) -> set[str]:
    return {str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}


def _failed(error: BaseException, factory: Factory) -> ConfigurationError:
    return ConfigurationError(
        "VX105",
        f"the app could not start: {where(error, factory.directory)}",
        hint="Correct that step; VELOX_DEBUG=1 shows the whole traceback.",
    )
