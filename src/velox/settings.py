"""What an app can be told from outside, with types, units, and the source of each value.

Precedence: options of the command line, arguments, environment (``VELOX_PORT``), ``.env``, ``velox.toml``, defaults.
The two files are looked for in the current directory, which is the project's root.
"""

import math
from collections import Counter
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr

from velox._addresses import HeaderNames, HeaderValue, Hosts, Origins, Proxies, Urls
from velox._quantities import Bytes, Seconds, Timeout
from velox._sources import mask, options
from velox._wire import WireSettings
from velox.errors import EXIT_CONFIGURATION, ConfigurationError

__all__ = ["Bytes", "Launch", "Seconds", "Settings", "Timeout", "mask", "options", "weakness"]

DEFAULT_SECRET_KEY = "velox-development-secret-key-not-for-production"  # noqa: S105 - visible on purpose, refused in production
SECRET_MIN_BYTES = 32
# 32 random hexadecimal digits, the weakest thing that is still fine, measure about 110 bits by the estimate below.
SECRET_MIN_BITS = 80
SECRET_HINT = 'Set VELOX_SECRET_KEY to the output of: python -c "import secrets; print(secrets.token_urlsafe(48))"'  # noqa: S105
_PLACEHOLDERS = ("changeme", "change-me", "change_me", "changethis", "password", "placeholder", "insecure", "example")


