"""``Session`` and ``Reader`` on real SQLite."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, func, text, update
from sqlalchemy.exc import DBAPIError, InvalidRequestError, MultipleResultsFound, PendingRollbackError, SAWarning

from velox.db import (
    Database,
    Field,
    Model,
    NotAwaited,
    NotLoaded,
    PageQuery,
    ReadOnly,
    Relationship,
    Session,
    col,
    select,
    selectinload,
)
from velox.db.driver import Connection
from velox.errors import Conflict, NotFound, Problem, ServiceUnavailable, ValidationProblem


class SessionTeam(Model, table=True):
    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    name: str = Field(unique=True)
    members: list[SessionMember] = Relationship(back_populates="team")


class SessionMember(Model, table=True):
    __table_args__ = (CheckConstraint("age >= 0", name="age"),)

    id: int | None = Field(default=None, primary_key=True)
    name: str
    age: int = 0
    fee: Decimal = Field(default=Decimal(0), max_digits=8, decimal_places=2)
    team_id: uuid.UUID | None = Field(default=None, foreign_key="sessionteam.id")
    team: SessionTeam | None = Relationship(back_populates="members")
    joined_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": func.now()})
    changed_at: datetime = Field(
        default_factory=lambda: datetime.now(UTC), sa_column_kwargs={"onupdate": lambda: datetime.now(UTC)}
    )


class SessionLate(Model, table=True):
    """Its reference is checked at the commit, so the commit fails."""

    id: int | None = Field(default=None, primary_key=True)
    to: int = Field(sa_column=Column(Integer, ForeignKey("sessionlate.id", deferrable=True, initially="DEFERRED")))


async def ages(stored: Database) -> list[int]:
    async with stored.reader() as db:
        return list((await db.exec(select(SessionMember.age).order_by(col(SessionMember.id)))).all())


def changed(row: Model, **values: object) -> Model:
    """``row``, with values that it would refuse when it is made."""
    for name, value in values.items():
        setattr(row, name, value)
    return row


def columns_of(row: Model) -> set[str]:
    return row.__dict__.keys() & type(row).model_fields.keys()


async def test_a_session_that_is_not_used_opens_nothing(stored: Database) -> None:
    """It costs a handler nothing to ask for one."""
    async with stored.session() as db, stored.reader():
        assert not db.in_transaction()
        async with stored.session() as other:  # the only writing connection is free
            await other.add(SessionMember(name="a"))


async def test_the_end_of_the_block_commits(every: Database) -> None:
    """Everything that was written, also what was only changed."""
    async with every.session() as db:
        member = await db.add(SessionMember(name="a"))
        member.age = 5
    assert await ages(every) == [5]


async def test_an_exception_rolls_everything_back(every: Database) -> None:
    """Also a problem, which is an answer to the client."""

    async def fail() -> None:
        async with every.session() as db:
            await db.add(SessionMember(name="a"))
            raise NotFound

    with pytest.raises(NotFound):
        await fail()
    assert await ages(every) == []


async def test_a_commit_in_the_block_stays(every: Database) -> None:
    """What comes after it is another transaction."""

    async def fail() -> None:
        async with every.session() as db:
            await db.add(SessionMember(name="a", age=1))
            await db.commit()
            await db.add(SessionMember(name="b", age=2))
            raise NotFound

    with pytest.raises(NotFound):
        await fail()
    assert await ages(every) == [1]


async def test_a_write_without_await_is_an_error_that_names_the_line(every: Database) -> None:
    """It would write nothing, and the client would hear of success."""

    async def forget() -> None:
        async with every.session() as db:
            await db.add(SessionMember(name="a"))
            db.add(SessionMember(name="b"))  # type: ignore[unused-coroutine]

    with pytest.raises(NotAwaited, match=r"test_session.py:\d+: db.add\(...\) does nothing. Write: await db.add"):
        await forget()
    assert await ages(every) == []


async def test_a_deletion_without_await_is_an_error_even_when_nothing_else_was_asked(every: Database) -> None:
    with pytest.raises(NotAwaited, match=r"await db.delete"):
        async with every.session() as db:
            db.delete(SessionMember(name="a"))  # type: ignore[unused-coroutine]


async def test_a_commit_in_the_block_refuses_what_is_not_awaited(every: Database) -> None:
    async with every.session() as db:
        db.add(SessionMember(name="a"))  # type: ignore[unused-coroutine]
        with pytest.raises(NotAwaited):
            await db.commit()


async def test_a_write_may_be_awaited_later_than_it_is_asked_for(every: Database) -> None:
    async with every.session() as db:
        later = db.add(SessionMember(name="a", age=7))
        await later
    assert await ages(every) == [7]


async def test_a_session_is_of_no_use_after_its_end(every: Database) -> None:
    """It would begin a transaction that nobody ends, and every other writer would wait for it."""
    async with every.session() as db:
        pass
    with pytest.raises(InvalidRequestError, match="permanently closed"):
        await db.add(SessionMember(name="late"))
    async with every.reader() as reader:
        pass
    with pytest.raises(InvalidRequestError, match="permanently closed"):
        await reader.exec(select(SessionMember))
    async with every.session() as db:
        await db.add(SessionMember(name="next"))


async def test_a_failing_commit_is_raised_and_leaves_nothing(every: Database) -> None:
    """Not swallowed: the client never hears of success. The connection serves the next session."""
    with pytest.raises(ValidationProblem):
        async with every.session() as db:
            await db.add(SessionLate(to=99))
    async with every.session() as db:
        assert (await db.exec(select(SessionLate))).all() == []
        await db.add(SessionMember(name="after"))
    assert await ages(every) == [0]


async def test_a_cancelled_task_rolls_back_and_returns_its_connection(every: Database) -> None:
    """In the middle of the block."""
    waiting = asyncio.Event()

    async def work() -> None:
        async with every.session() as db:
            await db.add(SessionMember(name="a"))
            waiting.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with every.session() as db:
        await db.add(SessionMember(name="b", age=7))
    assert await ages(every) == [7]


@pytest.fixture
def cancel_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """``cancel_at(3)``: cancel the task that visits the driver's thread for the third time from now."""

    def arm(visit: int) -> None:
        visits = itertools.count(1)
        run = Connection.run

        def cancelling(connection: Connection, *args: Any) -> Any:
            outcome = run(connection, *args)
            if next(visits) == visit:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            return outcome

        monkeypatch.setattr(Connection, "run", cancelling)

    return arm


