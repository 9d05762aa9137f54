"""The floor: a protocol of a few lines on httptools and uvloop, whose answers are constants.

It reads requests as any server has to, and looks at nothing but the method and the first piece of the path. What it
takes is what CPython, the loop and the parser cost before a framework does anything.
"""

from __future__ import annotations

import asyncio
import sys

import httptools
import uvloop
from pydantic_core import to_json

from benchmarks.binding.cases import ORDER
from benchmarks.binding.models import ROWS, Found, Order

GREETING = "Hello, World!"


def answer(body: bytes, media_type: bytes = b"application/json", status: bytes = b"200 OK") -> bytes:
    head = b"HTTP/1.1 %b\r\nContent-Length: %d\r\nContent-Type: %b\r\n\r\n" % (status, len(body), media_type)
    return head + body


FOUND = Found(item_id=42, q="blue-shoes", limit=50, active=True)
NOT_FOUND = answer(b"", status=b"404 Not Found")
ANSWERS = {
    b"plaintext": answer(GREETING.encode(), b"text/plain; charset=utf-8"),
    b"json": answer(to_json({"message": GREETING})),
    b"items": answer(to_json(FOUND)),
    b"orders": answer(to_json(Order.model_validate(ORDER)), status=b"201 Created"),
    b"rows": answer(to_json(ROWS)),
}


class Constant(asyncio.Protocol):
    """A connection; httptools calls the methods whose names it prescribes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.url = url

    def on_message_complete(self) -> None:
        first = self.url.partition(b"?")[0].split(b"/")[1]
        self.transport.write(ANSWERS.get(first, NOT_FOUND))  # type: ignore[attr-defined] # any transport of TCP


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Constant, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
