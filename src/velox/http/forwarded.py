"""The two ways in which proxies tell who the client is: ``Forwarded`` (RFC 7239), and the older ``X-Forwarded-...``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, NamedTuple

__all__ = ["Address", "Hop", "MalformedForwarded", "address_of", "read_forwarded", "read_x_forwarded"]

Address = IPv4Address | IPv6Address

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"  # noqa: S105 - RFC 9110's word
QUOTED = r'"(?:[\t !#-\[\]-~]|\\[\t -~])*+"'
# RFC 7239, section 4. Proxies write hosts and ports without quotes too, against it: ":", "[" and "]" are let through.
PAIR: Final = re.compile(rf"({TOKEN})=({QUOTED}|[!#$%&'*+.^_`|~0-9A-Za-z:\[\]-]++)")
# Possessive throughout: a client must not be able to make it try twice.
ELEMENT: Final = re.compile(rf"[ \t]*+((?:{PAIR.pattern}[ \t]*+)?+(?:;[ \t]*+(?:{PAIR.pattern}[ \t]*+)?+)*+)(?:,|\Z)")
NODE: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::[0-9]{1,5})?")
MAX_CHARS: Final = 8192
MAX_HOPS: Final = 32
"""Beyond this nobody has proxies; it bounds the work that a client can make with a list of its own."""


class MalformedForwarded(Exception):
    """``Forwarded`` cannot be read, so that it is not known which part of it a proxy wrote."""


class Hop(NamedTuple):
    """What one proxy said of the request that it got.

    Attributes:
        client: Whom it got it from: what is meant to be an address.
        proto: The scheme that it got it with; empty: not said.
        host: The ``Host`` that it got; empty: not said.
    """

    client: str
    proto: str = ""
    host: str = ""


def address_of(node: str) -> Address | None:
    """The IP address in ``node``, which may have a port; ``None`` for ``unknown``, made-up names and anything else.

    An IPv4 address in the clothes of IPv6 (``::ffff:192.0.2.1``) is the IPv4 address.
    """
    found = NODE.fullmatch(node)
    try:
        address = ip_address((found[1] or found[2]) if found is not None else node.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def read_forwarded(value: str) -> list[Hop]:
    """The hops of ``Forwarded``, the farthest first.

    Args:
        value: The field's value; of several fields, joined with commas.

    Raises:
        MalformedForwarded: It cannot be read.
    """
    if len(value) > MAX_CHARS:
        raise MalformedForwarded
    elements: list[str] = []
    position = 0
    while position < len(value):
        found = ELEMENT.match(value, position)
        if found is None:
            raise MalformedForwarded
        position = found.end()
        if found[1]:
            elements.append(found[1])
    return [hop_of(element) for element in elements[-MAX_HOPS:]]


def hop_of(element: str) -> Hop:
    pairs = {name.lower(): unquoted(text) for name, text in PAIR.findall(element)}
    return Hop(pairs.get("for", ""), pairs.get("proto", ""), pairs.get("host", ""))


def unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text


def read_x_forwarded(clients: str, protos: str, hosts: str) -> list[Hop]:
    """The hops of ``X-Forwarded-For``, the farthest first, with what ``X-Forwarded-Proto`` and ``-Host`` say of them.

    A proxy adds to ``-For``, and adds to the other two or sets them anew. So they are read from the right: what is
    missing is missing on the left.
    """
    listed = split(clients)[-MAX_HOPS:]
    their_protos, their_hosts = split(protos), split(hosts)
    return [
        Hop(client, from_right(their_protos, distance), from_right(their_hosts, distance))
        for client, distance in zip(listed, range(len(listed), 0, -1), strict=True)
    ]


def split(value: str) -> list[str]:
    return [part.strip(" \t") for part in value.split(",")] if value else []


def from_right(values: Sequence[str], distance: int) -> str:
    """The value that is ``distance`` from the end, or the first; empty if there is none."""
    return values[-min(distance, len(values))] if values else ""