async def add_two(stored: Database) -> None:
    async with stored.session() as db:
        await db.add(SessionMember(name="a", age=1))
        await db.add(SessionMember(name="b", age=2))


@pytest.mark.parametrize("isolated", [False, True])
@pytest.mark.parametrize(("visit", "found"), [(1, []), (2, []), (3, [1, 2])])
async def test_a_task_cancelled_in_a_statement_leaves_all_or_nothing(
    either: Database, cancel_at: Callable[[int], None], isolated: bool, visit: int, found: list[int]
) -> None:
    """The first INSERT, the second, the COMMIT: each ends, and then the task. The database serves on."""
    async with either.isolated() if isolated else contextlib.nullcontext():
        async with either.session() as db:
            await db.exec(select(SessionMember))
        cancel_at(visit)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.create_task(add_two(either))
        assert await ages(either) == found
        async with either.session() as db:
            await db.add(SessionMember(name="c", age=3))
        assert await ages(either) == [*found, 3]


@pytest.mark.parametrize("turns", range(0, 40, 3))
async def test_a_task_cancelled_at_any_moment_leaves_all_or_nothing(every: Database, turns: int) -> None:
    """Before, within and after each statement; and the database serves on."""
    task = asyncio.create_task(add_two(every))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await ages(every) in ([], [1, 2])
    async with every.session() as db:
        await db.add(SessionMember(name="c"))


async def test_a_forgotten_session_is_rolled_back(every: Database) -> None:
    """With SQLAlchemy's warning; and the line moves on."""

    async def forget() -> None:
        async with every.session() as db:
            await Session(db.bind).add(SessionMember(name="a", age=1))

    async def collect() -> None:
        await forget()
        gc.collect()

    with pytest.warns(SAWarning, match="garbage collector"):
        await collect()
    async with every.session() as db:
        await db.add(SessionMember(name="b", age=2))
    assert await ages(every) == [2]


