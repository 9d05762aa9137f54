"""Which engine a database URL means."""

from __future__ import annotations

from collections.abc import Collection
from importlib.util import find_spec

from sqlalchemy import make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from velox.db.engine import Engine, Limits
from velox.db.sqlite_engine import SQLite
from velox.errors import ConfigurationError

__all__ = ["engine_for"]

_SQLITE = "sqlite:///app.db (relative), sqlite:////var/lib/app.db (absolute) or sqlite:// (in memory)"
_HINT = f"Use {_SQLITE}, postgresql://user:password@host/name or mariadb://user:password@host/name."
_TLS = ("sslmode", "sslrootcert")
_TLS_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")


def engine_for(url: str, limits: Limits) -> Engine:
    """The engine behind ``url``, not opened yet.

    Raises:
        ConfigurationError: VX401, it is no URL of a database that we know; VX701, its driver is not installed.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigurationError("VX401", "the database URL is not a URL", hint=_HINT) from None
    match parsed.drivername:
        case "sqlite":
            return _sqlite(parsed, limits)
        case "postgresql" | "postgres":
            _check(parsed, {"host", *_TLS})
            _needs("asyncpg", "postgres", parsed)
            from velox.db.postgresql import PostgreSQL

            return PostgreSQL(parsed, limits)
        case "mysql" | "mariadb":
            _check(parsed, {"unix_socket", *_TLS})
            _needs("asyncmy", "mysql", parsed)
            from velox.db.mysql import MySQL

            return MySQL(parsed, limits)
        case _:
            raise _unsupported(parsed, _HINT)


def _sqlite(url: URL, limits: Limits) -> SQLite:
    if url.host or url.query:
        raise _unsupported(url, _HINT)
    return SQLite(url, limits)


def _check(url: URL, known: Collection[str]) -> None:
    """A server's URL names a database, and asks for nothing that we would ignore."""
    if not url.database:
        raise _unsupported(url, f"Add the database's name at its end: {url.drivername}://user:password@host/name")
    unknown = [name for name in url.query if name not in known]
    if unknown:
        raise _unsupported(url, f"It may say {', '.join(sorted(known))} after the question mark, not {unknown[0]}.")
    mode = url.query.get("sslmode")
    if mode is not None and mode not in _TLS_MODES:
        raise _unsupported(url, f"sslmode is one of {', '.join(_TLS_MODES)}.")


def _needs(driver: str, extra: str, url: URL) -> None:
    if find_spec(driver) is None:
        raise ConfigurationError(
            "VX701",
            f"{url.drivername}:// needs the package {driver}, which is not installed",
            hint=f'pip install "velox-framework[{extra}]"',
        )


def _unsupported(url: URL, hint: str) -> ConfigurationError:
    shown = url.render_as_string(hide_password=True)
    return ConfigurationError("VX401", f"the database URL {shown} is not supported", hint=hint)
