"""Who the client is, when proxies stand between.

    client ──▶ proxy A ──▶ proxy B ──▶ Velox        X-Forwarded-For: spoofed, client, A      and the peer is B
                                                                     ◀── read from here ──

Every proxy adds, on the right, whom it got the request from. What stands left of the first address that is not a
trusted proxy was written by that address, and says nothing.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_network
from typing import Any, Final

from velox.http.forwarded import Address, Hop, address_of, read_forwarded, read_x_forwarded
from velox.http.hosts import host_name
from velox.settings import Settings

__all__ = ["TrustedProxies"]

SCHEMES: Final = frozenset({"http", "https", "ws", "wss"})
REMEMBERED: Final = 4096


class TrustedProxies:
    """The proxies that are believed.

    Args:
        settings: ``trusted_proxies`` and ``proxy_headers``.
    """

    def __init__(self, settings: Settings) -> None:
        trusted = settings.trusted_proxies
        self._count = trusted if isinstance(trusted, int) else 0
        self._networks = () if isinstance(trusted, int) else tuple(ip_network(text, strict=False) for text in trusted)
        self._read = read_forwarded if settings.proxy_headers == "forwarded" else read_x_forwarded
        # A handful of proxies sends all requests: 0.1 µs for one that is known, 3 for another.
        self._known = lru_cache(REMEMBERED)(self._is_known)

    def __bool__(self) -> bool:
        return bool(self._count or self._networks)

    def forwarded(self, request: Any) -> dict[str, int | str]:
        """What is to be believed of ``request``, in the form of Sanic's ``request.forwarded``: ``for``, ``proto``,
        ``host``, each only if it was said.

        Raises:
            MalformedForwarded: A trusted proxy sent what cannot be read.
        """
        hop = self._by_count(request) if self._count else self._by_address(request)
        if hop is None:
            return {}
        believed: dict[str, int | str] = {}
        if hop.client is not None:
            # Sanic writes IPv6 addresses in brackets here.
            believed["for"] = f"[{hop.client}]" if hop.client.version == 6 else str(hop.client)
        if hop.proto in SCHEMES:
            believed["proto"] = hop.proto
        if hop.host and host_name(hop.host):
            believed["host"] = hop.host.lower()
        return believed

    def _by_count(self, request: Any) -> Hop | None:
        """The hop of the outermost of so many proxies; with fewer hops, it did not come through them all."""
        hops = self._read(request.headers)
        return hops[-self._count] if len(hops) >= self._count else None

    def _by_address(self, request: Any) -> Hop | None:
        """The hop of the outermost proxy that is reached from trusted proxy to trusted proxy."""
        if not self._known(request.ip):
            return None
        outermost: Hop | None = None
        for hop in reversed(self._read(request.headers)):
            if hop.client is None:
                # It does not say from whom, but it is the proxy that says what came in there.
                known = outermost.client if outermost is not None else None
                return Hop(known, hop.proto, hop.host)
            outermost = hop
            if not self._is_trusted(hop.client):
                break
        return outermost

    def _is_known(self, ip: str) -> bool:
        address = address_of(ip)
        return address is not None and self._is_trusted(address)

    def _is_trusted(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self._networks)
