"""RFC 6455 on the wire: our own cases, in the categories of the Autobahn test suite."""

from __future__ import annotations

import asyncio
import struct
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from sanic import Request, Sanic, Websocket

from tests.integration.http.wire.serving import WAIT_S, Client, new_app, serving
from velox.http import Budgets

TEXT, BINARY, CONT, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10
MASK = b"\x37\xfa\x21\x3d"
HANDSHAKE = (
    "GET /echo HTTP/1.1",
    "Host: a",
    "Upgrade: websocket",
    "Connection: keep-alive, Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
)
MAX_BYTES = 100_000
OPTIONS: dict[str, Any] = {"websocket_max_size": MAX_BYTES, "websocket_ping_interval": None}
GREETING = "Hello-µ@ßöäüàá-UTF-8!!"


def masked(payload: bytes) -> bytes:
    return bytes(byte ^ MASK[index % 4] for index, byte in enumerate(payload))


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, mask: bool = True) -> bytes:
    """A frame as a client has to send it, or with what is wrong in it."""
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    size, bit = len(payload), 0x80 if mask else 0
    if size < 126:
        head = struct.pack("!BB", first, bit | size)
    elif size < 65_536:
        head = struct.pack("!BBH", first, bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, bit | 127, size)
    return head + (MASK + masked(payload) if mask else payload)


def goodbye(code: int | None, reason: bytes = b"") -> bytes:
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)


class Peer:
    """A client that sends bytes and reads frames."""

    def __init__(self, client: Client, head: bytes) -> None:
        self.client = client
        self.head = head

    async def send(self, *pieces: bytes) -> None:
        await self.client.send(*pieces)

    async def read(self) -> tuple[int, bytes]:
        """The next frame: opcode (with RSV1 as 0x40) and payload; ``(-1, b"")`` at the end."""
        reader = self.client.reader
        async with asyncio.timeout(WAIT_S):
            try:
                first, second = await reader.readexactly(2)
            except (asyncio.IncompleteReadError, ConnectionResetError):
                return -1, b""
            assert first & 0x80, "a server need not fragment, and ours does not"
            assert not second & 0x80, "a server does not mask (section 5.1)"
            size = second & 0x7F
            if size == 126:
                (size,) = struct.unpack("!H", await reader.readexactly(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", await reader.readexactly(8))
            return first & 0x4F, await reader.readexactly(size)

    async def until_closed(self) -> tuple[list[tuple[int, bytes]], int | None]:
        """All frames before the end, and the code of the close frame; ``None`` for one without."""
        frames, code = [], None
        while (found := await self.read())[0] != -1:
            if found[0] == CLOSE:
                code = struct.unpack("!H", found[1][:2])[0] if found[1] else None
            else:
                frames.append(found)
        return frames, code


@pytest.fixture
def ended() -> asyncio.Event:
    """Set when the handler has gone on after its loop."""
    return asyncio.Event()


@pytest.fixture
def app(ended: asyncio.Event) -> Sanic[Any, Any]:
    app = new_app()

    @app.websocket("/echo")  # type: ignore[untyped-decorator]
    async def echo(request: Request, ws: Websocket) -> None:
        async for message in ws:
            await ws.send(message)
        await asyncio.sleep(0)
        ended.set()

    @app.websocket("/flood")  # type: ignore[untyped-decorator]
    async def flood(request: Request, ws: Websocket) -> None:
        while True:
            await ws.send(b"x" * 10_000)

    return app


@asynccontextmanager
async def peer(
    app: Sanic[Any, Any], *fields: str, budgets: Budgets | None = None, path: str = "/echo"
) -> AsyncIterator[Peer]:
    """A client after its handshake."""
    async with serving(app, budgets, **OPTIONS) as served, served.connect() as client:
        lines = [HANDSHAKE[0].replace("/echo", path), *HANDSHAKE[1:], *fields, "", ""]
        await client.send("\r\n".join(lines).encode())
        head = await client.until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        yield Peer(client, head)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 128, 65_535, 65_536, MAX_BYTES])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
async def test_1_messages_of_every_length_come_back(app: Sanic[Any, Any], opcode: int, size: int) -> None:
    """Section 5.2: the three forms of a length, also byte by byte."""
    async with peer(app) as client:
        sent = frame(opcode, b"*" * size)
        await client.send(sent)
        assert (opcode, b"*" * size) == await client.read()
        if size <= 128:
            await client.send(*(sent[at : at + 1] for at in range(len(sent))))
            assert (opcode, b"*" * size) == await client.read()


