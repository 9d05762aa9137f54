"""How often somebody may."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from velox.rules.caller import Caller
from velox.rules.rate import Rate

__all__ = ["Algorithm", "LimitOption", "Policy", "StoreFailure"]

Algorithm: TypeAlias = Literal["gcra", "sliding", "fixed"]
StoreFailure: TypeAlias = Literal["allow", "deny", "local"]


@dataclass(frozen=True, slots=True)
class Policy:
    """A limit with more to say than its rate. Its functions are plain ones, called for each request.

    Args:
        limit: ``"100/minute"``, or ``"10 concurrent"`` for how many may be answered at once; or a function of the
            :class:`~velox.rules.Caller`, for limits by plan, which returns such a text, or ``None`` for no limit.
        name: What header fields call it. Routes with policies of one name count together. Default: made from the place
            where it is used, which counts by itself.
        by: Whom it counts: a function from the caller to a text, or ``None`` for who is not counted. Default: by user,
            else API key, else IP address.
        cost: What a request costs: a number of at least 0, or a function of the caller. Default 1.
        algorithm: ``"gcra"``: a burst up to the limit, then evenly spaced; never more than twice the limit in any
            period. ``"sliding"``: at most the limit in any period; who is refused may wait an eighth of the period
            longer than needed. ``"fixed"``: at most the limit in each period of the clock, so up to twice across their
            border.
        exempt: Who is not limited: a function of the caller.
        on_store_failure: When Redis is down: ``"local"`` goes on with each machine counting by itself; ``"allow"`` lets
            everybody pass; ``"deny"`` answers 503.

    Raises:
        ValueError: It cannot be as it is written.
    """

    limit: str | Callable[[Caller], str | None]
    name: str | None = None
    by: Callable[[Caller], str | None] | None = None
    cost: int | Callable[[Caller], int] = 1
    algorithm: Algorithm = "gcra"
    exempt: Callable[[Caller], bool] | None = None
    on_store_failure: StoreFailure = "local"

    def __post_init__(self) -> None:
        if not callable(self.limit):
            rate = Rate.parse(str(self.limit))
            if rate.is_concurrent and self.cost != 1:
                raise ValueError(f"{self.limit!r} has a cost: a request is one at a time")
        if self.algorithm not in get_args(Algorithm):
            raise ValueError(f"algorithm={self.algorithm!r} is none of {get_args(Algorithm)}")
        if self.on_store_failure not in get_args(StoreFailure):
            raise ValueError(f"on_store_failure={self.on_store_failure!r} is none of {get_args(StoreFailure)}")
        if self.name is not None and not (self.name.isascii() and self.name.isprintable() and self.name):
            raise ValueError(f"name={self.name!r} does not fit into a header field: printable ASCII only")
        for each in (self.limit, self.by, self.cost, self.exempt):
            if inspect.iscoroutinefunction(each):
                raise ValueError(f"{each.__qualname__} is async, and is called like a plain function")


LimitOption: TypeAlias = str | Policy | Sequence[str | Policy] | Literal[False] | None
"""What ``limit=`` takes: one or several limits; ``False``: none, not even those of the blueprint and the app."""
