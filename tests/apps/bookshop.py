"""The bookshop of ``acceptance/data/rich_openapi.json`` on the standard library's server: the docs page's counterpart.

Run as a script it prints its address and serves until it is ended.
"""

from __future__ import annotations

import email
import email.policy
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import parse_qs, urlsplit

from velox.routing import docspage

DOCUMENT = Path(__file__).parent.parent / "acceptance" / "data" / "rich_openapi.json"
STREAM_TIMEOUT_S = 20.0
released = Event()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the test's output is the test's."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/docs":
            return self._answer(200, "text/html; charset=utf-8", docspage.page("Docs", "/openapi.json"))
        if url.path.startswith("/docs/"):
            asset = docspage.asset(url.path.removeprefix("/docs/"))
            return self._answer(200, asset.media_type, asset.content)
        if url.path == "/broken":
            return self._answer(200, "text/html; charset=utf-8", docspage.page("Docs", "/missing.json"))
        if url.path == "/openapi.json":
            return self._answer(200, "application/json", DOCUMENT.read_bytes())
        if url.path == "/orders/events":
            return self._stream()
        if url.path == "/orders/release":
            released.set()
            return self._echo({})
        if url.path == "/orders/invoice":
            return self._answer(200, "application/pdf", b"%PDF-1.7 not really")
        if url.path == "/missing.json":
            return self._problem(404, "Not Found")
        query = parse_qs(url.query)
        if query.get("limit", ["1"])[0] == "0":
            return self._problem(422, "Validation failed")
        return self._echo({"path": url.path, "query": query})

    def do_POST(self) -> None:
        body = self._body()
        kind = self.headers.get("Content-Type", "")
        if kind.startswith("application/x-www-form-urlencoded"):
            return self._echo({"form": parse_qs(body.decode())})
        try:
            given = json.loads(body)
        except ValueError:
            return self._problem(400, "Bad Request")
        if self.path == "/books" and not given.get("title"):
            return self._problem(422, "Validation failed")
        return self._echo({"json": given}, status=201)

    def do_PUT(self) -> None:
        head = f"Content-Type: {self.headers['Content-Type']}\n\n".encode()
        form = email.message_from_bytes(head + self._body(), policy=email.policy.HTTP)
        parts: dict[str, Any] = {}
        for part in form.iter_parts():
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            name = str(part.get_param("name", header="content-disposition"))
            parts[name] = len(content) if part.get_filename() else content.decode()
        self._echo({"parts": parts})

    def do_DELETE(self) -> None:
        self.send_response(204)
        self.end_headers()

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _echo(self, answer: dict[str, Any], status: int = 200) -> None:
        names = ("Authorization", "X-API-Key", "X-Trace", "Cookie")
        sent = {name: self.headers[name] for name in names if name in self.headers}
        self._answer(status, "application/json", json.dumps({**answer, "headers": sent}).encode())

    def _problem(self, status: int, title: str) -> None:
        errors = [{"parameter": "query.limit", "message": "must be at least 1", "code": "greater_than_equal"}]
        problem = {"type": "about:blank", "title": title, "status": status, "errors": errors}
        self._answer(status, "application/problem+json", json.dumps(problem).encode())

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"data: order 1\n\n")
        released.wait(STREAM_TIMEOUT_S)  # until the test has seen the first event
        self.wfile.write(b"data: order 2\n\n")

    def _answer(self, status: int, media_type: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", docspage.CONTENT_SECURITY_POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(content)


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