async def test_fifty_sessions_that_read_and_write_one_row_lose_nothing(every: Database) -> None:
    """On SQLite by ``BEGIN IMMEDIATE`` and one fair line to the writer, on a server by the row's lock."""
    async with every.session() as db:
        member_id = (await db.add(SessionMember(name="a"))).id

    async def have_a_birthday() -> None:
        async with every.session() as db:
            member = await db.one(select(SessionMember).where(SessionMember.id == member_id), lock=True)
            await asyncio.sleep(0)
            member.age += 1

    await asyncio.gather(*(have_a_birthday() for _ in range(50)))
    assert await ages(every) == [50]


async def test_whoever_waits_longest_writes_first(database: Database) -> None:
    """Also when a newcomer asks in the moment of handing over: here the one who has just written asks again."""
    order: list[int] = []

    async def write(turn: int) -> None:
        async with database.session() as db:
            await db.exec(select(SessionMember))
            order.append(turn)

    async def write_twice(turn: int) -> None:
        await write(turn)
        await write(20 + turn)

    await asyncio.gather(*(write_twice(turn) for turn in range(20)))
    assert list(range(40)) == order


async def test_a_busy_database_is_a_503_that_says_when_to_come_back(database: Database) -> None:
    """Instead of waiting for ever: here for another connection of the same process."""
    impatient = Database(database.url, timeout_s=0.05)
    await impatient.start()
    async with database.session() as holder:
        await holder.exec(select(SessionMember))
        with pytest.raises(ServiceUnavailable, match="busy") as lock:
            async with impatient.session() as db:
                await db.exec(select(SessionMember))
    async with impatient.session() as holder:
        await holder.exec(select(SessionMember))
        with pytest.raises(ServiceUnavailable, match="busy") as line:
            async with impatient.session() as db:
                await db.exec(select(SessionMember))
    await impatient.stop()
    assert [found.value.headers["Retry-After"] for found in (lock, line)] == ["1", "1"]


async def test_an_added_row_is_complete(every: Database) -> None:
    """Keys, server defaults and all, ready to be serialised."""
    async with every.session() as db:
        member = await db.add(SessionMember(name="a", fee=Decimal("1.50")))
        assert set(SessionMember.model_fields) == columns_of(member)
    assert set(SessionMember.model_fields) == columns_of(member)
    assert member.id is not None
    assert member.joined_at is not None


async def test_a_changed_row_is_complete_after_the_commit(every: Database) -> None:
    """What the database computed (``onupdate``, an expression) is fetched with the write."""
    async with every.session() as db:
        member = await db.add(SessionMember(name="a", age=3))
        before = member.changed_at
    async with every.session() as db:
        member = await db.one(select(SessionMember))
        member.age = SessionMember.age * 2  # type: ignore[assignment, unused-ignore]
    assert set(SessionMember.model_fields) == columns_of(member)
    assert member.age == 6
    assert member.changed_at > before


async def test_the_rows_of_a_finished_session_can_be_read(stored: Database) -> None:
    """The response is built after the commit."""
    async with stored.session() as db:
        member = await db.add(SessionMember(name="a"))
    assert member.name == "a"


async def test_one_finds_the_row_or_raises_what_is_missing(stored: Database) -> None:
    """Also for several columns; two rows are a mistake."""
    async with stored.session() as db:
        await db.add(SessionMember(name="a", age=1))
        assert (await db.one(select(SessionMember).where(SessionMember.age == 1))).name == "a"
        assert tuple(await db.one(select(SessionMember.name, SessionMember.age))) == ("a", 1)
        with pytest.raises(NotFound, match="Not Found"):
            await db.one(select(SessionMember).where(SessionMember.age == 2))
        with pytest.raises(NotFound, match="nobody is 2"):
            await db.one(select(SessionMember).where(SessionMember.age == 2), missing=NotFound("nobody is 2"))
        await db.add(SessionMember(name="b"))
        with pytest.raises(MultipleResultsFound):
            await db.one(select(SessionMember))


