"""Where limits meet the app: which route has which, who is counted, and what workers share."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from velox.app.sharing import Sharing
from velox.errors import ConfigurationError
from velox.limits.attendance import attendance_bytes
from velox.limits.gate import Gate
from velox.limits.problems import QuotaExceeded, ReducedCapacity
from velox.limits.rule import Rule, rules_of
from velox.limits.store import LimitStore
from velox.limits.table import size_bytes
from velox.routing.layer import Layer, carry
from velox.routing.plan import Plan, ResponseHeader
from velox.routing.stream import stream_of

__all__ = ["Limiting"]

HEADERS = (
    ResponseHeader("RateLimit-Policy", "The limits of this route: q requests in w seconds (RFC 9651 list)."),
    ResponseHeader("RateLimit", "What is left of each: r requests in the next t seconds (RFC 9651 list)."),
    ResponseHeader(
        "Retry-After", "When to come back, in seconds.", schema={"type": "integer", "minimum": 1}, statuses=("429",)
    ),
)


class Limiting:
    """The limits of an app.

    Args:
        app: The app.
        sharing: What its workers share.
    """

    def __init__(self, app: Any, sharing: Sharing) -> None:
        settings = app.settings
        self._app = app
        self._sharing = sharing
        self._store = LimitStore(
            keys=settings.limits_keys,
            secret=settings.secret_key.get_secret_value().encode(),
            redis=app.redis,
        )
        self._is_used = False

    def layer(self, plan: Plan) -> Layer | None:
        """The gate of a route that has limits."""
        rules = limit_rules(plan)
        if not rules:
            return None
        self._use()
        gate = Gate(
            rules,
            self._store.limiter,
            self._store.leases,
            self._app.identify,
            carry=carry,
            address_of=self._address_of(),
            is_stream=stream_of(plan.returns) is not None,
        )
        may_not_know = any(rule.on_store_failure == "deny" for rule in rules)
        problems = (QuotaExceeded, ReducedCapacity) if may_not_know else (QuotaExceeded,)
        return Layer(gate.wrap, problems=problems, headers=HEADERS)

    def _address_of(self) -> Callable[[Any], str]:
        """Without proxies to believe, what they might have said need not be looked for: 0.2 µs instead of 8."""
        return attrgetter("client_ip" if self._app.front.proxies else "ip")

    def _use(self) -> None:
        """There is a limit: the store opens with the worker, and all workers of one parent share it."""
        if self._is_used:
            return
        self._is_used = True
        self._store.shared_file = self._sharing.want("limits", size_bytes(self._store.keys))
        self._store.leases_file = self._sharing.want("leases", attendance_bytes(self._store.keys))
        self._app.add_extension(self._store)


def limit_rules(plan: Plan) -> list[Rule]:
    """The app's limits, the blueprint's and the route's own; ``False`` drops what stands before it.

    Raises:
        ConfigurationError: VX211, one of them cannot be read.
    """
    places = [(shared.limit, shared.scope, shared.scope.removeprefix("blueprint ")) for shared in plan.shared]
    rules: list[Rule] = []
    for option, scope, name in [*places, (plan.options.limit, f"route {plan.name}", plan.name)]:
        try:
            rules = [] if option is False else [*rules, *rules_of(option, scope, name)]
        except (TypeError, ValueError) as error:
            raise ConfigurationError(
                "VX211",
                f"{plan.location}: the limit of {scope} cannot be read: {error}",
                hint='Write limit="100/minute", a list of such texts, or velox.limits.Policy(...)',
            ) from None
    return rules
