"""Serving the app: in this process, or in several workers."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import sanic.server.runners
from sanic import Sanic

from velox.cli.console import debugging, print_error
from velox.cli.logs import set_up_logging
from velox.cli.port import listen
from velox.cli.signals import STOPPING, end_with_parent, leave_at_once, on_signals
from velox.cli.startup import announce
from velox.errors import ConfigurationError
from velox.factory import Factory, where
from velox.settings import options

if TYPE_CHECKING:
    from velox.app import Velox

__all__ = ["guarded", "serve", "serve_workers"]

_RETRY_S = 0.01
_NOISE = ("Experienced exception while trying to serve", "Not all workers acknowledged")


def serve(
    factory: Factory,
    given: Mapping[str, Any],
    taken: socket.socket,
    *,
    ready: Callable[[Velox], None] | None = None,
    elsewhere: Callable[[str, int], socket.socket] = listen,
    grace_s: float | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight get ``grace_s`` seconds to finish.

    Args:
        factory: Makes the app.
        given: The command line's options: settings before all others.
        taken: The bound socket.
        ready: Called once the app answers. Default: print the start-up block.
        elsewhere: Makes another socket, when the project's own settings class has another default address.
        grace_s: The settings' ``grace_s`` at most this.

    Raises:
        ConfigurationError: From the factory, from the checks at start-up, or VX105 when a start-up step fails.
    """
    on_signals(leave_at_once)
    app = _make(factory, given)
    taken = _right_socket(app, taken, elsewhere)
    say = ready or partial(announce, target=factory.target)

    async def answers(*_: object) -> None:
        say(app)

    app.register_listener(answers, "after_server_start")
    _prepare(app, taken, grace_s, single_process=True)
    with _quiet():
        try:
            Sanic.serve_single(primary=app)
        except ConfigurationError:
            raise
        except Exception as error:
            raise _failed(error, factory) from error


def serve_workers(factory: Factory, given: Mapping[str, Any], taken: socket.socket, workers: int) -> None:
    """Serve in ``workers`` processes that share the socket; else as :func:`serve`."""
    import sanic.mixins.startup
    from sanic.worker.loader import AppLoader

    from velox.cli.workers import Workers

    on_signals(leave_at_once)
    app = _make(factory, given)
    taken = _right_socket(app, taken, listen)
    _prepare(app, taken, None, workers=workers)

    async def starts(*_: object) -> None:
        announce(app, target=factory.target)

    app.register_listener(starts, "main_process_ready")
    Workers.grace_s = app.settings.grace_s
    sanic.mixins.startup.WorkerManager = Workers  # type: ignore[attr-defined]

    def remember() -> None:
        Workers.stop_wanted = True

    on_signals(remember)
    with _quiet():
        Sanic.serve(primary=app, app_loader=AppLoader(factory=partial(make_worker_app, factory, dict(given))))


def make_worker_app(factory: Factory, given: Mapping[str, Any]) -> Velox:
    """The app of one worker process. A mistake is one line here too, and ends the worker."""
    end_with_parent()
    on_signals(leave_at_once)
    logging.getLogger("sanic.error").addFilter(partial(_one_line, factory))
    _take_signals_over()
    return _make(factory, given)


def guarded(work: Callable[[], None]) -> int:
    """Do ``work``; its exit code. A mistake is printed in one line."""
    try:
        work()
    except ConfigurationError as error:
        print_error(error)
        return error.exit_code
    return 0


def _make(factory: Factory, given: Mapping[str, Any]) -> Velox:
    with options(given):
        app = factory.create()
    set_up_logging(app.settings)
    # Sanic takes the signals that nobody listens to out of its own code: 40 of 75 µs of a small request. It does so for
    # all apps of a process, which is why an app does not ask for it itself; a server's process has only this one.
    app.config.TOUCHUP = True
    app.compile()
    return app


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


def _prepare(app: Velox, taken: socket.socket, grace_s: float | None, **how: Any) -> None:
    os.environ["SANIC_IGNORE_PRODUCTION_WARNING"] = "true"  # our start-up block says which environment it is
    if grace_s is not None:
        app.config.GRACEFUL_SHUTDOWN_TIMEOUT = min(app.settings.grace_s, grace_s)
    _take_signals_over()
    app.prepare(sock=taken, motd=False, access_log=not app.settings.production, **how)


def _take_signals_over() -> None:
    """Sanic ignores signals for a moment while it starts, and stops a loop that does not run for good yet: a SIGTERM
    that comes then would be lost (seen in Sanic 25.12.1)."""
    sanic.server.runners._setup_system_signals = _set_up_signals


def _set_up_signals(
    app: Sanic[Any, Any], run_multiple: bool, register_sys_signals: bool, loop: asyncio.AbstractEventLoop
) -> None:
    os.environ["SANIC_WORKER_PROCESS"] = "true"
    for number in STOPPING:
        loop.add_signal_handler(number, _stop_once_running, app, loop)


def _stop_once_running(app: Sanic[Any, Any], loop: asyncio.AbstractEventLoop) -> None:
    if app.state.is_running:
        app.stop(terminate=False)
    else:
        loop.call_later(_RETRY_S, _stop_once_running, app, loop)


class _quiet:  # noqa: N801 - used as a context manager
    """Without Sanic's traceback of a failing start: we print one line."""

    def __enter__(self) -> None:
        logging.getLogger("sanic.error").addFilter(_no_noise)

    def __exit__(self, *_: object) -> None:
        logging.getLogger("sanic.error").removeFilter(_no_noise)


def _no_noise(record: logging.LogRecord) -> bool:
    return debugging() or not str(record.msg).startswith(_NOISE)


def _one_line(factory: Factory, record: logging.LogRecord) -> bool:
    """In a worker that cannot start, Sanic logs the exception itself as the message."""
    if debugging() or not isinstance(record.msg, BaseException):
        return True
    error = record.msg
    print_error(error if isinstance(error, ConfigurationError) else _failed(error, factory))
    return False


def _failed(error: BaseException, factory: Factory) -> ConfigurationError:
    return ConfigurationError(
        "VX105",
        f"the app could not start: {where(error, factory.directory)}",
        hint="Correct that step; VELOX_DEBUG=1 shows the whole traceback.",
    )