@pytest.mark.parametrize(
    ("query", "names", "total"),
    [
        ({}, "abcde", 5),
        ({"limit": 2}, "ab", 5),
        ({"limit": 2, "offset": 4}, "e", 5),
        ({"limit": 2, "offset": 9}, "", 5),
        ({"sort": "-name", "limit": 2}, "ed", 5),
    ],
)
async def test_a_page_is_the_slice_that_was_asked_for(
    stored: Database, query: dict[str, object], names: str, total: int
) -> None:
    """With the number of rows in all."""
    async with stored.session() as db:
        for name in "bdace":
            await db.add(SessionTeam(name=name))
    async with stored.reader() as reader:
        asked = PageQuery[SessionTeam].model_validate(query)
        page = await reader.page(select(SessionTeam).order_by(SessionTeam.name), asked)
    assert (names, total) == ("".join(team.name for team in page.items), page.total)
    assert (asked.limit, asked.offset) == (page.limit, page.offset)


async def test_a_taken_value_is_a_conflict_that_names_the_field(stored: Database) -> None:
    """Unless the handler says it better."""
    async with stored.session() as db:
        await db.add(SessionTeam(name="a"))
    with pytest.raises(Conflict, match=r"^name is taken\.$") as caught:
        async with stored.session() as db:
            await db.add(SessionTeam(name="a"))
    assert [(error.pointer, error.code) for error in caught.value.errors] == [("/name", "unique")]
    with pytest.raises(Conflict, match="choose another"):
        async with stored.session() as db:
            await db.add(SessionTeam(name="a"), conflict=Conflict("choose another"))


async def test_a_conflict_that_was_swallowed_does_not_pass_for_success(stored: Database) -> None:
    """The transaction is over; a savepoint keeps the rest of it."""

    async def swallow() -> None:
        async with stored.session() as db:
            with contextlib.suppress(Conflict):
                await db.add(SessionTeam(name="a"))
            await db.exec(select(SessionTeam))

    async with stored.session() as db:
        await db.add(SessionTeam(name="a"))
    with pytest.raises(PendingRollbackError):
        await swallow()
    async with stored.session() as db:
        await db.add(SessionMember(name="m"))
        with pytest.raises(Conflict):
            async with db.begin_nested():
                await db.add(SessionTeam(name="a"))
    assert await ages(stored) == [0]


@pytest.mark.parametrize(
    ("row", "pointer", "code"),
    [
        (lambda: changed(SessionMember(name="a"), name=None), "/name", "not_null"),
        (lambda: SessionMember(name="a", age=-1), "", "check"),
        (lambda: SessionMember(name="a", team_id=uuid.UUID(int=1)), "/team_id", "foreign_key"),
    ],
)
async def test_a_row_that_breaks_a_rule_is_a_422(stored: Database, row: object, pointer: str, code: str) -> None:
    """As far as the database tells, with the field."""
    with pytest.raises(ValidationProblem) as caught:
        async with stored.session() as db:
            await db.add(row())  # type: ignore[operator]
    if code == "foreign_key" and stored.url.startswith("sqlite"):
        pointer = ""  # it does not say which
    assert [(pointer, code)] == [(error.pointer, error.code) for error in caught.value.errors]


async def test_a_row_that_others_need_is_a_conflict_to_delete(stored: Database) -> None:
    """Foreign keys are enforced."""
    async with stored.session() as db:
        team = await db.add(SessionTeam(name="a"))
        await db.add(SessionMember(name="m", team_id=team.id))
    with pytest.raises(Conflict, match="still in use"):
        async with stored.session() as db:
            await db.exec(text("DELETE FROM sessionteam"))  # type: ignore[call-overload]
    async with stored.session() as db:
        await db.delete(await db.one(select(SessionMember)))
    assert await ages(stored) == []


async def test_a_statement_of_ones_own_that_breaks_a_rule_is_a_problem_too(stored: Database) -> None:
    """Not a 500."""
    async with stored.session() as db:
        await db.add(SessionMember(name="a"))
    with pytest.raises(Problem, match="breaks a rule"):
        async with stored.session() as db:
            await db.exec(update(SessionMember).values(age=-1))


