"""How a server stops without losing a request.

serving ──asked──▶ leaving ──settled──▶ closed ──idle or cut──▶ stopped

serving   It accepts connections and keeps them alive.
leaving   ``/health/ready`` says 503 and every response ``Connection: close``. It still accepts: a client whose
          handshake is under way does not know better yet.
closed    It accepts no more, after it took over everything that the kernel had accepted. Requests in flight finish.
stopped   No connection is left; what was not done after the grace period was cut.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

__all__ = ["NEXT", "Drain", "Stage", "Timing"]


class Stage(Enum):
    """Where a server is on its way to its end."""

    SERVING = "serving"
    LEAVING = "leaving"
    CLOSED = "closed"
    STOPPED = "stopped"


NEXT: Mapping[tuple[Stage, str], Stage] = {
    (Stage.SERVING, "asked"): Stage.LEAVING,
    (Stage.LEAVING, "settled"): Stage.CLOSED,
    (Stage.CLOSED, "idle"): Stage.STOPPED,
    (Stage.CLOSED, "cut"): Stage.STOPPED,
}
"""What happens in which stage, and the stage that follows."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long the stages take, in seconds.

    Attributes:
        grace_s: From being asked until requests in flight are cut; 0 cuts at once.
        settle_s: How long it goes on accepting. It has to cover a handshake's round trip; where load balancers take
            seconds to see ``/health/ready``, it should be longer than that.
        idle_s: How long a connection that is kept alive may still bring a request, whose response then closes it. A
            client learns of a close only after the fact, so closing one that is in use loses a request.
    """

    grace_s: float = 30.0
    settle_s: float = 0.1
    idle_s: float = 1.0


class Drain:
    """What connections look at: they get it as Sanic's ``signal`` argument.

    Attributes:
        stage: The stage of the moment.
        draining: Whether every response has to say ``Connection: close``, and its connection to close after it.
        stopped: The same by the name that Sanic's own ``Signal`` has for it.
    """

    __slots__ = ("draining", "stage", "stopped")

    def __init__(self) -> None:
        self.stage = Stage.SERVING
        self.draining = self.stopped = False

    def go_on(self, event: str) -> None:
        """Take the step that ``event`` means in this stage. Raises KeyError when it means nothing here."""
        self.stage = NEXT[self.stage, event]
        self.draining = self.stopped = True
