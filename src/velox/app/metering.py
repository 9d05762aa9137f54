"""``/metrics``: where the wire's figures meet the app's routes and its server's socket."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Any

from sanic import HTTPResponse, Request

from velox.errors import NotFound
from velox.http.board import Board, folder_of
from velox.http.meter import CONTENT_TYPE, Layout, Meter, exposition
from velox.routing.route import Routes
from velox.tasks.counters import NAMES, SIZE
from velox.tasks.figures import exposition as jobs_exposition

__all__ = ["Metering", "is_near_address"]

FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-real-ip")


class Metering:
    """Counts an app's requests, and shows the figures of all workers of its server.

    Args:
        app: The app; its ``meter`` is set when it starts.
        more: What else there is to show, in the same format.
    """

    name = "metrics"

    def __init__(self, app: Any, more: Callable[[], str] = str) -> None:
        self._app, self._more = app, more
        self._layout: Layout | None = None
        self._board: Board | None = None

    def mount(self, app: Routes) -> None:
        """Add ``/metrics``."""

        async def metrics(request: Request) -> HTTPResponse:
            """The figures, in Prometheus' text format."""
            if not is_near(request):
                raise NotFound
            assert self._layout is not None
            assert self._board is not None
            return HTTPResponse(await self._text(self._layout, self._board.all()), content_type=CONTENT_TYPE)

        app.get("/metrics", hidden=True, cache=False, name="metrics")(metrics)

    async def _text(self, layout: Layout, boards: Sequence[Sequence[float]]) -> str:
        text, jobs = exposition(layout, boards) + self._more(), self._app.jobs
        return text + await jobs_exposition(jobs, [board[layout.further :] for board in boards]) if jobs.tasks else text

    async def start(self) -> None:
        """Begin at 0, or where ended workers of this server have stopped."""
        app = self._app
        layout = self._layout = Layout(app.router.routes, SIZE)
        taken = next((info.settings.get("sock") for info in app.state.server_info), None)
        folder = folder_of(taken, layout.digest) if taken is not None else None
        board = self._board = Board(folder, layout.size, passing=[layout.further + NAMES.index("running")])
        app.jobs.counters.move(board.cells[layout.further :])
        meter = app.meter = Meter(layout, board.cells)
        if app.redis is not None:
            app.redis.on_outage = meter.note_redis_outage

    async def stop(self) -> None:
        """Leave the figures to the other workers."""
        self._app.meter = None
        self._app.jobs.counters.move()
        if self._app.redis is not None:
            self._app.redis.on_outage = lambda: None
        if self._board is not None:
            self._board.close()

    async def ready(self) -> None:
        """Always."""


def is_near(request: Request) -> bool:
    """Whether a request comes from this machine or a private network, and not from the internet through a proxy.

    What a scraper sees tells which paths there are and how busy they are: not for the public, and no reason for a
    password of its own either, which every scraper would have to know.
    """
    if any(name in request.headers for name in FORWARDED):
        return False
    return is_near_address(request.conn_info.client_ip if request.conn_info is not None else "")


def is_near_address(peer: str) -> bool:
    """Whether it is of this machine or a private network; nothing stands for a Unix socket."""
    try:
        return not peer or ip_address(peer.partition("%")[0]).is_private
    except ValueError:
        return False
