"""The handlers in raw Sanic, written by hand to do what Velox does: see ``benchmarks.binding.on_sanic``."""

from __future__ import annotations

import sys

from pydantic_core import to_json
from sanic import Request
from sanic.response import HTTPResponse, text

from benchmarks.binding.on_sanic import app

GREETING = "Hello, World!"


@app.get("/plaintext")
async def plaintext(request: Request) -> HTTPResponse:
    return text(GREETING)


@app.get("/json")
async def greet(request: Request) -> HTTPResponse:
    return HTTPResponse(to_json({"message": GREETING}), content_type="application/json")


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(sys.argv[1]), single_process=True, access_log=False, motd=False)