@pytest.mark.parametrize("payload", [b"", b"Hello", bytes(range(125)), b"\xfe" * 125])
async def test_2_a_ping_is_answered_with_its_payload(app: Sanic[Any, Any], payload: bytes) -> None:
    """Section 5.5.3; ten at once get ten answers in order."""
    async with peer(app) as client:
        await client.send(
            b"".join(frame(PING, payload + b"%d" % n if len(payload) < 100 else payload) for n in range(10))
        )
        for n in range(10):
            assert (PONG, payload + b"%d" % n if len(payload) < 100 else payload) == await client.read()


async def test_2_a_pong_that_nobody_asked_for_is_ignored(app: Sanic[Any, Any]) -> None:
    """Section 5.5.3: it is a heartbeat of one side."""
    async with peer(app) as client:
        await client.send(frame(PONG, b"unsolicited") + frame(TEXT, b"after"))
        assert (TEXT, b"after") == await client.read()


WRONG = {
    "2 a ping of 126 bytes": frame(PING, b"x" * 126),
    "2 a pong of 126 bytes": frame(PONG, b"x" * 126),
    "3 RSV1 without an extension": frame(TEXT, b"hello", rsv=4),
    "3 RSV2": frame(TEXT, b"hello", rsv=2),
    "3 RSV3 in a ping": frame(PING, b"hello", rsv=1),
    "3 all reserved bits in a close": frame(CLOSE, rsv=7),
    **{f"4 opcode {opcode}": frame(opcode, b"hello") for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    "5 a ping in fragments": frame(PING, b"a", fin=False) + frame(CONT, b"b"),
    "5 a close in fragments": frame(CLOSE, b"", fin=False),
    "5 a continuation of nothing": frame(CONT, b"hello"),
    "5 an open continuation of nothing": frame(CONT, b"hello", fin=False),
    "5 a message within another": frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"),
    "7 a close of one byte": frame(CLOSE, b"\x03"),
    "7 a close of 126 bytes": frame(CLOSE, struct.pack("!H", 1000) + b"x" * 124),
    "a frame without a mask": frame(TEXT, b"hello", mask=False),
}


@pytest.mark.parametrize("name", WRONG)
async def test_protocol_errors_close_with_1002(app: Sanic[Any, Any], name: str, ended: asyncio.Event) -> None:
    """Sections 5.1 to 5.5, 7.4.1: what came whole before is answered, and what comes after is not looked at."""
    async with peer(app) as client:
        await client.send(frame(TEXT, b"before"))
        assert (TEXT, b"before") == await client.read()
        await client.send(WRONG[name] + frame(TEXT, b"after"))
        assert ([], 1002) == await client.until_closed()
        async with asyncio.timeout(WAIT_S):
            await ended.wait()


async def test_5_fragments_are_one_message(app: Sanic[Any, Any]) -> None:
    """Section 5.4: in one packet or in many, with control frames in between, also empty ones."""
    pieces = [
        frame(TEXT, b"frag", fin=False),
        frame(PING, b"between"),
        frame(CONT, b"", fin=False),
        frame(PONG, b"between"),
        frame(CONT, b"ment", fin=True),
    ]
    async with peer(app) as client:
        for sent in ([b"".join(pieces)], pieces):
            await client.send(*sent)
            assert [(PONG, b"between"), (TEXT, b"fragment")] == [await client.read(), await client.read()]
        await client.send(frame(BINARY, b"a", fin=False) + frame(CONT, b"b", fin=False) * 200 + frame(CONT, b"c"))
        assert (BINARY, b"a" + b"b" * 200 + b"c") == await client.read()


VALID = ["", "a", GREETING, "κόσμε", "𐀀􏿿", "\u0000", "\ufffe\uffff", "𝄞" * 1000]
INVALID = [
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",  # a surrogate
    b"\xf4\x90\x80\x80",  # beyond U+10FFFF
    b"\xf8\x88\x80\x80\x80",  # five bytes
    b"\xc0\xaf",  # overlong
    b"\xe0\x80\x80",
    b"\x80",  # a continuation of nothing
    b"\xce",  # a beginning of nothing
    b"\xff",
    b"caf\xe9",
]


@pytest.mark.parametrize("text", VALID)
async def test_6_text_of_every_kind_comes_back(app: Sanic[Any, Any], text: str) -> None:
    """Section 5.6: whole, and with a fragment for each byte."""
    payload = text.encode()
    async with peer(app) as client:
        await client.send(frame(TEXT, payload))
        assert (TEXT, payload) == await client.read()
        if 1 < len(payload) < 100:
            middle = b"".join(frame(CONT, payload[at : at + 1], fin=False) for at in range(1, len(payload) - 1))
            await client.send(frame(TEXT, payload[:1], fin=False) + middle + frame(CONT, payload[-1:]))
            assert (TEXT, payload) == await client.read()


@pytest.mark.parametrize("payload", INVALID)
@pytest.mark.parametrize("at", [None, 1], ids=["whole", "in fragments"])
async def test_6_text_that_is_not_utf_8_closes_with_1007(app: Sanic[Any, Any], payload: bytes, at: int | None) -> None:
    """Section 8.1."""
    whole = frame(TEXT, payload)
    async with peer(app) as client:
        await client.send(whole if at is None else frame(TEXT, payload[:at], fin=False) + frame(CONT, payload[at:]))
        await client.send(frame(TEXT, b"after"))
        assert ([], 1007) == await client.until_closed()


async def test_6_text_that_cannot_become_utf_8_is_refused_before_its_end(app: Sanic[Any, Any]) -> None:
    """Fail fast: the message is not waited for."""
    async with peer(app) as client:
        await client.send(frame(TEXT, b"caf\xe9 ", fin=False))
        assert ([], 1007) == await client.until_closed()


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999])
async def test_7_a_close_is_answered_with_its_code(app: Sanic[Any, Any], code: int, ended: asyncio.Event) -> None:
    """Section 7.4: and the handler goes on after its loop."""
    async with peer(app) as client:
        await client.send(goodbye(code, "größer".encode()) + frame(TEXT, b"after"))
        assert ([], code) == await client.until_closed()
        async with asyncio.timeout(WAIT_S):
            await ended.wait()