async def test_touching_what_was_not_loaded_names_the_fix(every: Database) -> None:
    """In a session, in a reader, and after both; loaded with the query it is there."""
    async with every.session() as db:
        team = await db.add(SessionTeam(name="a"))
        await db.add(SessionMember(name="m", team_id=team.id))
    async with every.session() as db:
        member = await db.one(select(SessionMember))
        with pytest.raises(NotLoaded, match=r"selectinload\(SessionMember\.team\)"):
            _ = member.team
        await db.refresh(member, ["team"])
        assert member.team is not None
    async with every.reader() as reader:
        team = await reader.one(select(SessionTeam))
        with pytest.raises(NotLoaded, match=r"SessionTeam\.members was not loaded"):
            _ = team.members
    with pytest.raises(NotLoaded):
        _ = team.members
    async with every.reader() as reader:
        loaded = await reader.one(select(SessionTeam).options(selectinload(SessionTeam.members)))  # type: ignore[arg-type]
    assert [found.name for found in loaded.members] == ["m"]


async def test_a_reader_sees_what_is_committed_and_waits_for_nobody(stored: Database) -> None:
    """While a session holds the writing connection."""
    async with stored.session() as db:
        await db.add(SessionMember(name="a", age=1))
        assert await ages(stored) == []
    assert await ages(stored) == [1]


async def test_a_reader_refuses_to_write(every: Database) -> None:
    """In every way, with the name of what does."""
    row = SessionMember(name="a")
    async with every.reader() as db:
        for attempt in (lambda: db.add(row), lambda: db.add_all([row])):
            with pytest.raises(ReadOnly, match="Ask for a Session"):
                attempt()  # type: ignore[no-untyped-call]
        for call in (db.delete(row), db.delete_all([row]), db.merge(row), db.flush(), db.commit()):
            with pytest.raises(ReadOnly):
                await call
        with pytest.raises(ReadOnly, match="change rows"):
            await db.exec(update(SessionMember).values(age=1))  # type: ignore[call-overload]


async def test_raw_sql_does_not_write_through_a_reader(every: Database) -> None:
    """The database itself refuses it; and the session next to it still writes."""
    with pytest.raises(DBAPIError, match=r"(?i)read.?only"):
        async with every.reader() as db:
            await db.exec(text("DELETE FROM sessionmember"))  # type: ignore[call-overload]
    async with every.session() as db:
        await db.add(SessionMember(name="a"))
    assert len(await ages(every)) == 1


async def test_raw_sql_does_not_write_through_a_reader_in_isolation(every: Database) -> None:
    """MariaDB cannot refuse it inside a transaction that writes; there it is undone."""
    async with every.isolated():
        async with every.session() as db:
            await db.add(SessionMember(name="a"))
        with contextlib.nullcontext() if "mariadb" in every.url else pytest.raises(DBAPIError, match=r"(?i)read.?only"):
            async with every.reader() as reader:
                await reader.exec(text("DELETE FROM sessionmember"))  # type: ignore[call-overload]
        async with every.session() as db:
            await db.add(SessionMember(name="b"))
        assert len(await ages(every)) == 2


async def test_rows_can_be_streamed(every: Database) -> None:
    """A few at a time, so that a table that does not fit into memory can be read."""
    async with every.session() as db:
        for age in range(5):
            await db.add(SessionMember(name="a", age=age))
        await db.commit()
        statement = select(SessionMember.age).order_by(col(SessionMember.id))
        written = [age async for age in await db.stream_scalars(statement)]
    async with every.reader() as reader:
        rows = await reader.stream_scalars(statement.execution_options(yield_per=2))
        read = [list(part) async for part in rows.partitions()]
    assert list(range(5)) == written
    assert read == [[0, 1], [2, 3], [4]]
    async with every.reader() as reader:
        rows = await reader.stream_scalars(statement)
        assert await anext(rows) == 0
    async with every.session() as db:
        await db.add(SessionMember(name="b"))


async def test_a_change_to_a_readers_row_is_not_lost_in_silence(stored: Database) -> None:
    """Nobody would save it."""
    async with stored.session() as db:
        await db.add(SessionMember(name="a"))
    async with stored.reader() as reader:
        row = await reader.one(select(SessionMember))
    with pytest.raises(ReadOnly, match=r"lose the change of SessionMember\.age.*Ask for a Session"):
        row.age = 5
