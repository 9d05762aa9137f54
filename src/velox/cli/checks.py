"""What ``velox doctor`` looks at, in order: a table of checks, each of which yields findings."""

from __future__ import annotations

import asyncio
import os
import platform
import resource
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from velox.cli.loading import load_factory
from velox.cli.port import listen
from velox.cli.variables import unread_variables
from velox.cli.version import package_version
from velox.db.migrations.history import History
from velox.db.migrations.state import State, state_of
from velox.errors import ConfigurationError
from velox.http.files import SPARE_FILES
from velox.http.tls import tls_context
from velox.settings import SECRET_HINT, Launch, Settings, options, weakness

if TYPE_CHECKING:
    from velox.app import Velox
    from velox.db import Database
    from velox.db.database import Part
    from velox.db.engine import Room

__all__ = ["Finding", "examine"]

_PYTHON_MIN = (3, 11)
# Sanic 25.12.1 closed a header injection and a request smuggling hole; 27 is not out.
_SANIC_MIN, _SANIC_BELOW = (25, 12, 1), (27,)
_WORKERS_PER_CPU = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: ``ok``, ``warn`` (works, but) or ``fail``, and what to do about it."""

    level: Literal["ok", "warn", "fail"]
    text: str
    hint: str = ""

    def to_dict(self) -> dict[str, str]:
        return asdict(self)


@dataclass(slots=True)
class _Patient:
    """What the checks learn on the way; a later check is left out when an earlier one failed to give what it needs."""

    production: bool = False
    settings: Settings | None = None
    app: Velox | None = None


def examine(*, prod: bool) -> list[Finding]:
    """Do every check. ``prod`` judges as production would."""
    patient = _Patient()
    with options({"env": "prod" if prod else None}):
        return [finding for check in _CHECKS for finding in check(patient)]


def _python(_: _Patient) -> Iterator[Finding]:
    text = f"python {platform.python_version()}"
    if sys.version_info >= _PYTHON_MIN:
        yield Finding("ok", text)
    else:
        yield Finding("fail", f"{text} is too old", "Use Python 3.11 or newer.")


def _packages(_: _Patient) -> Iterator[Finding]:
    sanic = package_version("sanic")
    release = tuple(int(part) for part in sanic.split(".") if part.isdigit())
    if _SANIC_MIN <= release < _SANIC_BELOW:
        yield Finding("ok", f"sanic {sanic}")
    else:
        yield Finding("fail", f"sanic {sanic} is not supported", 'pip install "sanic>=25.12.1,<27"')
    if find_spec("greenlet") is not None:
        yield Finding("ok", f"greenlet {package_version('greenlet')}")
    else:
        yield Finding("fail", "greenlet is missing: the database cannot be used", 'pip install "sqlalchemy[asyncio]"')
    if find_spec("uvloop") is not None:
        yield Finding("ok", f"uvloop {package_version('uvloop')}")
    else:
        yield Finding("warn", "uvloop is missing: the server runs on asyncio's slower loop", "pip install uvloop")


def _settings(patient: _Patient) -> Iterator[Finding]:
    try:
        patient.settings = Launch()
    except ConfigurationError as error:
        yield _failed(error)
    else:
        patient.production = patient.settings.production


def _app(patient: _Patient) -> Iterator[Finding]:
    try:
        factory = load_factory()
        # An app of production refuses a weak secret. That is another check's to say, and no reason not to see the rest.
        with options({"env": "dev"} if patient.production else {}):
            patient.app = app = factory.create()
        app.compile()
    except ConfigurationError as error:
        yield _failed(error)
        return
    patient.settings = app.settings
    count = len(app.plans)
    yield Finding("ok", f"app {factory.target}, {count} route{'' if count == 1 else 's'}")
    env = "prod" if patient.production else app.settings.env
    yield Finding("ok", f"settings {type(app.settings).__module__}.{type(app.settings).__name__}, env {env}")


def _unknown_variables(patient: _Patient) -> Iterator[Finding]:
    if patient.settings is None:
        return
    if unread := unread_variables(type(patient.settings)):
        yield Finding("warn", *unread)
    else:
        yield Finding("ok", "every VELOX_ variable is a setting")


def _secret(patient: _Patient) -> Iterator[Finding]:
    if patient.settings is None:
        return
    reason = weakness(patient.settings.secret_key.get_secret_value())
    if reason is None:
        yield Finding("ok", f"secret_key ({patient.settings.source_of('secret_key')}) looks random")
    else:
        level: Literal["fail", "warn"] = "fail" if patient.production else "warn"
        yield Finding(level, f"secret_key is not fit for production: {reason}", SECRET_HINT)


def _clients(patient: _Patient) -> Iterator[Finding]:
    """Who may ask, and who is believed; in development anybody and nobody."""
    settings = patient.settings
    if settings is None or not patient.production:
        return
    if settings.allowed_hosts:
        yield Finding("ok", f"answers to {', '.join(settings.allowed_hosts)}")
    else:
        yield Finding("warn", "the app answers to any host", "Set VELOX_ALLOWED_HOSTS to its names: shop.example.com")
    trusted = settings.trusted_proxies
    everybody = () if isinstance(trusted, int) else [network for network in trusted if network.endswith("/0")]
    if everybody:
        hint = "Set VELOX_TRUSTED_PROXIES to the proxies' own networks."
        yield Finding("warn", f"anybody may say who the client is: {', '.join(everybody)} is trusted", hint)
    elif not trusted:
        yield Finding("ok", "no proxy is trusted: a client is who has connected")
    else:
        believed = f"the last {trusted}" if isinstance(trusted, int) else ", ".join(trusted)
        yield Finding("ok", f"trusted proxies: {believed}")
    if not settings.hsts_s:
        yield Finding("warn", "browsers are not told to use HTTPS only (hsts_s is 0)", "Unset VELOX_HSTS_S.")


def _budgets(patient: _Patient) -> Iterator[Finding]:
    """Whether what the wire allows can be had on this machine, and whether a limit hides another."""
    settings = patient.settings
    if settings is None:
        return
    if settings.max_url_bytes > settings.max_head_bytes:
        text = f"max_url_bytes ({settings.max_url_bytes}) is never reached: a head has {settings.max_head_bytes} bytes"
        yield Finding("warn", text, "Set max_head_bytes to more than max_url_bytes.")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = settings.max_connections + SPARE_FILES
    if most != resource.RLIM_INFINITY and most < needed:
        text = f"max_connections ({settings.max_connections}) needs {needed} open files; a process may have {most}"
        yield Finding("warn", text, f"Raise the limit (ulimit -Hn {needed}), or set max_connections lower.")
    else:
        yield Finding("ok", f"a worker may have {settings.max_connections} connections")
    try:
        context = tls_context(settings)
    except ConfigurationError as error:
        yield _failed(error)
    else:
        if context is not None:
            yield Finding("ok", f"TLS with {settings.ssl_certificate}")


def _database(patient: _Patient) -> Iterator[Finding]:
    if patient.app is None:
        return
    try:
        parts = patient.app.database.parts()
    except ConfigurationError as error:
        yield _failed(error)
        return
    for part in parts:
        yield from _part(patient, part)


def _part(patient: _Patient, part: Part) -> Iterator[Finding]:
    database = part.database.alone()
    history = History.of(Path(patient.app.settings.migrations), part.group) if patient.app is not None else History([])
    name = f"database {part.name} {database.display_url}".replace("  ", " ")
    try:
        state, room = asyncio.run(_look_into(database, part.metadata))
    except ConfigurationError as error:
        yield _failed(error)
    except Exception as error:  # noqa: BLE001 - a driver's error is a finding, whatever it is
        yield Finding("fail", f"{name} cannot be written to: {error}", "Check its rights and locks.")
    else:
        yield Finding("ok", f"{name} can be read and written")
        yield from _room(room, patient)
        yield _schema(patient, state, state.pending(history), history)


def _schema(patient: _Patient, state: State, pending: Sequence[str], history: History) -> Finding:
    """Whether the tables are as the models and the migrations want them."""
    if not state.missing and not pending:
        return Finding("ok", "every table exists")
    level: Literal["fail", "warn"] = "fail" if patient.production else "warn"
    if pending and state.new and not patient.production:
        return Finding("ok", "the database is new; 'velox run' applies the migrations in dev")
    if pending:
        return Finding(level, f"migrations to apply: {', '.join(pending)}", "Run: velox migrate.")
    missing = f"not in the database: {', '.join(state.missing)}"
    if not len(history):
        if not patient.production:
            return Finding("ok", f"{missing}; 'velox run' makes missing tables in dev")
        return Finding("fail", missing, "Write migrations and apply them: velox makemigrations, then velox migrate.")
    return Finding(level, missing, "Run: velox makemigrations, then velox migrate.")


async def _look_into(database: Database, metadata: Any) -> tuple[State, Room | None]:
    await database.start()
    try:
        # Takes the write lock, and gives it back.
        async with database.isolated():
            pass
        return await state_of(database, metadata), await database.room()
    finally:
        await database.stop()


def _room(room: Room | None, patient: _Patient) -> Iterator[Finding]:
    """Whether all workers' connections fit into what the server allows."""
    if room is None or patient.settings is None:
        return
    workers = patient.settings.workers
    needed = workers * room.worker
    text = f"{workers} x {room.worker} connections at most, of {room.server} that the database allows"
    if needed > room.server:
        fitting = max(1, room.server // workers // 2)
        yield Finding("fail", text, f"Set database_pool_size to {fitting}, or raise the server's max_connections.")
    else:
        yield Finding("ok", text)


def _port(patient: _Patient) -> Iterator[Finding]:
    if patient.settings is None:
        return
    host, port = patient.settings.host, patient.settings.port
    try:
        listen(host, port).close()
    except ConfigurationError as error:
        yield Finding("warn", error.message, error.hint)
    else:
        yield Finding("ok", f"port {port} on {host} is free")


def _workers(patient: _Patient) -> Iterator[Finding]:
    if patient.settings is None:
        return
    workers = patient.settings.workers
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    text = f"{workers} worker{'' if workers == 1 else 's'} on {cpus} CPUs"
    if workers > _WORKERS_PER_CPU * (cpus or 1):
        yield Finding("warn", f"{text} take turns", f"Set workers to {cpus}.")
    elif patient.production and workers == 1 and (cpus or 1) > 1:
        yield Finding("warn", f"{text} leave CPUs idle", f"Set workers to {cpus}.")
    else:
        yield Finding("ok", text)


def _failed(error: ConfigurationError) -> Finding:
    return Finding("fail", f"{error.code} {error.message}", error.hint)


_CHECKS = (
    _python,
    _packages,
    _settings,
    _app,
    _unknown_variables,
    _secret,
    _clients,
    _budgets,
    _database,
    _port,
    _workers,
)
