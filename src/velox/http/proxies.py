"""Who the client is, when proxies stand between.

    client ──▶ proxy A ──▶ proxy B ──▶ Velox        X-Forwarded-For: spoofed, client, A      and the peer is B
                                                                     ◀── read from here ──

Every proxy adds, on the right, whom it got the request from. What stands left of the first address that is not a
trusted proxy was written by that address, and says nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_network
from typing import Any, Final

from velox.http.forwarded import Address, Hop, address_of, read_forwarded, read_x_forwarded
from velox.http.hosts import host_name
from velox.settings import Settings

__all__ = ["TrustedProxies"]

SCHEMES: Final = frozenset({"http", "https", "ws", "wss"})
FIELDS: Final[dict[str, tuple[Callable[..., list[Hop]], tuple[str, ...]]]] = {
    "forwarded": (read_forwarded, ("forwarded",)),
    "x-forwarded": (read_x_forwarded, ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host")),
}
"""What can be in ``proxy_headers``: how it is read, and from which fields."""
REMEMBERED: Final = 4096
MAX_CHARS: Final = 256
"""What is longer is not remembered: nobody but an attacker sends it, and it would take memory."""


class TrustedProxies:
    """The proxies that are believed.

    Args:
        settings: ``trusted_proxies`` and ``proxy_headers``.
    """

    def __init__(self, settings: Settings) -> None:
        trusted = settings.trusted_proxies
        self._count = trusted if isinstance(trusted, int) else 0
        self._networks = () if isinstance(trusted, int) else tuple(map(ip_network, trusted))
        self._read, self._names = FIELDS[settings.proxy_headers]
        # A client makes many requests, and each says the same: 0.1 µs instead of 10.
        self._remembered = lru_cache(REMEMBERED)(self._believed)

    def __bool__(self) -> bool:
        return bool(self._count or self._networks)

    def forwarded(self, request: Any) -> dict[str, int | str]:
        """What is to be believed of ``request``, in the form of Sanic's ``request.forwarded``: ``for``, ``proto``,
        ``host``, each only if it was said.

        Raises:
            MalformedForwarded: A trusted proxy sent what cannot be read.
        """
        said = tuple([",".join(request.headers.getall(name, ())) for name in self._names])
        believed = self._remembered if sum(map(len, said)) <= MAX_CHARS else self._believed
        return dict(believed(request.ip, said))

    def _believed(self, peer: str, said: tuple[str, ...]) -> dict[str, int | str]:
        hop = self._by_count(said) if self._count else self._by_address(peer, said)
        if hop is None:
            return {}
        believed: dict[str, int | str] = {}
        client = address_of(hop.client)
        if client is not None:
            # Sanic writes IPv6 addresses in brackets here.
            believed["for"] = f"[{client}]" if client.version == 6 else str(client)
        proto = hop.proto.lower()
        if proto in SCHEMES:
            believed["proto"] = proto
        if host_name(hop.host):
            believed["host"] = hop.host.lower()
        return believed

    def _by_count(self, said: tuple[str, ...]) -> Hop | None:
        """The hop of the outermost of so many proxies; with fewer hops, it did not come through them all."""
        hops = self._read(*said)
        return hops[-self._count] if len(hops) >= self._count else None

    def _by_address(self, peer: str, said: tuple[str, ...]) -> Hop | None:
        """The hop of the outermost proxy that is reached from trusted proxy to trusted proxy."""
        if not self._trusts(address_of(peer)):
            return None
        outermost: Hop | None = None
        for hop in reversed(self._read(*said)):
            client = address_of(hop.client)
            if client is None:
                # It does not say from whom, but it is the proxy that says what came in there.
                return hop._replace(client=outermost.client if outermost is not None else "")
            outermost = hop
            if not self._trusts(client):
                break
        return outermost

    def _trusts(self, address: Address | None) -> bool:
        return address is not None and any(
            address.version == network.version and address in network for network in self._networks
        )