async def test_7_a_close_without_a_code_is_answered(app: Sanic[Any, Any], ended: asyncio.Event) -> None:
    """Section 7.1.5."""
    async with peer(app) as client:
        await client.send(goodbye(None) + frame(TEXT, b"after"))
        assert ([], None) == await client.until_closed()
        async with asyncio.timeout(WAIT_S):
            await ended.wait()


async def test_7_a_message_right_before_a_close_reaches_the_handler() -> None:
    """In one packet, so that the connection is closing before the handler has seen the message."""
    app, seen = new_app(), asyncio.Queue[object]()

    @app.websocket("/echo")  # type: ignore[untyped-decorator]
    async def note(request: Request, ws: Websocket) -> None:
        async for message in ws:
            seen.put_nowait(message)
        seen.put_nowait(None)

    async with peer(app) as client:
        await client.send(frame(TEXT, b"one") + frame(BINARY, b"two") + goodbye(1000))
        async with asyncio.timeout(WAIT_S):
            assert ["one", b"two", None] == [await seen.get() for _ in range(3)]


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65_535])
async def test_7_a_close_with_a_code_that_is_none_closes_with_1002(app: Sanic[Any, Any], code: int) -> None:
    """Section 7.4.2."""
    async with peer(app) as client:
        await client.send(goodbye(code))
        assert ([], 1002) == await client.until_closed()


async def test_7_a_reason_that_is_not_utf_8_closes_with_1007(app: Sanic[Any, Any]) -> None:
    """Section 5.5.1, 8.1."""
    async with peer(app) as client:
        await client.send(goodbye(1000, b"caf\xe9"))
        assert ([], 1007) == await client.until_closed()


async def test_7_a_client_that_is_gone_ends_the_loop(app: Sanic[Any, Any], ended: asyncio.Event) -> None:
    """Without a goodbye, by a reset."""
    async with peer(app) as client:
        await client.send(frame(TEXT, b"before"))
        await client.read()
        client.client.writer.transport.abort()
        async with asyncio.timeout(WAIT_S):
            await ended.wait()


@pytest.mark.parametrize("ends", [True, False], ids=["that ends", "that does not end"])
async def test_7_a_handler_has_time_after_the_connection(ends: bool) -> None:
    """The last message is worked off though its client has gone; for ever it is not waited for."""
    app, seen = new_app(), asyncio.Queue[str]()

    @app.websocket("/echo")  # type: ignore[untyped-decorator]
    async def slow(request: Request, ws: Websocket) -> None:
        ws.close_timeout = 0.2
        try:
            async for message in ws:
                seen.put_nowait("began")
                await (asyncio.sleep(0.05) if ends else asyncio.Event().wait())
                seen.put_nowait(f"saved {message}")
        except asyncio.CancelledError:
            seen.put_nowait("cancelled")
            raise

    async with peer(app) as client:
        await client.send(frame(TEXT, b"this"))
        async with asyncio.timeout(WAIT_S):
            assert "began" == await seen.get()
            client.client.writer.transport.abort()
            assert ("saved this" if ends else "cancelled") == await seen.get()


