"""Where limits meet the app: which route has which, who is counted, and what workers share."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from velox.errors import ConfigurationError
from velox.limits.gate import Gate
from velox.limits.problems import QuotaExceeded, ReducedCapacity
from velox.limits.rule import Rule, rules_of
from velox.limits.store import LimitStore, make_shared_file, remove_shared_file
from velox.routing.layer import Layer, carry
from velox.routing.plan import Plan, ResponseHeader
from velox.routing.stream import stream_of

__all__ = ["Limiting"]

SHARED: Final = "velox_limits"
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
    """

    def __init__(self, app: Any) -> None:
        settings = app.settings
        self._app = app
        self._store = LimitStore(
            keys=settings.limits_keys,
            secret=settings.secret_key.get_secret_value().encode(),
            redis=app.redis,
            shared_file=self._shared_file,
        )
        self._is_used = False
        app.register_listener(self._share, "main_process_start")
        app.register_listener(self._unshare, "main_process_stop")

    def layer(self, plan: Plan) -> Layer | None:
        """The gate of a route that has limits."""
        rules = limit_rules(plan)
        if not rules:
            return None
        self._use()
        gate = Gate(
            rules, self._store.limiter, self._app.identify, carry=carry, is_stream=stream_of(plan.returns) is not None
        )
        may_not_know = any(rule.on_store_failure == "deny" for rule in rules)
        problems = (QuotaExceeded, ReducedCapacity) if may_not_know else (QuotaExceeded,)
        return Layer(gate.wrap, problems=problems, headers=HEADERS)

    def _use(self) -> None:
        """There is a limit: the store opens with the worker, and all workers of one parent share it."""
        if self._is_used:
            return
        self._is_used = True
        self._app.add_extension(self._store)

    async def _share(self, app: Any) -> None:
        """In the parent of several workers."""
        if self._is_used:
            # As an attribute it would be met with Sanic's warning about what cannot be shared; a path can.
            vars(app.shared_ctx)[SHARED] = str(make_shared_file(self._store.keys))

    async def _unshare(self, app: Any) -> None:
        if (path := self._shared_file()) is not None:
            remove_shared_file(path)

    def _shared_file(self) -> Path | None:
        """The table of this worker's parent; ``None`` where a process serves alone."""
        path = vars(self._app.shared_ctx).get(SHARED)
        return Path(path) if path is not None else None


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
