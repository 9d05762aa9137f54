"""From a Redis URL to a client: one server, Sentinel or Cluster; Valkey speaks the same."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

from velox.errors import ConfigurationError

if TYPE_CHECKING:
    from redis.asyncio import Redis, RedisCluster

    Client: TypeAlias = Redis | RedisCluster
else:
    Client = Any

__all__ = ["Client", "Target", "connect", "disconnect"]

SCHEMES = ("redis", "rediss", "unix", "redis+cluster", "rediss+cluster", "redis+sentinel", "rediss+sentinel")
URL_HINT = (
    "Write redis://host:6379/0, rediss:// for TLS, unix:///run/redis.sock, redis+cluster://host1:6379,host2:6379 or"
    " redis+sentinel://host1:26379,host2:26379/service"
)


@dataclass(frozen=True, slots=True)
class Target:
    """What a Redis URL says.

    Attributes:
        scheme: One of :data:`SCHEMES`.
        hosts: ``(host, port)`` of the server, the cluster's nodes or the sentinels.
        options: ``username``, ``password``, ``db``, ``path`` of the socket, as the client calls them.
        service: What Sentinel calls the master; empty without Sentinel.
    """

    scheme: str
    hosts: tuple[tuple[str, int], ...]
    options: dict[str, Any]
    service: str = ""

    @classmethod
    def parse(cls, url: str) -> Target:
        """Read ``url``.

        Raises:
            ConfigurationError: VX801, it is none; the message shows no password.
        """
        try:
            return cls._parse(url)
        except (ValueError, IndexError) as error:
            scheme = url.partition(":")[0]
            raise ConfigurationError(
                "VX801", f"redis_url, which begins with {scheme!r}, cannot be read: {error}", hint=URL_HINT
            ) from None

    @classmethod
    def _parse(cls, url: str) -> Target:
        parts = urlsplit(url)
        scheme = parts.scheme.replace("valkey", "redis", 1)
        if scheme not in SCHEMES:
            raise ValueError("the scheme is unknown")
        login, _, hosts = parts.netloc.rpartition("@")
        username, _, password = login.partition(":")
        options: dict[str, Any] = {"username": unquote(username), "password": unquote(password)}
        options = {name: value for name, value in options.items() if value}
        if scheme == "unix":
            database = parse_qs(parts.query).get("db", ["0"])[0]
            return cls(scheme, (), {**options, "path": unquote(parts.path), "db": int(database)})
        port = 26379 if scheme.endswith("sentinel") else 6379
        addresses = tuple(address(text, port) for text in hosts.split(","))
        if scheme.endswith("cluster"):
            return cls(scheme, addresses, options)
        if len(addresses) > 1 and not scheme.endswith("sentinel"):
            raise ValueError("it names several hosts")
        pieces = [unquote(piece) for piece in parts.path.split("/") if piece]
        service = pieces.pop(0) if scheme.endswith("sentinel") else ""
        return cls(scheme, addresses, {**options, "db": int(pieces[0]) if pieces else 0}, service)

    @property
    def is_encrypted(self) -> bool:
        return self.scheme.startswith("rediss")


def address(text: str, default_port: int) -> tuple[str, int]:
    parsed = urlsplit(f"//{text}")
    if not parsed.hostname:
        raise ValueError("it names no host")
    return parsed.hostname, parsed.port or default_port


def connect(target: Target, *, connections: int, timeout_s: float | None) -> Client:
    """A client of ``target``; nothing is opened before its first command.

    Args:
        target: Where Redis is.
        connections: The most that it opens; a command waits for a free one.
        timeout_s: Seconds for a connection to be made, and for each reply; ``None`` waits for ever, as blocking
            commands need it.

    Raises:
        ConfigurationError: VX701, the package ``redis`` is missing.
    """
    require_package()
    from redis.asyncio import BlockingConnectionPool, Redis, SSLConnection, UnixDomainSocketConnection

    options = {**target.options, **common_options(timeout_s)}
    if target.scheme.endswith("cluster"):
        return open_cluster(target, options, connections)
    if target.scheme.endswith("sentinel"):
        return open_sentinel(target, options, connections)
    if target.scheme == "unix":
        options["connection_class"] = UnixDomainSocketConnection
    else:
        options["host"], options["port"] = target.hosts[0]
        if target.is_encrypted:
            options["connection_class"] = SSLConnection
    pool = BlockingConnectionPool(max_connections=connections, timeout=timeout_s, **options)
    return Redis.from_pool(pool)


async def disconnect(client: Client) -> None:
    """Close every connection of ``client``, those to sentinels included, which redis-py leaves open."""
    await client.aclose()
    manager = getattr(getattr(client, "connection_pool", None), "sentinel_manager", None)
    for sentinel in manager.sentinels if manager is not None else ():
        await sentinel.aclose()


def require_package() -> None:
    """Raises: ConfigurationError: VX701, the package is missing."""
    if importlib.util.find_spec("redis") is None:
        raise ConfigurationError(
            "VX701", "Redis needs the package redis, which is missing", hint="Run: pip install 'velox-framework[redis]'"
        )


def common_options(timeout_s: float | None) -> dict[str, Any]:
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.exceptions import ConnectionError as ConnectionFailed

    return {
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        # Once, at once: a server that was restarted has closed the connections that wait in the pool.
        "retry": Retry(NoBackoff(), 1, supported_errors=(ConnectionFailed,)),
        # Two round trips less for each new connection: neither RESP3 nor the client's name is of use here.
        "protocol": 2,
        "driver_info": None,
    }


def open_cluster(target: Target, options: dict[str, Any], connections: int) -> Client:
    from redis.asyncio import RedisCluster
    from redis.asyncio.cluster import ClusterNode

    nodes = [ClusterNode(host, port) for host, port in target.hosts]
    return RedisCluster(startup_nodes=nodes, ssl=target.is_encrypted, max_connections=connections, **options)


def open_sentinel(target: Target, options: dict[str, Any], connections: int) -> Client:
    from redis.asyncio.sentinel import Sentinel

    manager = Sentinel(target.hosts, ssl=target.is_encrypted, **options)  # type: ignore[no-untyped-call]
    client: Client = manager.master_for(target.service, max_connections=connections)
    return client
