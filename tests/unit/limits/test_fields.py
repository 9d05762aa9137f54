"""Header fields and addresses."""

from __future__ import annotations

import pytest

from velox.limits.address import client_network
from velox.limits.fields import current_field, policy_field, seconds
from velox.limits.hit import Decision
from velox.rules import Rate


def test_policies_are_a_list_of_strings_with_parameters() -> None:
    named = (("burst", Rate.parse("100/minute")), ('say "hi"\\', Rate.parse("5/500ms")))
    assert policy_field(named) == '"burst";q=100;w=60, "say \\"hi\\"\\\\";q=5;w=1'


def test_what_is_left_holds_until_it_is_whole_or_until_the_refused_fits() -> None:
    decisions = [("a", Decision(True, 3, 0.0, 41.2)), ("b", Decision(False, 0, 2.1, 60.0))]
    assert current_field(decisions) == '"a";r=3;t=42, "b";r=0;t=3'


@pytest.mark.parametrize(("wait_s", "text"), [(0.01, "1"), (1.0, "1"), (1.01, "2")])
def test_retry_after_is_never_too_early(wait_s: float, text: str) -> None:
    assert seconds(wait_s) == text


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("[2001:db8::7]", "2001:db8::/64"),
        ("2001:db8:0:0:ffff::1%eth0", "2001:db8::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("/run/app.sock", "/run/app.sock"),
        ("", ""),
    ],
)
def test_an_address_stands_for_one_customer(address: str, network: str) -> None:
    assert client_network(address) == network
