"""The text/event-stream format (WHATWG HTML, section 9.2.6), and when a comment keeps a connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated, Any

import pytest
from pydantic_core import to_json

from velox import ConfigurationError, EventStream, JsonLines, ServerSentEvent
from velox.routing import stream
from velox.routing.stream import MediaType, event_bytes, kept_alive, plain_bytes, stream_of


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ({"a": 1}, 'data: {"a":1}\n\n'),
        ("plain", "data: plain\n\n"),
        ("", "data: \n\n"),
        ("one\ntwo\r\nthree\rfour\n", "data: one\ndata: two\ndata: three\ndata: four\ndata: \n\n"),
        ("data: x\n\nevent: evil", "data: data: x\ndata: \ndata: event: evil\n\n"),
        (ServerSentEvent(1, event="n", id="7", retry_ms=5), "event: n\nid: 7\nretry: 5\ndata: 1\n\n"),
        (ServerSentEvent("x", event="a\nid: 1", id="b\r\nc\0"), "event: a id: 1\nid: b  c\ndata: x\n\n"),
        (ServerSentEvent(None), "data: null\n\n"),
    ],
)
def test_an_event_cannot_become_two(item: Any, text: str) -> None:
    assert event_bytes(item, to_json).decode() == text


def test_plain_items_are_bytes_or_text() -> None:
    assert [plain_bytes(item) for item in ("é", b"\xff", bytearray(b"a"), memoryview(b"b"))] == [
        "é".encode(),
        b"\xff",
        b"a",
        b"b",
    ]
    with pytest.raises(TypeError, match="int was yielded"):
        plain_bytes(3)


@pytest.mark.parametrize(
    ("annotation", "media_type"),
    [
        (EventStream[int], "text/event-stream"),
        (JsonLines[int], "application/jsonl"),
        (AsyncIterator[str], "text/plain; charset=utf-8"),
        (AsyncIterator[bytes], "application/octet-stream"),
        (Annotated[AsyncIterator[str], MediaType("text/csv")], "text/csv"),
        (AsyncGenerator[bytes, None], "application/octet-stream"),
    ],
    ids=str,
)
def test_the_annotation_names_the_stream(annotation: Any, media_type: str) -> None:
    found = stream_of(annotation)
    assert found is not None
    assert found.media_type == media_type


@pytest.mark.parametrize("annotation", [int, list[int], None, dict[str, Any]], ids=str)
def test_anything_else_is_no_stream(annotation: Any) -> None:
    assert stream_of(annotation) is None


@pytest.mark.parametrize("annotation", [AsyncIterator, AsyncIterator[int], AsyncIterator[Any]], ids=str)
def test_a_plain_stream_of_other_things_is_a_mistake(annotation: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"VX202 app.py:1: f: .*bytes or str"):
        stream_of(annotation, "app.py:1: f")


async def test_a_comment_is_sent_only_when_nothing_else_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "KEEP_ALIVE_S", 0.02)
    sent: list[bytes] = []
    silent = asyncio.Event()

    async def send(piece: bytes) -> None:
        sent.append(piece)
        if piece == b":\n\n":
            silent.set()

    async with kept_alive(send, b":\n\n") as send_and_note:
        for _ in range(20):
            await send_and_note(b"x")
        assert sent == [b"x"] * 20
        await silent.wait()
    ended = len(sent)
    await asyncio.to_thread(lambda: None)
    assert len(sent) == ended


async def test_a_stream_without_comments_sends_straight() -> None:
    sent: list[bytes] = []

    async def send(piece: bytes) -> None:
        sent.append(piece)

    async with kept_alive(send, b"") as straight:
        assert straight is send
