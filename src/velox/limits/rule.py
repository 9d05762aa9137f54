"""A policy at the place where it is used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from velox.limits.hit import Hit
from velox.rules.caller import Caller
from velox.rules.limit import LimitOption, Policy, StoreFailure
from velox.rules.rate import Rate

__all__ = ["Rule", "rules_of"]

PERIODS: Final = {0.0: "concurrent", 1.0: "second", 60.0: "minute", 3_600.0: "hour", 86_400.0: "day", 604_800.0: "week"}


@dataclass(frozen=True, slots=True)
class Rule:
    """One limit of a route.

    Attributes:
        policy: What it says.
        scope: Whose counter it is.
        name: What header fields call it.
    """

    policy: Policy
    scope: str
    name: str

    @property
    def on_store_failure(self) -> StoreFailure:
        return self.policy.on_store_failure

    def hit(self, caller: Caller) -> Hit | None:
        """What to ask for a request of ``caller``; ``None``: it is not limited.

        Raises:
            ValueError: One of the policy's functions returned what makes no sense.
        """
        policy = self.policy
        if policy.exempt is not None and policy.exempt(caller):
            return None
        counted = caller.id if policy.by is None else policy.by(caller)
        limit = policy.limit(caller) if callable(policy.limit) else policy.limit
        if counted is None or limit is None:
            return None
        cost = policy.cost(caller) if callable(policy.cost) else policy.cost
        if cost < 0:
            raise ValueError(f"the limit {self.name!r} has a cost of {cost}: it has to be 0 or more")
        return Hit(self.scope, counted, Rate.parse(limit), policy.algorithm, cost)


def rules_of(option: LimitOption, scope: str, name: str) -> list[Rule]:
    """The rules of what ``limit=`` says at one place.

    Args:
        option: What was written.
        scope: Whose counters they are, unless a policy has a name.
        name: What header fields call the place.

    Raises:
        ValueError: It is no limit.
    """
    policies = list(policies_of(option))
    names = [policy.name or (name if len(policies) == 1 else f"{name}-{suffix(policy)}") for policy in policies]
    # Two of one name and period are told apart by their place.
    unique = [each if names.count(each) == 1 else f"{each}-{number}" for number, each in enumerate(names, 1)]
    return [
        Rule(policy, f"policy {policy.name}" if policy.name else f"{scope} {number}", each)
        for number, (policy, each) in enumerate(zip(policies, unique, strict=True))
    ]


def policies_of(option: LimitOption) -> Iterator[Policy]:
    if option is None or option is False:
        return
    several: Sequence[str | Policy] = [option] if isinstance(option, (str, Policy)) else option
    for each in several:
        yield each if isinstance(each, Policy) else Policy(each)


def suffix(policy: Policy) -> str:
    """``minute`` for ``"100/minute"``."""
    if callable(policy.limit):
        return str(getattr(policy.limit, "__name__", "limit"))
    period_s = Rate.parse(policy.limit).period_s
    return PERIODS.get(period_s, f"{period_s:g}s")
