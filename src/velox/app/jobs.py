"""What the post needs of the other rooms: connections of the database, and how a task is read and called."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from velox.errors import ConfigurationError
from velox.location import location_of
from velox.routing.annotation import base_type, type_hints
from velox.routing.markers import Provide
from velox.routing.plan import Parameter, ProviderPlan, Source
from velox.routing.provider import Providers, provided_type
from velox.routing.scope import Scope
from velox.routing.signature import SignatureReader
from velox.settings import Settings
from velox.tasks.job import Attempt
from velox.tasks.parameters import Plan, Signature
from velox.tasks.post import Post, Rules
from velox.tasks.recorded import Recorder
from velox.tasks.task import Task

if TYPE_CHECKING:
    from velox.db import Database, Session
    from velox.db.engine import Notifier
    from velox.tasks.engine import Engine
    from velox.tasks.sql.connections import Connection, Connections
    from velox.tasks.sql.store import Store

__all__ = ["DatabaseConnections", "TaskCallings", "furnish", "joined_by_jobs", "open_session", "rules_of"]


@dataclass(slots=True, eq=False)
class OpenSession:
    """A Session, and whether it is still open: a background task that a handler started may live longer."""

    session: Session
    is_open: bool = True


OPEN_SESSION: ContextVar[OpenSession | None] = ContextVar("velox_open_session", default=None)
"""The Session that a request or a job has open: what is enqueued meanwhile belongs to its transaction."""


@contextmanager
def joined_by_jobs(session: Session) -> Iterator[None]:
    """What is enqueued in the block belongs to the transaction of ``session``."""
    outer, opened = OPEN_SESSION.get(), OpenSession(session)
    OPEN_SESSION.set(opened)
    try:
        yield
    finally:
        opened.is_open = False
        OPEN_SESSION.set(outer)


def open_session() -> Session | None:
    """The Session that the request or job has open."""
    opened = OPEN_SESSION.get()
    return opened.session if opened is not None and opened.is_open else None


class DatabaseConnections:
    """The app's database, as the post sees it.

    Attributes:
        before_use: Awaited before each use. For tests, whose session has to let go of the database first.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.before_use: Callable[[], Awaitable[None]] | None = None

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Connection]:
        if self.before_use is not None:
            await self.before_use()
        async with self._database.session() as session:
            yield await session.connection()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        if self.before_use is not None:
            await self.before_use()
        async with self._database.connection() as connection:
            yield connection

    @property
    def can_notify(self) -> bool:
        # Not in a test's own transaction: it never commits, and belongs to the test alone.
        return self.before_use is None and self._database.engine.notifier is not None

    async def notify(self, channel: str) -> None:
        async with self._database.connection() as connection:
            await self._notifier().notify(connection, channel)

    def listening(self, channel: str, heard: Callable[[], object]) -> AbstractAsyncContextManager[asyncio.Event]:
        return self._notifier().listening(channel, heard)

    def _notifier(self) -> Notifier:
        notifier = self._database.engine.notifier
        assert notifier is not None  # can_notify
        return notifier

    async def joined(self) -> Connection | None:
        session = open_session()
        return await session.connection() if session is not None else None


class TaskCallings:
    """Reads tasks' signatures, and calls tasks with what they need.

    Args:
        providers: The app's providers.
        app_scope: Where what is made once per worker is kept.
    """

    def __init__(self, providers: Providers, app_scope: Scope) -> None:
        self._providers = providers
        self._app_scope = app_scope

    def read(self, task: Task[..., Any, Any]) -> Signature:
        reader = SignatureReader((), (), self._providers)
        hints = type_hints(task.fn)
        inputs: dict[str, Any] = {}
        plans: dict[str, ProviderPlan] = {}
        attempt: set[str] = set()
        for parameter in inspect.signature(task.fn).parameters.values():
            name, where = parameter.name, f"{location_of(task.fn)}: parameter {parameter.name!r} of the task"
            annotation = annotation_of(where, parameter, hints)
            if base_type(annotation) is Attempt:
                attempt.add(name)
            elif (provider := find_provider(reader, where, annotation)) is not None:
                plans[name] = reader.provider_plan(*provider)
                check_provider(where, plans[name])
            else:
                check_input(where, base_type(annotation))
                inputs[name] = annotation
        check_schedule(task, inputs)
        returns = hints.get("return", inspect.Signature.empty)
        has_session = any(map(makes_session, plans.values()))
        return Signature(inputs, frozenset(plans), frozenset(attempt), returns, has_session, plans)

    async def call(
        self,
        task: Task[..., Any, Any],
        plan: Plan,
        arguments: dict[str, Any],
        attempt: Attempt,
        before_commit: Callable[[Any], Awaitable[None]],
    ) -> Any:
        scope = Scope(self._app_scope)
        try:
            for name, provider in plan.signature.providers.items():
                arguments[name] = await scope.get(provider, None, {})
            arguments |= dict.fromkeys(plan.signature.attempt, attempt)
            if inspect.iscoroutinefunction(task.fn):
                result = await task.fn(**arguments)
            else:
                result = await asyncio.to_thread(task.fn, **arguments)
            session = open_session()
            if plan.signature.has_session and session is not None:
                await before_commit(await session.connection())
        except BaseException as error:
            await scope.close(error)
            raise
        await scope.close()
        return result


