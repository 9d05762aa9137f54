"""``/metrics``: where the wire's figures meet the app's routes and its server's socket."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from sanic import HTTPResponse, Request

from velox.errors import NotFound
from velox.http.board import Board, folder_of
from velox.http.meter import CONTENT_TYPE, Layout, Meter, exposition
from velox.routing.route import Routes

__all__ = ["Metering"]

FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-real-ip")


class Metering:
    """Counts an app's requests, and shows the figures of all workers of its server.

    Args:
        app: The app; its ``meter`` is set when it starts.
    """

    name = "metrics"

    def __init__(self, app: Any) -> None:
        self._app = app
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
            return HTTPResponse(exposition(self._layout, self._board.all()), content_type=CONTENT_TYPE)

        app.get("/metrics", hidden=True, cache=False, name="metrics")(metrics)

    async def start(self) -> None:
        """Begin at 0, or where ended workers of this server have stopped."""
        app = self._app
        layout = self._layout = Layout(app.router.routes)
        taken = next((info.settings.get("sock") for info in app.state.server_info), None)
        folder = folder_of(taken, layout.digest) if taken is not None else None
        board = self._board = Board(folder, layout.size)
        meter = app.meter = Meter(layout, board.cells)
        if app.redis is not None:
            app.redis.on_outage = meter.note_redis_outage

    async def stop(self) -> None:
        """Leave the figures to the other workers."""
        self._app.meter = None
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
    peer = request.conn_info.client_ip if request.conn_info is not None else ""
    try:
        return not peer or ip_address(peer.partition("%")[0]).is_private
    except ValueError:
        return False
