"""Form bodies by the WHATWG's urlencoded format and RFC 7578; what is malformed is a 400, never our error."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field

from velox import File, Form, UploadFile, Velox
from velox.testing import TestClient

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=cut"


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


class Order(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=2)
    count: int = Field(default=1, alias="how-many")
    sizes: list[Size] = []


class Entry(BaseModel):
    title: str
    picture: UploadFile
    pages: list[UploadFile] = []


@pytest.fixture
async def client(make_app: Callable[..., Velox], tmp_path: Path) -> AsyncIterator[TestClient]:
    app = make_app(form_spool_bytes=100, max_form_body_bytes=10_000, max_form_parts=5)

    @app.post("/fields")
    async def fields(
        name: Annotated[str, Form()], tags: Annotated[list[str], Form("tag")], count: Annotated[int, Form()] = 1
    ) -> Any:
        return [name, tags, count]

    @app.post("/order")
    async def order(order: Annotated[Order, Form()]) -> Order:
        return order

    @app.post("/files")
    async def files(one: UploadFile, many: Annotated[list[UploadFile], File("more")] = [], q: int = 0) -> Any:  # noqa: B006
        return [[f.name, f.filename, f.content_type, f.size_bytes, (await f.read()).decode()] for f in (one, *many)]

    @app.post("/entry")
    async def entry(entry: Annotated[Entry, Form()]) -> Any:
        return [entry.title, entry.picture.filename, len(entry.pages)]

    @app.post("/small", max_body_bytes=20)
    async def small(name: Annotated[str, Form()]) -> str:
        return name

    @app.post("/keep")
    async def keep(one: UploadFile) -> Any:
        await one.save(tmp_path / "kept")
        await one.seek(1)
        first = await one.read(2)
        rest = b"".join([chunk async for chunk in one])
        return [(tmp_path / "kept").stat().st_size, first.decode(), len(rest)]

    async with TestClient(app) as client:
        yield client


async def post(client: TestClient, path: str, body: bytes, kind: str) -> Any:
    return await client.post(path, content=body, headers={"content-type": kind})


def parts(*given: tuple[str, bytes]) -> bytes:
    """A multipart body of parts, each with its Content-Disposition's parameters (or whole headers) and content."""
    made = b""
    for head, content in given:
        header = head if ":" in head else f"Content-Disposition: form-data; {head}"
        made += b"--cut\r\n" + header.encode() + b"\r\n\r\n" + content + b"\r\n"
    return made + b"--cut--\r\n"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"name=a+b%C3%A9&tag=x&tag=&count=3", URLENCODED),
        (b"name=a+b%C3%A9&tag=x&tag=&count=3", URLENCODED + "; charset=utf-8"),
        (
            parts(('name="name"', "a bé".encode()), ('name="tag"', b"x"), ('name="tag"', b""), ('name="count"', b"3")),
            MULTIPART,
        ),
        (
            parts(('name="name"', "a bé".encode()), ('name="tag"', b"x"), ('name="tag"', b""), ('name="count"', b"3")),
            'Multipart/Form-Data; Boundary="cut"',
        ),
    ],
)
async def test_fields_arrive_in_both_formats(client: TestClient, body: bytes, kind: str) -> None:
    answer = await post(client, "/fields", body, kind)
    assert (answer.status_code, answer.json()) == (200, ["a bé", ["x", ""], 3])


async def test_wrong_fields_are_pointed_at(client: TestClient) -> None:
    answer = await post(client, "/fields", b"count=x&count=y&tag=a", URLENCODED)
    found = {error["pointer"]: error["code"] for error in answer.json()["errors"]}
    assert found == {"/name": "missing", "/count": "repeated"}


async def test_a_model_is_a_group_of_fields(client: TestClient) -> None:
    answer = await post(client, "/order", b"name=ab&how-many=3&sizes=s&sizes=l", URLENCODED)
    assert answer.json() == {"name": "ab", "how-many": 3, "sizes": ["s", "l"]}
    answer = await post(client, "/order", b"name=a&how-many=x&sizes=m&other=1", URLENCODED)
    assert {error["pointer"] for error in answer.json()["errors"]} == {"/name", "/how-many", "/sizes/0", "/other"}


