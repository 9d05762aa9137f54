"""``Reader.json``: what is asked of the database, what a handler answers, and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import pytest
from pydantic import TypeAdapter
from sqlalchemy import event
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import aliased
from sqlmodel import bindparam

from velox import Settings, Velox
from velox.db import Database, Field, Json, Model, Public, Reader, SoftDelete, col, select
from velox.errors import ConfigurationError
from velox.routing.result import InvalidResult, ResultEncoder
from velox.testing import TestClient

pytestmark = pytest.mark.anyio


class EncodedColour(Enum):
    RED = "r"
    BLUE = "b"


class EncodedRow(SoftDelete, table=True):
    id: int | None = Field(default=None, primary_key=True)
    text: str | None = Field(default=None, max_length=20)
    whole: int | None = None
    ratio: float | None = None
    yes: bool | None = None
    colour: EncodedColour | None = None
    money: Decimal | None = Field(default=None, max_digits=12, decimal_places=2)
    at: datetime | None = None
    day: date | None = None
    hour: time | None = None
    took: timedelta | None = None
    blob: bytes | None = None
    key: UUID | None = None
    tags: list[date] | None = None
    extra: dict[str, Any] | None = None
    secret: str = Field(default="hidden", max_length=20, private=True)


class EncodedAnimal(Model, table=True):
    """One table for several classes."""

    __mapper_args__: ClassVar[Any] = {"polymorphic_on": "kind", "polymorphic_identity": "animal"}
    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(default="animal", max_length=20)
    secret: str = Field(default="hidden", max_length=20, private=True)


class EncodedKeyless(Model, table=True):
    """Its primary key is nobody's business."""

    id: int | None = Field(default=None, primary_key=True, private=True)
    name: str = Field(max_length=20)


def rows() -> list[Any]:
    full = EncodedRow(
        id=1,
        text='wörd "%\n',
        whole=2**53 + 1,
        ratio=1e16,
        yes=True,
        colour=EncodedColour.BLUE,
        money=Decimal("3.10"),
        at=datetime(2001, 2, 3, 4, 5, 6, 789000, UTC),
        day=date(2001, 2, 3),
        hour=time(4, 5, 6, 7),
        took=timedelta(days=1, microseconds=2),
        blob=b"\x00\xff",
        key=UUID(int=7),
        tags=[date(2001, 2, 3)],
        extra={"a": None, "ä": [1, True, 0.5]},
    )
    gone = EncodedRow(id=3, deleted_at=datetime(2001, 2, 3, tzinfo=UTC))
    return [full, EncodedRow(id=2), gone, EncodedAnimal(id=1), EncodedKeyless(name="a"), EncodedKeyless(name="a")]


Other = aliased(EncodedRow)
STATEMENTS: list[tuple[Any, Any]] = [
    (select(EncodedRow).order_by(col(EncodedRow.id)), Public[EncodedRow]),
    (select(EncodedRow).where(EncodedRow.secret == "hidden").order_by(col(EncodedRow.id)).limit(1), Public[EncodedRow]),
    (select(EncodedRow).order_by(col(EncodedRow.id)).execution_options(the_ordinary_way=True), Public[EncodedRow]),
    (select(Other).order_by(col(Other.id).desc()), Public[EncodedRow]),
    (select(EncodedAnimal).distinct().order_by(col(EncodedAnimal.id)), Public[EncodedAnimal]),
    (select(EncodedRow).where(col(EncodedRow.id) > 5), Public[EncodedRow]),
    (select(EncodedAnimal), Public[EncodedAnimal]),
    (select(EncodedKeyless), Public[EncodedKeyless]),
]


async def test_the_json_is_that_of_the_models_on_every_database(every: Database) -> None:
    """Byte for byte, for every type of column, the fast way and SQLAlchemy's own."""
    async with every.session() as db:
        db.sync_session.add_all(rows())
    for statement, schema in STATEMENTS:
        models: TypeAdapter[Any] = TypeAdapter(list[schema])  # type: ignore[valid-type]
        async with every.reader() as reader:
            read = models.validate_python(list(await reader.exec(statement)), from_attributes=True)
            assert models.dump_json(read, by_alias=True) == await reader.json(statement, schema)


