"""Which hosts are the app's own."""

from __future__ import annotations

import pytest

from velox.http.hosts import AllowedHosts

OWN = AllowedHosts(["example.com", "*.example.org", "[2001:db8::1]", "192.0.2.1"])


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "EXAMPLE.com",
        "example.com:8000",
        "example.com:",
        "example.com.",
        "example.com.:443",
        "a.example.org",
        "a.b.example.org:80",
        "[2001:DB8::1]:80",
        "192.0.2.1",
    ],
)
def test_a_listed_host_is_right_in_any_case_with_any_port(host: str) -> None:
    assert OWN.allows(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "example.net",
        "a.example.com",
        "example.org",
        ".example.org",
        "notexample.org",
        "example.com.evil.net",
        "evil.net:80@example.com",
        "example.com:80@evil.net",
        "example.com/",
        "example.com evil.net",
        "evil.net#.example.org",
        "evil.net\\.example.org",
        "[2001:db8::2]",
        "example.com:123456",
        "e\u00e4.example.org",
        "example.com\n",
    ],
)
def test_what_only_looks_like_a_listed_host_is_wrong(host: str) -> None:
    assert not OWN.allows(host)


@pytest.mark.parametrize("patterns", [[], ["*"], ["example.com", "*"]])
def test_an_empty_list_and_a_star_let_any_host_in(patterns: list[str]) -> None:
    hosts = AllowedHosts(patterns)

    assert hosts.any
    assert hosts.allows("evil.net")