async def test_files_keep_their_name_and_type(client: TestClient) -> None:
    body = parts(
        ('Content-Disposition: form-data; name="one"; filename="a b.txt"\r\nContent-Type: text/plain', b"x" * 200),
        ('name="more"; filename="../../etc/passwd"', b""),
        ('name="more"; filename="c"', b"c"),
    )
    answer = await post(client, "/files?q=1", body, MULTIPART)
    octets = "application/octet-stream"
    one, *more = answer.json()
    assert one == ["one", "a b.txt", "text/plain", 200, "x" * 200]
    assert [(name, kind, size) for name, _, kind, size, _ in more] == [("more", octets, 0), ("more", octets, 1)]


async def test_files_inside_of_a_group(client: TestClient) -> None:
    body = parts(
        ('name="title"', b"t"),
        ('name="picture"; filename="p"', b"x"),
        ('name="pages"; filename="1"', b""),
        ('name="pages"; filename="2"', b""),
    )
    assert (await post(client, "/entry", body, MULTIPART)).json() == ["t", "p", 2]


@pytest.mark.parametrize("size_bytes", [10, 5000], ids=["in memory", "on disk"])
async def test_a_file_can_be_read_in_pieces_and_kept(client: TestClient, size_bytes: int) -> None:
    body = parts(('name="one"; filename="f"', b"x" * size_bytes))
    assert (await post(client, "/keep", body, MULTIPART)).json() == [size_bytes, "xx", size_bytes - 3]


MALFORMED = {
    "no boundary": (b"", "multipart/form-data"),
    "an empty boundary": (b"", "multipart/form-data; boundary="),
    "another boundary": (parts(('name="name"', b"a")), "multipart/form-data; boundary=other"),
    "nothing": (b"", MULTIPART),
    "no end": (parts(('name="name"', b"a"))[:-8], MULTIPART),
    "a part cut off": (b'--cut\r\nContent-Disposition: form-data; name="one"; filename="f"\r\n\r\nabc', MULTIPART),
    "a head cut off": (b"--cut\r\nContent-Dispo", MULTIPART),
    "no disposition": (parts(("Content-Type: text/plain", b"a")), MULTIPART),
    "a header that is none": (b"--cut\r\nnonsense\r\n\r\na\r\n--cut--\r\n", MULTIPART),
    "a field that is not UTF-8": (parts(('name="name"', b"\xff")), MULTIPART),
    "too many parts": (parts(*[('name="tag"', b"")] * 6), MULTIPART),
    "too many fields": (b"a=1&" * 6, URLENCODED),
    "fields that are not UTF-8": (b"name=\xff", URLENCODED),
    "percent-encoding that is not UTF-8": (b"name=%ff", URLENCODED),
}


@pytest.mark.parametrize(("body", "kind"), MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("path", ["/fields", "/files"])
async def test_malformed_forms_are_a_400(client: TestClient, path: str, body: bytes, kind: str) -> None:
    answer = await post(client, path, body, kind)
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("kind", ["", "application/json", "text/plain", "multipart/mixed; boundary=cut"])
async def test_any_other_media_type_is_a_415(client: TestClient, kind: str) -> None:
    answer = await post(client, "/fields", b"{}", kind)
    assert answer.status_code == 415
    assert "multipart/form-data" in answer.headers["accept"]


async def test_text_is_no_file_and_a_file_no_text(client: TestClient) -> None:
    answer = await post(client, "/files", parts(('name="one"', b"text")), MULTIPART)
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/one"]
    answer = await post(client, "/fields", parts(('name="name"; filename="f"', b""), ('name="tag"', b"")), MULTIPART)
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/name"]


@pytest.mark.parametrize("head", ['name=""', 'name="other"'])
async def test_a_part_that_nobody_asked_for_is_ignored(client: TestClient, head: str) -> None:
    body = parts((head, b"x"), ('name="name"', b"a"), ('name="tag"', b"b"))
    assert (await post(client, "/fields", body, MULTIPART)).json() == ["a", ["b"], 1]


async def test_a_route_may_have_a_limit_of_its_own(client: TestClient) -> None:
    assert (await post(client, "/small", b"name=" + b"x" * 15, URLENCODED)).status_code == 200
    answer = await post(client, "/small", b"name=" + b"x" * 16, URLENCODED)
    assert (answer.status_code, answer.json()["detail"]) == (413, "The body is larger than 20 bytes.")
