"""Serves the echo app with Sanic alone: ``python -m tests.conformance.http.launch 8000``."""

from __future__ import annotations

import socket
import sys

from sanic import Sanic

from tests.apps.echo import create_stock_app

__all__ = ["main"]


def main(port: int) -> None:
    """Serve on ``port`` of 127.0.0.1 until a signal."""
    app = create_stock_app()
    app.prepare(sock=socket.create_server(("127.0.0.1", port)), single_process=True, motd=False, access_log=False)
    Sanic.serve_single(primary=app)


if __name__ == "__main__":
    main(int(sys.argv[1]))
