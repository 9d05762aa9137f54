"""What handlers ask for by type: ``CurrentUser[User]``, ``OptionalUser[User]``, ``Identity``."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from sanic import Request

from velox.auth.identity import Identity
from velox.auth.lock import Lock
from velox.routing.identity import by_caller
from velox.routing.markers import Provide

__all__ = ["CurrentUser", "OptionalUser", "current_account", "current_identity", "optional_account"]

T = TypeVar("T")


@by_caller
async def current_identity(request: Request, lock: Lock) -> Identity:
    return await lock.identify.required(request)


async def current_account(identity: Annotated[Identity, Provide(current_identity)]) -> Any:
    return identity.account


@by_caller
async def optional_account(request: Request, lock: Lock) -> Any:
    identity = await lock.identify(request)
    return None if identity is None else identity.account


CurrentUser = Annotated[T, Provide(current_account)]
"""``user: CurrentUser[User]``: the account that calls, as the project's own class; nobody is a 401. It was read before
the handler was called: to change it, get it from a session, ``await db.get(User, user.id)``.
"""
OptionalUser = Annotated[T | None, Provide(optional_account)]
"""``user: OptionalUser[User]``: the same, or ``None`` for nobody. Credentials that are no good are a 401 all the same.
"""
