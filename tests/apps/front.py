"""An app that shows what it knows of its clients, and serves a folder.

Run it with ``python -m tests.apps.front PORT PROTOCOL FOLDER``.
"""

from __future__ import annotations

import socket
import ssl
import sys
from pathlib import Path
from typing import Any

from sanic import HTTPResponse, Request, Sanic
from sanic.response import text

from velox import Settings, Velox

__all__ = ["create_app", "main"]


def create_app(folder: Path, settings: Settings | None = None) -> Velox:
    app = Velox("front", settings or Settings(docs=False))

    @app.get("/who")
    async def who(request: Request) -> dict[str, Any]:
        return {
            "ip": request.ip,
            "remote_addr": request.remote_addr,
            "client_ip": request.client_ip,
            "scheme": request.scheme,
            "host": request.host,
        }

    @app.get("/own")
    async def own(request: Request) -> HTTPResponse:
        return text("mine", headers={"x-frame-options": "SAMEORIGIN", "strict-transport-security": "max-age=1"})

    @app.get("/pieces")
    async def pieces(request: Request) -> HTTPResponse:
        response: HTTPResponse = await request.respond(headers={"Referrer-Policy": "no-referrer"})
        await response.send("a")
        await response.send("b", True)
        return response

    @app.get("/fail")
    async def fail(request: Request) -> None:
        raise RuntimeError("on purpose")

    app.static("/static", folder, name="files", index="index.html")
    app.static("/bare", folder, name="bare")
    app.static("/one.txt", folder / "hello.txt", name="one")
    return app


def main(port: int, protocol: str, folder: Path) -> None:
    """Serve until a signal.

    Args:
        port: Where, on 127.0.0.1.
        protocol: ``velox``, ``sanic``, or ``tls``: Velox's, with ``cert.pem`` and ``key.pem`` of the folder above.
        folder: Whose files to serve.
    """
    from velox.http import VeloxProtocol

    app = create_app(folder)
    context = None
    if protocol == "tls":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder.parent / "cert.pem", folder.parent / "key.pem")
    taken = socket.create_server(("127.0.0.1", port))
    chosen = None if protocol == "sanic" else VeloxProtocol
    app.prepare(sock=taken, single_process=True, motd=False, access_log=False, ssl=context, protocol=chosen)
    Sanic.serve_single(primary=app)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