def furnish(post: Post, database: Database, queue_url: str, name: str) -> None:
    """Give the post its tables and its queue. Called once it has a task: an app without tasks needs no tables.

    Raises:
        ConfigurationError: VX302, ``queue_url`` names no queue; VX701, the package for it is missing.
    """
    from velox.db import Model
    from velox.tasks.sql.batch import Batch
    from velox.tasks.sql.store import Store
    from velox.tasks.sql.table import tables_in

    connections = DatabaseConnections(database)
    store = Store(tables_in(Model.metadata), post.rules.keep_s)
    post.use(connections, store, Batch(connections, store), make_engine(post, connections, store, queue_url, name))


def make_engine(post: Post, connections: Connections, store: Store, queue_url: str, name: str) -> Engine:
    """The queue that ``queue_url`` names."""
    rules, recorder = post.rules, Recorder(connections, store)
    match queue_url.partition(":")[0]:
        case "":
            from velox.tasks.sql.engine import SqlEngine

            return SqlEngine(connections, store, rules.lease_s, post.now_s)
        case text if text.startswith(("redis", "valkey", "unix")):
            from velox.tasks.redis import RedisEngine

            return RedisEngine(queue_url, f"velox:{{{name}}}", post, rules.lease_s, recorder)
        case "amqp" | "amqps":
            from velox.tasks.rabbitmq import RabbitEngine

            return RabbitEngine(queue_url, f"velox.{name}", post, rules.max_deliveries, recorder)
        case scheme:
            raise ConfigurationError(
                "VX302",
                f"queue_url begins with {scheme!r}, which names no queue",
                hint="Use redis://host:6379/0 or amqp://user:password@host/vhost, or leave it empty for the database",
            )


def rules_of(settings: Settings) -> Rules:
    """What the settings say about jobs."""
    return Rules(
        lease_s=settings.job_lease_s,
        max_deliveries=settings.job_max_deliveries,
        keep_s=settings.job_keep_s,
        grace_s=settings.grace_s,
        concurrency=settings.job_concurrency,
    )


def annotation_of(where: str, parameter: inspect.Parameter, hints: dict[str, Any]) -> Any:
    """The parameter's type.

    Raises:
        ConfigurationError: VX903, it has none, or cannot be passed by name.
    """
    if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
        hint = "Write each parameter out, without *, ** or / in the signature"
        raise ConfigurationError("VX903", f"{where} has no name to travel under", hint=hint)
    if parameter.name not in hints:
        raise ConfigurationError(
            "VX903", f"{where} has no type", hint="Annotate it: what arrives is checked against it"
        )
    return hints[parameter.name]


def find_provider(reader: SignatureReader, where: str, annotation: Any) -> tuple[Callable[..., Any], str] | None:
    metadata = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    for mark in metadata:
        if isinstance(mark, Provide):
            return mark.fn, "request"
    return reader.provider_of(where, base_type(annotation))


def check_provider(where: str, plan: ProviderPlan) -> None:
    """A task's providers can do without a request.

    Raises:
        ConfigurationError: VX903, one cannot.
    """
    for parameter in plan.parameters:
        if parameter.provider is not None:
            check_provider(where, parameter.provider)
        elif parameter.required and needs_request(parameter):
            raise ConfigurationError(
                "VX903",
                f"{where} comes from a provider ({location_of(plan.fn)}) that needs a request: {parameter.name!r}",
                hint="Give that parameter a default, or pass the task what it needs",
            )


def needs_request(parameter: Parameter) -> bool:
    return parameter.source is not Source.PROVIDER


def check_input(where: str, base: Any) -> None:
    """Rows of the database do not travel.

    Raises:
        ConfigurationError: VX903, ``base`` is a table class.
    """
    from velox.db.tables import is_table_class

    if is_table_class(base):
        raise ConfigurationError(
            "VX903",
            f"{where} is a row of a table, which may have changed when the job runs",
            hint="Pass its id, and read the row in the task: await db.one(select(...))",
        )


def check_schedule(task: Task[..., Any, Any], inputs: dict[str, Any]) -> None:
    """Who enqueues by the clock has no arguments.

    Raises:
        ConfigurationError: VX903, a scheduled task needs some.
    """
    needed = [name for name in inputs if inspect.signature(task.fn).parameters[name].default is inspect.Parameter.empty]
    if task.schedule is not None and needed:
        raise ConfigurationError(
            "VX903",
            f"{location_of(task.fn)}: the task is scheduled, and its parameter {needed[0]!r} has no default",
            hint="Give it a default, or enqueue the task yourself",
        )


def makes_session(plan: ProviderPlan) -> bool:
    """Whether what ``plan`` makes is, or needs, the Session."""
    from velox.db import Session

    if provided_type(plan.fn) is Session:
        return True
    return any(makes_session(each.provider) for each in plan.parameters if each.provider is not None)