@pytest.mark.parametrize(
    "sent",
    [
        frame(BINARY, b"x" * (MAX_BYTES + 1)),
        frame(BINARY, b"x" * MAX_BYTES, fin=False) + frame(CONT, b"x"),
        struct.pack("!BBQ", 0x82, 0xFF, 2**62) + MASK,
    ],
    ids=["whole", "in fragments", "announced"],
)
async def test_9_a_message_over_its_limit_closes_with_1009(app: Sanic[Any, Any], sent: bytes) -> None:
    """Section 7.4.1: by its length, before its bytes."""
    async with peer(app) as client:
        await client.send(sent)
        assert ([], 1009) == await client.until_closed()


async def test_9_a_client_that_sends_too_many_frames_waits(app: Sanic[Any, Any]) -> None:
    """Nothing is lost and nothing closed: it is read only so fast, pings too."""
    async with peer(app, budgets=Budgets(websocket_frames_per_s=100)) as client:
        began_s = time.monotonic()
        await client.send(frame(PING, b"p") * 140)
        assert [(PONG, b"p")] * 140 == [await client.read() for _ in range(140)]
        await client.send(*[frame(TEXT, b"%d" % n) for n in range(40)])
        assert [(TEXT, b"%d" % n) for n in range(40)] == [await client.read() for _ in range(40)]
        assert time.monotonic() - began_s > 0.25


async def test_a_client_that_reads_nothing_is_cut(app: Sanic[Any, Any]) -> None:
    """With no more of what waits for it kept than the buffer's size and one message."""
    budgets = Budgets(write_stall_s=0.3)
    async with serving(app, budgets, **OPTIONS) as served, served.connect() as client:
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await client.send("\r\n".join([HANDSHAKE[0].replace("/echo", "/flood"), *HANDSHAKE[1:], "", ""]).encode())
        async with asyncio.timeout(WAIT_S):
            while not served.connections:  # noqa: ASYNC110 - the protocol has no event for it
                await asyncio.sleep(0)
            (connection,) = served.connections
            while served.connections:
                assert connection.transport.get_write_buffer_size() < budgets.write_buffer_bytes + 20_000
                await asyncio.sleep(0.01)


COMPRESSING = replace(Budgets(), websocket_compression=True)
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"


def deflated(payload: bytes) -> bytes:
    """A message's payload as RFC 7692, section 7.2.1 has it."""
    machine = zlib.compressobj(wbits=-12)
    return (machine.compress(payload) + machine.flush(zlib.Z_SYNC_FLUSH))[:-4]


async def test_12_compressed_messages_come_back_compressed(app: Sanic[Any, Any]) -> None:
    """RFC 7692: negotiated with small windows; a message that is not compressed is fine too."""
    async with peer(app, DEFLATE, budgets=COMPRESSING) as client:
        assert b"permessage-deflate; server_max_window_bits=12; client_max_window_bits=12" in client.head
        await client.send(frame(TEXT, deflated(GREETING.encode() * 100), rsv=4))
        opcode, payload = await client.read()
        assert 0x40 | TEXT == opcode
        assert len(payload) < 200
        assert GREETING.encode() * 100 == zlib.decompressobj(wbits=-12).decompress(payload + b"\0\0\xff\xff")
        await client.send(frame(TEXT, b"plain"))
        assert 0x40 | TEXT == (await client.read())[0]


async def test_12_a_message_that_is_too_large_once_decompressed_closes_with_1009(app: Sanic[Any, Any]) -> None:
    """The limit is the message's, not the frame's."""
    async with peer(app, DEFLATE, budgets=COMPRESSING) as client:
        await client.send(frame(TEXT, deflated(b"x" * (MAX_BYTES + 1)), rsv=4))
        assert ([], 1009) == await client.until_closed()


async def test_12_text_that_is_not_utf_8_once_decompressed_closes_with_1007(app: Sanic[Any, Any]) -> None:
    async with peer(app, DEFLATE, budgets=COMPRESSING) as client:
        await client.send(frame(TEXT, deflated(b"caf\xe9"), rsv=4))
        assert ([], 1007) == await client.until_closed()


async def test_12_what_does_not_decompress_closes_with_1002(app: Sanic[Any, Any]) -> None:
    async with peer(app, DEFLATE, budgets=COMPRESSING) as client:
        await client.send(frame(BINARY, b"\xff\xff\xff\xff", rsv=4))
        frames, code = await client.until_closed()
        assert [] == frames
        assert code in (1002, 1007)


async def test_12_compression_is_off_unless_it_is_wanted(app: Sanic[Any, Any]) -> None:
    async with peer(app, DEFLATE) as client:
        assert b"extensions" not in client.head.lower()


async def test_the_answer_to_a_handshake_has_date_and_server(app: Sanic[Any, Any]) -> None:
    """As every answer; each once."""
    async with peer(app) as client:
        assert (1, 1) == (client.head.count(b"\r\nDate: "), client.head.count(b"\r\nServer: velox\r\n"))
