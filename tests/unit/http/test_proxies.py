"""Who the client is. In each table the attacker controls everything left of the first untrusted address."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from sanic.compat import Header

from velox import Settings
from velox.http.forwarded import MalformedForwarded
from velox.http.proxies import TrustedProxies

NETWORKS = "10.0.0.0/8, 2001:db8::/32"
ATTACKER, CLIENT, PROXY, OUTER = "6.6.6.6", "1.2.3.4", "10.0.0.1", "10.0.0.2"


def believed(trusted: Any, peer: str, *headers: tuple[str, str], kind: str = "x-forwarded") -> dict[str, Any]:
    proxies = TrustedProxies(Settings.load(trusted_proxies=trusted, proxy_headers=kind))
    return proxies.forwarded(SimpleNamespace(ip=peer, headers=Header(headers)))


@pytest.mark.parametrize(
    ("peer", "sent", "client"),
    [
        (PROXY, CLIENT, CLIENT),
        (PROXY, f"{ATTACKER}, {CLIENT}", CLIENT),
        (PROXY, f"{ATTACKER}, {CLIENT}, {OUTER}", CLIENT),
        (PROXY, f"{OUTER}, {CLIENT}", CLIENT),
        (PROXY, f"nonsense, {CLIENT}", CLIENT),
        (PROXY, f"{OUTER}, {OUTER}", OUTER),
        (PROXY, f"{ATTACKER}, unknown, {OUTER}", OUTER),
        ("::ffff:10.0.0.1", CLIENT, CLIENT),
        ("2001:db8::1", "2001:DB9::1", "[2001:db9::1]"),
        (PROXY, ", ".join([ATTACKER] * 500 + [CLIENT]), CLIENT),
    ],
)
def test_the_client_is_the_first_address_from_the_right_that_is_not_trusted(peer: str, sent: str, client: str) -> None:
    assert {"for": client} == believed(NETWORKS, peer, ("x-forwarded-for", sent))


@pytest.mark.parametrize("peer", [ATTACKER, "", "2001:db9::1", "unix"])
def test_a_peer_that_is_not_trusted_says_nothing(peer: str) -> None:
    sent = ("x-forwarded-for", CLIENT), ("x-forwarded-proto", "https"), ("x-forwarded-host", "evil.net")

    assert {} == believed(NETWORKS, peer, *sent)


def test_several_fields_are_one_list() -> None:
    sent = [("x-forwarded-for", address) for address in (ATTACKER, CLIENT, OUTER)]

    assert {"for": CLIENT} == believed(NETWORKS, PROXY, *sent)


def test_a_proxy_that_does_not_know_its_client_leaves_the_peer() -> None:
    assert {} == believed(NETWORKS, PROXY, ("x-forwarded-for", f"{ATTACKER}, unknown"))


@pytest.mark.parametrize(
    ("count", "sent", "client"),
    [
        (1, CLIENT, CLIENT),
        (1, f"{ATTACKER}, {CLIENT}", CLIENT),
        (2, f"{ATTACKER}, {CLIENT}, {OUTER}", CLIENT),
        (2, f"{CLIENT}, {ATTACKER}", CLIENT),
    ],
)
def test_a_count_takes_so_many_from_the_right_whoever_the_peer_is(count: int, sent: str, client: str) -> None:
    assert {"for": client} == believed(count, "203.0.113.1", ("x-forwarded-for", sent))


def test_fewer_hops_than_proxies_mean_that_it_came_around_them() -> None:
    sent = ("x-forwarded-for", ATTACKER), ("x-forwarded-proto", "https"), ("x-forwarded-host", "evil.net")

    assert {} == believed(2, ATTACKER, *sent)


@pytest.mark.parametrize(
    ("protos", "hosts", "expected"),
    [
        ("https", "a.example.com", {"proto": "https", "host": "a.example.com"}),
        ("http, https", "evil.net, A.example.com:8443", {"proto": "https", "host": "a.example.com:8443"}),
        ("gopher", "not a host", {}),
        ("", "", {}),
        ("WSS", "[2001:db8::9]", {"proto": "wss", "host": "[2001:db8::9]"}),
    ],
)
def test_scheme_and_host_are_those_that_the_trusted_proxy_wrote(
    protos: str, hosts: str, expected: dict[str, str]
) -> None:
    sent = ("x-forwarded-for", f"{ATTACKER}, {CLIENT}"), ("x-forwarded-proto", protos), ("x-forwarded-host", hosts)

    assert {"for": CLIENT, **expected} == believed(NETWORKS, PROXY, *sent)


def test_the_outermost_trusted_proxy_knows_the_scheme() -> None:
    """It ends the client's TLS; between the proxies it is plain HTTP."""
    sent = ("x-forwarded-for", f"{CLIENT}, {OUTER}"), ("x-forwarded-proto", "https, http")

    assert {"for": CLIENT, "proto": "https"} == believed(NETWORKS, PROXY, *sent)


def test_forwarded_is_walked_the_same_way() -> None:
    sent = (
        f"for={ATTACKER};proto=ftp;host=evil.net, for={CLIENT};proto=https;host=a.example.com, for={OUTER};proto=http"
    )

    assert {"for": CLIENT, "proto": "https", "host": "a.example.com"} == believed(
        NETWORKS, PROXY, ("forwarded", sent), kind="forwarded"
    )


@pytest.mark.parametrize(("kind", "other"), [("x-forwarded", "forwarded"), ("forwarded", "x-forwarded-for")])
def test_the_header_that_the_proxies_do_not_write_is_the_clients_and_ignored(kind: str, other: str) -> None:
    assert {} == believed(NETWORKS, PROXY, (other, f"for={ATTACKER}"), kind=kind)


def test_a_malformed_forwarded_from_a_trusted_proxy_is_refused() -> None:
    with pytest.raises(MalformedForwarded):
        believed(NETWORKS, PROXY, ("forwarded", f'for="{ATTACKER}, for={CLIENT}'), kind="forwarded")


def test_a_malformed_forwarded_from_anybody_else_is_ignored() -> None:
    assert {} == believed(NETWORKS, ATTACKER, ("forwarded", 'for="'), kind="forwarded")
