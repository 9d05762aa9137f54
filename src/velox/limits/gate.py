"""The gate before a route: asks the limiter, refuses or lets pass, and tells in header fields what is left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from velox.errors import Problem
from velox.limits.address import client_network
from velox.limits.fields import current_field, policy_field, seconds
from velox.limits.hit import Decision
from velox.limits.limiter import Limiter, Unavailable
from velox.limits.problems import QuotaExceeded, ReducedCapacity
from velox.limits.rule import Rule
from velox.rules.caller import Caller

__all__ = ["Gate", "Identify"]

Identify = Callable[[Any], Awaitable[Any]]
"""Who asks: something with a ``key``, or ``None`` for nobody that is known."""
Endpoint = Callable[..., Awaitable[Any]]
Carry = Callable[[Any, Mapping[str, str]], None]

RETRY_WITHOUT_STORE_S = 1.0


class Gate:
    """All limits of one route.

    Args:
        rules: The limits; those of the app first, those of the route last.
        limiter: Decides. It is looked up for each request: it is made when the worker starts.
        identify: Who makes a request.
        carry: Gives header fields to answers that are not returned: problems and streams.
        address_of: The client's address, with what trusted proxies say.
        is_stream: Whether the route answers in pieces.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        limiter: Callable[[], Limiter],
        identify: Identify | None,
        *,
        carry: Carry,
        address_of: Callable[[Any], str],
        is_stream: bool,
    ) -> None:
        self._rules = tuple(rules)
        self._limiter = limiter
        self._identify = identify
        self._carry = carry
        self._address_of = address_of
        self._is_stream = is_stream

    def wrap(self, inner: Endpoint) -> Endpoint:
        """``inner``, called only for who may."""
        carry, is_stream = self._carry, self._is_stream

        async def limited(request: Any, **path: Any) -> Any:
            fields = await self._pass(request)
            if fields is None:
                return await inner(request, **path)
            if is_stream:
                carry(request, fields)
            try:
                answer = await inner(request, **path)
            except Exception:
                carry(request, fields)
                raise
            # A client that is told to slow down would be late at where it is sent to (draft, section 5).
            if answer is not None and (not 300 <= answer.status < 400 or answer.status == 304):
                headers = answer.headers
                for name, value in fields.items():
                    headers[name] = value
            return answer

        return limited

    async def _pass(self, request: Any) -> dict[str, str] | None:
        """The header fields for the answer; ``None`` for who is not limited.

        Raises:
            QuotaExceeded: Too much.
            ReducedCapacity: It cannot be known.
        """
        caller = await self._caller(request)
        asked = [(rule, hit) for rule in self._rules if (hit := rule.hit(caller)) is not None]
        if not asked:
            return None
        hits = [hit for _, hit in asked]
        try:
            found = await self._limiter().hit(hits, [rule.on_store_failure for rule, _ in asked])
        except Unavailable:
            raise ReducedCapacity(
                "The server cannot count requests at the moment.",
                headers={"Retry-After": seconds(RETRY_WITHOUT_STORE_S)},
            ) from None
        answers = [(rule.name, hit, decision) for (rule, hit), decision in zip(asked, found, strict=True) if decision]
        if not answers:
            return None
        fields = {
            "RateLimit-Policy": policy_field(tuple((name, hit.rate) for name, hit, _ in answers)),
            "RateLimit": current_field((name, decision) for name, _, decision in answers),
        }
        violated = {name: decision for name, _, decision in answers if not decision.allowed}
        if violated:
            raise refusal(violated, fields)
        return fields

    async def _caller(self, request: Any) -> Caller:
        ip = client_network(self._address_of(request))
        if self._identify is None:
            return Caller(request, ip)
        try:
            return Caller(request, ip, await self._identify(request))
        except Problem:  # credentials that are no good: whoever sends them is counted, and the route decides
            return Caller(request, ip)


def refusal(violated: Mapping[str, Decision], fields: Mapping[str, str]) -> QuotaExceeded:
    wait_s = max(decision.wait_s for decision in violated.values())
    return QuotaExceeded(
        f"Try again in {seconds(wait_s)} s.",
        headers={**fields, "Retry-After": seconds(wait_s)},
        extensions={"violated-policies": list(violated)},
    )
