"""Letters to the owners of accounts: sent by the project, in the background, so that the answer's time says nothing."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from velox.auth.tables import Account

__all__ = ["Delivery", "Letter"]

logger = logging.getLogger("velox.auth")


@dataclass(frozen=True, slots=True)
class Letter:
    """What the owner of an address should get by e-mail.

    Args:
        kind: ``"verify"``: the token proves that the address is theirs, at ``/auth/verify``. ``"reset"``: it allows a
            new password, at ``/auth/password/reset``. ``"taken"``: somebody tried to register with their address.
        account: To whom.
        token: What goes into the link; empty for ``"taken"``.
    """

    kind: Literal["verify", "reset", "taken"]
    account: Account
    token: str = field(default="", repr=False)


class Delivery:
    """Hands letters to the project's function, one task each; stopping waits for those that are under way.

    Args:
        send: The project's function; ``None``: there is none, and in development the token is logged instead.
        reveal: Whether it is development.
    """

    name = "auth"

    def __init__(self, send: Callable[[Letter], Awaitable[None] | None] | None, *, reveal: bool) -> None:
        self._send = send
        self._reveal = reveal
        self._under_way: set[asyncio.Task[None]] = set()

    def post(self, letter: Letter) -> None:
        """Send ``letter`` soon."""
        task = asyncio.get_running_loop().create_task(self._deliver(letter))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def start(self) -> None:
        """Nothing is opened."""

    async def stop(self) -> None:
        """Wait for what was promised."""
        await asyncio.gather(*self._under_way)

    async def ready(self) -> str | None:
        """Always."""
        return None

    async def _deliver(self, letter: Letter) -> None:
        if self._send is None:
            said = f"token {letter.token}" if self._reveal else "nobody sends it: see Accounts.deliver"
            logger.warning("a letter %r for account %s: %s", letter.kind, letter.account.id, said)
            return
        try:
            sent = self._send(letter)
            if inspect.isawaitable(sent):
                await sent
        except Exception:
            logger.exception("a letter %r for account %s was not sent", letter.kind, letter.account.id)