class Settings(WireSettings):
    """An app's settings; a project subclasses this and adds its own, which then have the same sources.

    Frozen: make another object to change one. A mistake raises ConfigurationError: VX301 (unknown key), VX302 (wrong
    value), VX304 (unreadable file), each naming key, source and expectation.

    >>> class ShopSettings(Settings):
    ...     currency: str = "EUR"      # VELOX_CURRENCY, or currency = "EUR" in velox.toml
    """

    env: Literal["dev", "test", "prod"] = "dev"
    """What the app runs for: ``prod`` hides internals and wants a real secret, ``dev`` explains and reloads."""
    host: str = Field(default="127.0.0.1", min_length=1)
    """The address to listen on; ``0.0.0.0`` is every IPv4 address of the machine."""
    port: int = Field(default=8000, ge=0, le=65_535)
    """The TCP port to listen on; 0 takes a free one."""
    workers: int = Field(default=1, ge=1, le=1024)
    """Server processes."""
    http_protocol: Literal["velox", "sanic"] = "velox"
    """Who reads HTTP under ``velox run``: Velox's strict protocol, or Sanic's own."""
    secret_key: SecretStr = SecretStr(DEFAULT_SECRET_KEY)
    """What the app signs with; at least 32 random bytes in production."""
    previous_secret_keys: tuple[SecretStr, ...] = ()
    """The secret keys before this one: what they signed is still read, and nothing new is signed with them."""
    database_url: str = "sqlite:///app.db"
    """Where the database is: ``sqlite:///app.db`` is a file in the project; also ``postgresql://user:password@host/name``
    and ``mariadb://user:password@host/name``."""
    database_pool_size: int = Field(default=5, ge=1)
    """The most connections of a worker that read at once; on a server, as many write."""
    database_replica_urls: Urls = ()
    """Copies of the database for readers, with commas between in the environment. A request that writes reads from
    the database itself, so that it sees what it has written."""
    databases: dict[str, str] = {}
    """Other databases by name, for models with ``database="analytics"``: ``VELOX_DATABASES__ANALYTICS``."""
    shards: dict[str, str] = {}
    """The databases by name over which models with ``shard_by=`` are spread: ``VELOX_SHARDS__S0``. A name is for ever.
    Without any, those models are in the main database."""
    database_timeout_s: Seconds = 5.0
    """How long a request waits for a connection or a lock, in seconds."""
    redis_url: str | None = None
    """Redis or Valkey, for limits and caches that all workers and machines share; None: each machine has its own.
    `redis://host:6379/0`, `rediss://`, `unix://`, `redis+cluster://`, `redis+sentinel://`."""
    redis_timeout_s: Seconds = Field(default=0.05, gt=0)
    """How long a request waits for Redis, in seconds; then it goes on without."""
    redis_required: bool = False
    """Whether the app is not ready while Redis is down, though it could go on without."""
    cache_memory_bytes: Bytes = 64 * 2**20
    """What cached values may take in a worker's memory; the longest unused go first."""
    cache_status: bool | None = None
    """Whether answers of cached routes say in `Cache-Status` where they came from; None: not in `prod`."""
    database_statement_timeout_s: Seconds = 30.0
    """How long a database server works on one statement, in seconds; 0 is for ever. SQLite has no such limit."""
    database_durability: Literal["normal", "full"] = "normal"
    """What a commit on SQLite survives: the death of the process, or (``full``) a power cut, too, for which each waits
    for the disk. A database server decides that itself."""
    database_slow_s: Seconds | None = None
    """From how many seconds on a statement is logged as slow, with its plan; 0: never. None: 0.2 in ``dev``,
    else never."""
    database_repeated: int | None = Field(default=None, ge=0)
    """From how many times on in one request the same statement from the same line is logged, with the remedy; 0: never.
    None: 10 in ``dev``, else never."""
    database_workload: str | None = None
    """The file that remembers which statements were run, with values of some, for ``velox db advise``; empty: none.
    None: ``.velox/workload.jsonl`` in ``dev``, else none."""
    limits_keys: int = Field(default=100_000, ge=1000)
    """How many clients' limits a machine remembers at least; 112 bytes each, taken only for those that there are."""
    idempotency_keep_s: Seconds = 86_400.0
    """For how long the answer to a request with an ``Idempotency-Key`` is kept, in seconds."""
    max_json_body_bytes: Bytes = 1 * 2**20
    """The largest JSON body in bytes; more is a 413."""
    max_form_body_bytes: Bytes = 10 * 2**20
    """The largest form with its files, in bytes; more is a 413."""
    max_form_parts: int = Field(default=1000, ge=1)
    """The most fields and files in one form."""
    form_spool_bytes: Bytes = 256 * 2**10
    """An uploaded file is kept in memory up to this many bytes, then on disk."""
    grace_s: Seconds = 30.0
    """How long requests and jobs in flight may take to finish when the process stops, in seconds."""
    docs: bool = True
    """Whether ``/docs`` and ``/openapi.json`` answer."""
    metrics: bool = False
    """Whether requests are counted and timed by route, and ``/metrics`` says so in Prometheus' text format, to clients
    of a private network or of this machine that come without a proxy."""
    request_id_header: bool = False
    """Whether every answer has ``X-Request-ID``: the client's own, or a new one. Problems have it anyway."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe log record that is written."""
    access_log: bool | None = None
    """Whether every answered request is logged; None: not in `prod`."""
    app: str | None = None
    """The app factory as ``module:create_app``; None looks into ``app/main.py`` and ``main.py``."""
    migrations: str = "migrations"
    """The folder of the project's migrations."""
    migrations_required: bool | None = None
    """Whether a database that is behind its migrations keeps the app from starting; None: in ``prod``."""
    model_root: str = Field(default="models", min_length=1)
    """The folder of the models; one is loaded from nowhere else."""
    create_tables: bool | None = None
    """Whether starting makes missing tables; None: only in ``dev``, as long as there are no migrations."""
    validate_responses: bool | None = None
    """Whether results are checked against the return annotation; None: in ``dev`` and ``test``."""
    allowed_hosts: Hosts = ()
    """The names that the app answers to, without ports: ``example.com``, or ``*.example.com`` for all names below it.
    With commas between in the environment. Other hosts get a 400. Empty, or ``*``: any host is right."""
    cors_origins: Origins = ()
    """The other sites whose pages may use the app from a browser: ``https://app.example.com``, with commas between in
    the environment. ``*``: all of them. Empty: none, and no header says anything about it."""
    cors_credentials: bool = False
    """Whether those pages' requests bring cookies; not together with ``*``."""
    cors_headers: HeaderNames = ("Authorization", "Content-Type", "Idempotency-Key", "X-API-Key", "X-CSRF-Token")
    """The header fields that those pages may send."""
    cors_exposed_headers: HeaderNames = (
        "ETag",
        "Location",
        "RateLimit",
        "RateLimit-Policy",
        "Retry-After",
        "X-Request-ID",
    )
    """The header fields that those pages may read."""
    cors_max_age_s: Seconds = 600.0
    """For how long a browser may remember the permission, in seconds."""
    trusted_proxies: Proxies = 0
    """The proxies that are believed when they say who the client is: their networks (``10.0.0.0/8``, with commas
    between), or how many stand in front of an app that cannot be reached around them. 0: none."""
    proxy_headers: Literal["x-forwarded", "forwarded"] = "x-forwarded"
    """What trusted proxies say it with: ``X-Forwarded-For``, ``-Proto`` and ``-Host``, or ``Forwarded`` (RFC 7239). The
    other is ignored: a proxy lets pass what it does not know."""
    content_type_options: HeaderValue = "nosniff"
    """``X-Content-Type-Options`` of every response that has none of its own; empty sends none."""
    frame_options: HeaderValue = "DENY"
    """``X-Frame-Options``, as above."""
    referrer_policy: HeaderValue = "same-origin"
    """``Referrer-Policy``, as above."""
    opener_policy: HeaderValue = "same-origin"
    """``Cross-Origin-Opener-Policy``, as above."""
    hsts_s: Seconds = 365 * 86_400.0
    """For how long browsers shall use HTTPS only, in seconds (``Strict-Transport-Security``): sent in ``prod``, in
    answers to requests that came over TLS. 0 sends none."""
    hsts_subdomains: bool = False
    """Whether that holds for every name below the host's, too."""

    run_jobs: bool | None = None
    """Whether ``velox run`` also runs jobs and schedules, in the process that serves; None: only in ``dev``."""
    queue_url: str | None = None
    """Where queued jobs are: None (or empty) is the app's own database, ``redis://host:6379/0`` Redis Streams,
    ``amqp://user:password@host/vhost`` RabbitMQ."""
    job_concurrency: int = Field(default=32, ge=1, le=10_000)
    """The most jobs that a worker runs at once."""
    job_lease_s: Annotated[Seconds, Field(ge=0.5)] = 30.0
    """How long after a worker died its jobs are given to another, in seconds. It renews the lease while it lives."""
    job_max_deliveries: int = Field(default=5, ge=1)
    """How many workers a job may take down with it before it is dead."""
    job_keep_s: Seconds = 86_400.0
    """For how long jobs that succeeded or were cancelled are kept, in seconds. Dead ones stay."""

    @classmethod
    def load(cls, **arguments: Any) -> Self:
        """The same as calling the class, for those who prefer a verb."""
        return cls(**arguments)

    @property
    def production(self) -> bool:
        """Whether ``env`` is ``prod``."""
        return self.env == "prod"

    def check_production(self) -> None:
        """Refuse a secret that is the default, shorter than 32 bytes, or guessable.

        Raises:
            ConfigurationError: VX303, with exit code 78 (``EX_CONFIG``).
        """
        reason = weakness(self.secret_key.get_secret_value())
        if reason is not None:
            raise ConfigurationError(
                "VX303",
                f"secret_key ({self.source_of('secret_key')}) is not fit for production: {reason}",
                hint=SECRET_HINT,
                exit_code=EXIT_CONFIGURATION,
            )


