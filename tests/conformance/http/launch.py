"""Serves the echo app on a port: ``python -m tests.conformance.http.launch velox 8000``."""

from __future__ import annotations

import socket
import sys

from sanic import Sanic

from tests.apps.echo import create_app, create_stock_app
from velox.http import VeloxProtocol

__all__ = ["main"]


def main(kind: str, port: int) -> None:
    """Serve until a signal.

    Args:
        kind: ``velox``: an app of ours under our protocol. ``sanic``: a stock app under the stock one.
        port: Where, on 127.0.0.1.
    """
    taken = socket.create_server(("127.0.0.1", port))
    if kind == "velox":
        app = create_app()
        app.prepare(sock=taken, single_process=True, motd=False, access_log=False, protocol=VeloxProtocol)
    else:
        app = create_stock_app()
        app.prepare(sock=taken, single_process=True, motd=False, access_log=False)
    Sanic.serve_single(primary=app)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
