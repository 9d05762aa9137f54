"""Rules: functions that say whether a request may go on, of the same things that a handler can ask for."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from velox.errors import Forbidden

__all__ = ["Rule", "as_provider"]

Rule = Callable[..., bool | Awaitable[bool]]
"""``def owns(user: CurrentUser[User], link: Annotated[Link, Provide(link_of)]) -> bool``: its parameters are filled as
a handler's are, and what both ask for is made once.
"""


def as_provider(rule: Rule) -> Callable[..., Awaitable[None]]:
    """``rule`` as what is made before anything else of a request, and raises :class:`~velox.errors.Forbidden` instead
    of being ``False``.
    """

    @wraps(rule)
    async def check(**arguments: Any) -> None:
        allowed = rule(**arguments)
        if inspect.isawaitable(allowed):
            allowed = await allowed
        if not allowed:
            raise Forbidden

    return check