class Launch(Settings, extra="ignore"):
    """The framework's own settings as far as they are known before the project's class can be imported."""


def weakness(secret: str) -> str | None:
    """Why ``secret`` is not fit for signing in production, or None when nothing speaks against it.

    An estimate from the characters alone (Shannon, "A Mathematical Theory of Communication", 1948, section 6): it finds
    what is default, short, repeated, in sequence or a placeholder; it cannot find a leaked one.
    """
    size_bytes = len(secret.encode())
    if secret == DEFAULT_SECRET_KEY:
        return "it is the development default"
    if size_bytes < SECRET_MIN_BYTES:
        return f"it has {size_bytes} bytes, fewer than {SECRET_MIN_BYTES}"
    if any(word in secret.lower() for word in _PLACEHOLDERS):
        return "it looks like a placeholder"
    period = next(step for step in range(1, len(secret) + 1) if secret.startswith(secret[step:]))
    unit = secret[:period]
    if len(unit.encode()) < SECRET_MIN_BYTES // 2:
        return f"it repeats the same {period} characters"
    steps = Counter(ord(after) - ord(before) for before, after in pairwise(unit))
    if sum(steps[step] for step in (-1, 0, 1)) > len(unit) // 2:
        return "its characters are in sequence"
    bits = _shannon_bits(unit)
    if bits < SECRET_MIN_BITS:
        return f"it is too regular (about {bits:.0f} bits, at least {SECRET_MIN_BITS} are needed)"
    return None


def _shannon_bits(text: str) -> float:
    counts = Counter(text).values()
    return sum(count * math.log2(len(text) / count) for count in counts)
