"""Whom an address stands for."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address

__all__ = ["client_network"]


@lru_cache(4096)
def client_network(text: str) -> str:
    """An IPv4 address as it is, an IPv6 address as its /64, which providers give to one customer; what is no address (a
    socket's path, nothing) as it is.

    >>> client_network("[2001:db8::7]")
    '2001:db8::/64'
    """
    try:
        address = ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return text
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((address, 64), strict=False))
