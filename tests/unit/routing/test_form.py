"""Form bodies are read as they arrive, however they are cut."""

from __future__ import annotations

from collections.abc import AsyncIterator

from velox import Settings, UploadFile, Velox
from velox.testing import TestClient

BODY = (
    b'--cut\r\nContent-Disposition: form-data; name="empty"; filename="e"\r\n\r\n\r\n'
    b'--cut\r\nContent-Disposition: form-data; name="full"; filename="f"\r\n\r\nabc\r\n--cut--\r\n'
)
HEADERS = {"Content-Type": "multipart/form-data; boundary=cut"}


def uploads() -> Velox:
    app = Velox("uploads", settings=Settings(env="test", database_url="sqlite://"))

    @app.post("/")
    async def sizes(empty: UploadFile, full: UploadFile) -> list[int]:
        return [empty.size_bytes, full.size_bytes]

    return app


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_an_empty_piece_is_not_the_end_of_the_body() -> None:
    async with TestClient(uploads()) as client:
        answer = await client.post("/", content=pieces(BODY[:90], b"", BODY[90:]), headers=HEADERS)
    assert answer.json() == [0, 3]


async def test_a_body_may_be_cut_anywhere() -> None:
    async with TestClient(uploads()) as client:
        for place in range(len(BODY)):
            answer = await client.post("/", content=pieces(BODY[:place], BODY[place:]), headers=HEADERS)
            assert answer.json() == [0, 3]


async def test_text_where_a_file_belongs_is_named() -> None:
    async with TestClient(uploads()) as client:
        answer = await client.post("/", data={"empty": "text"}, files={"full": b"abc"})
    assert answer.json()["errors"] == [{"pointer": "/empty", "message": "Input should be a file", "code": "file_type"}]