async def test_no_column_is_read_that_the_schema_does_not_show(database: Database) -> None:
    """Neither the fast way nor SQLAlchemy's own selects a private column; a condition may name one."""
    await database.create_tables()
    said: list[str] = []
    engine = database._open().read.sync_engine
    lane = database._open().reading
    lane._inline = None  # the pool's connections have events
    event.listen(engine, "before_cursor_execute", lambda *args: said.append(args[2]))
    async with database.reader() as reader:
        for statement, schema in STATEMENTS:
            await reader.json(statement, schema)
    selected = [one.partition("FROM")[0] for one in said]
    assert len(selected) == len(STATEMENTS)
    assert [one for one in selected if "secret" in one or "id" in one.partition("encodedkeyless")[2]] == []


async def test_a_handler_sends_it_as_it_is_and_documents_what_it_holds(tmp_path: Path) -> None:
    """As JSON, in the same bytes as the list of models has, of the same schema."""
    app = Velox("encoded", settings=Settings(env="test", database_url=f"sqlite:///{tmp_path}/a.db", create_tables=True))
    by_text = select(EncodedRow).where(EncodedRow.text == bindparam("text"))

    @app.get("/models")
    async def models(text: str, db: Reader) -> list[Public[EncodedRow]]:
        return await db.exec(by_text, params={"text": text})

    @app.get("/json")
    async def encoded(text: str, db: Reader) -> Json[list[Public[EncodedRow]]]:
        return await db.json(by_text, Public[EncodedRow], params={"text": text})

    async with TestClient(app) as client:
        async with app.database.session() as db:
            db.sync_session.add_all([EncodedRow(text="a", ratio=0.5), EncodedRow(text="b")])
        first, second = await client.get("/models?text=a"), await client.get("/json?text=a")
        document = (await client.get("/openapi.json")).json()
    assert (second.status_code, second.headers["content-type"]) == (200, "application/json")
    assert second.content == first.content
    assert second.json()[0]["ratio"] == 0.5
    answers = [document["paths"][path]["get"]["responses"]["200"]["content"] for path in ("/models", "/json")]
    assert answers[0] == answers[1]
    assert answers[1]["application/json"]["schema"]["items"] == {"$ref": "#/components/schemas/EncodedRowPublic"}


def test_a_handler_cannot_send_json_of_another_type() -> None:
    """It would be something else than the documentation says."""
    encoder = ResultEncoder(Json[list[int]], status=200, validate=False, where="here")
    assert encoder.respond(Json.of(list[int], b"[1]")).body == b"[1]"
    assert encoder.respond([2]).body == b"[2]"
    with pytest.raises(InvalidResult, match=r"here: .*list\[str\]"):
        encoder.respond(Json.of(list[str], b'["a"]'))


@pytest.mark.parametrize(
    ("statement", "schema", "said"),
    [
        (select(EncodedRow.id), Public[EncodedRow], "selects something else"),
        (select(EncodedAnimal), Public[EncodedRow], "selects something else"),
        (select(EncodedRow), EncodedRow, "not Public"),
        (select(EncodedKeyless).distinct(), Public[EncodedKeyless], "hides the primary key"),
    ],
)
async def test_what_would_be_a_wrong_answer_is_refused(
    database: Database, statement: Any, schema: Any, said: str
) -> None:
    """With what to do about it."""
    async with database.reader() as reader:
        with pytest.raises(ConfigurationError, match=f"VX403 .*{said}"):
            await reader.json(statement, schema)


async def test_a_row_that_is_not_there_is_not_shown_as_one(database: Database) -> None:
    """An outer join answers None where a list of rows was promised."""
    await database.create_tables()
    missing = (
        select(EncodedRow).select_from(EncodedAnimal).outerjoin(EncodedRow, col(EncodedAnimal.id) == col(EncodedRow.id))
    )
    async with database.session() as db:
        await db.add(EncodedAnimal(id=7))
    async with database.reader() as reader:
        assert list(await reader.exec(missing)) == [None]
        with pytest.raises(InvalidRequestError, match="outer join"):
            await reader.json(missing, Public[EncodedRow])
