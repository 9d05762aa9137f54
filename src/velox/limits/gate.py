"""The gate before a route: asks the limiter, refuses or lets pass, and tells in header fields what is left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from velox.errors import Problem
from velox.limits.address import client_network
from velox.limits.fields import current_field, policy_field, seconds
from velox.limits.hit import Decision, Hit
from velox.limits.leases import Lease, Leases, NotCounted
from velox.limits.limiter import Limiter, Unavailable
from velox.limits.problems import QuotaExceeded, ReducedCapacity
from velox.limits.rule import Rule
from velox.rules.caller import Caller

__all__ = ["Gate", "Identify"]

Identify = Callable[[Any], Awaitable[Any]]
"""Who asks: something with a ``key``, or ``None`` for nobody that is known."""
Endpoint = Callable[..., Awaitable[Any]]
Carry = Callable[[Any, Mapping[str, str]], None]

Asked = tuple[Rule, Hit]

RETRY_WITHOUT_STORE_S = 1.0


class Gate:
    """All limits of one route.

    Args:
        rules: The limits; those of the app first, those of the route last.
        limiter: Decides. It is looked up for each request: it is made when the worker starts.
        leases: The same for how many at once.
        identify: Who makes a request.
        carry: Gives header fields to answers that are not returned: problems and streams.
        address_of: The client's address, with what trusted proxies say.
        is_stream: Whether the route answers in pieces.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        limiter: Callable[[], Limiter],
        leases: Callable[[], Leases],
        identify: Identify | None,
        *,
        carry: Carry,
        address_of: Callable[[Any], str],
        is_stream: bool,
    ) -> None:
        self._rules = tuple(rules)
        self._limiter = limiter
        self._leases = leases
        self._identify = identify
        self._carry = carry
        self._address_of = address_of
        self._is_stream = is_stream

    def wrap(self, inner: Endpoint) -> Endpoint:
        """``inner``, called only for who may."""
        carry, is_stream = self._carry, self._is_stream

        async def limited(request: Any, **path: Any) -> Any:
            leases: list[Lease] = []
            fields = await self._pass(request, leases)
            if fields is None:
                return await inner(request, **path)
            if is_stream:
                carry(request, fields)
            try:
                answer = await inner(request, **path)
            except Exception:
                carry(request, fields)
                raise
            finally:
                if leases:
                    await self._give_back(leases)
            # A client that is told to slow down would be late at where it is sent to (draft, section 5).
            if answer is not None and (not 300 <= answer.status < 400 or answer.status == 304):
                headers = answer.headers
                for name, value in fields.items():
                    headers[name] = value
            return answer

        return limited

    async def _give_back(self, leases: list[Lease]) -> None:
        """Also when the request is being cancelled: its client went away."""
        far, leases[:] = self._leases().leave(leases), ()
        if far:
            await asyncio.shield(asyncio.create_task(self._leases().give_back(far)))

    async def _pass(self, request: Any, leases: list[Lease]) -> dict[str, str] | None:
        """The header fields for the answer; ``None`` for who is not limited. What is to be given back at the end of the
        request is added to ``leases``.

        Raises:
            QuotaExceeded: Too much.
            ReducedCapacity: It cannot be known.
        """
        caller = await self._caller(request)
        asked = [(rule, hit) for rule in self._rules if (hit := rule.hit(caller)) is not None]
        if not asked:
            return None
        try:
            answers = await self._count(asked, leases)
        except (Unavailable, NotCounted):
            raise ReducedCapacity(
                "The server cannot count requests at the moment.",
                headers={"Retry-After": seconds(RETRY_WITHOUT_STORE_S)},
            ) from None
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

    async def _count(self, asked: Sequence[Asked], leases: list[Lease]) -> list[tuple[str, Hit, Decision]]:
        """Rates first: who comes too often does not take the place of somebody else for a moment.

        Raises:
            Unavailable, NotCounted: A store is down, and a policy would rather refuse.
        """
        rates = [each for each in asked if not each[1].rate.is_concurrent]
        found: list[Decision | None] = []
        if rates:
            hits = [hit for _, hit in rates]
            found = await self._limiter().hit(hits, [rule.on_store_failure for rule, _ in rates])
        answers = [(rule.name, hit, each) for (rule, hit), each in zip(rates, found, strict=True) if each is not None]
        if len(rates) == len(asked) or not all(each.allowed for _, _, each in answers):
            return answers
        try:
            for rule, hit in asked:
                if not hit.rate.is_concurrent:
                    continue
                decision, lease = await self._leases().take(hit, rule.on_store_failure)
                if lease is not None:
                    leases.append(lease)
                if decision is not None:
                    answers.append((rule.name, hit, decision))
                    if not decision.allowed:
                        await self._give_back(leases)
                        break
        except BaseException:
            await self._give_back(leases)
            raise
        return answers

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
