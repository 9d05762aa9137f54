"""``@task``: a function that can also be enqueued."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, overload
from weakref import WeakSet

from velox.errors import ConfigurationError
from velox.location import location_of
from velox.tasks.backoff import Backoff
from velox.tasks.draft import Draft, enqueue_many
from velox.tasks.job import Job, NotStarted
from velox.tasks.office import Office
from velox.tasks.options import DEFAULT_RETRIES, Duration, Options, check_options
from velox.tasks.schedule import Schedule, make_schedule
from velox.units import parse_duration

__all__ = ["Task", "provided", "task"]

P = ParamSpec("P")
C = TypeVar("C")
R = TypeVar("R")


class _Provided:
    """Stands for what a worker provides; whoever calls the task directly passes the parameter."""

    def __repr__(self) -> str:
        return "provided"

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"this parameter (asked for its {name!r}) is provided when a worker runs the job; "
            "who calls the task directly has to pass it"
        )


provided: Any = _Provided()
"""The default of a parameter that is provided by type: ``db: Session = provided``.

It tells type checkers that ``enqueue`` does not take it. Without the default the task works as well.
"""


class Task(Generic[P, C, R]):
    """A function that can be called as ever, or enqueued: a worker runs it then, and again until it succeeds.

    Attributes:
        fn: The function.
        name: What it is called in messages: the module and the function's name.
        options: How its jobs are run.
        schedule: When it is enqueued by itself; None for never.
    """

    def __init__(self, fn: Callable[P, C], name: str | None, options: Options, schedule: Schedule | None) -> None:
        self.fn = fn
        self.name = name or f"{fn.__module__}.{fn.__qualname__}".replace(".<locals>", "")
        self.options = options
        self.schedule = schedule
        self._posts: WeakSet[Office] = WeakSet()
        functools.update_wrapper(self, fn)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> C:
        return self.fn(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<Task {self.name}>"

    async def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> Job[R]:
        """Let a worker run the task.

        Where a request or a task has an open ``Session``, the job is a row of its transaction: it is sent when that
        commits, and never was when it rolls back. Elsewhere the job is safe when this returns.

        Args:
            args, kwargs: The task's own arguments, without those that are provided.

        Returns:
            A handle, to ask how it goes.

        Raises:
            WrongArguments: They do not fit the task's parameters.
            NotStarted: No started app has this task.
        """
        (job,) = await enqueue_many([self.draft(*args, **kwargs)])
        return job

    def draft(self, *args: P.args, **kwargs: P.kwargs) -> Draft[R]:
        """A job that is not enqueued yet, for :func:`enqueue_many`. Raises WrongArguments and NotStarted."""
        return self.with_options().draft(*args, **kwargs)

    def job(self, id: str) -> Job[R]:
        """The handle of a job that was enqueued before, by its id. Whether there is one, it says when it is asked.

        Raises:
            NotStarted: No started app has this task.
        """
        return Job(self.post(), self.name, id)

    def with_options(
        self,
        *,
        delay: Duration | None = None,
        at: datetime | None = None,
        key: str | None = None,
        priority: int | None = None,
        queue: str | None = None,
    ) -> Prepared[P, R]:
        """The same task, to be enqueued otherwise: ``await send.with_options(delay="5m", key="order-42").enqueue(42)``.

        Args:
            delay: How long it waits at least.
            at: When it runs at the earliest, with a time zone. Not together with ``delay``.
            key: An idempotency key: for ``unique_for`` (default: a day) no second job with it is enqueued.
            priority, queue: Instead of the task's own.

        Raises:
            ValueError: A duration or time that is none.
        """
        if delay is not None and at is not None:
            raise ValueError("a job has a delay or a time (at), not both")
        if at is not None and at.tzinfo is None:
            raise ValueError("at needs a time zone: datetime.now(UTC), or .astimezone()")
        options = self.options
        changed = replace(
            options,
            priority=options.priority if priority is None else priority,
            queue=queue or options.queue,
        )
        return Prepared(
            self, changed, None if delay is None else parse_duration(delay), None if at is None else at.timestamp(), key
        )

    # What its app knows

    def join(self, post: Office) -> None:
        """A started app has this task."""
        self._posts.add(post)

    def leave(self, post: Office) -> None:
        self._posts.discard(post)

    def post(self) -> Office:
        """The post of the started app that has this task.

        Raises:
            NotStarted: There is none, or more than one.
        """
        posts = list(self._posts)
        if len(posts) == 1:
            return posts[0]
        if posts:
            raise NotStarted(f"{self.name} belongs to {len(posts)} apps that are started in this process")
        raise NotStarted(
            f"{self.name} belongs to no app that is started: app.discover() or app.register_task() gives it to one, "
            "and `async with app.lifespan()` starts one outside of a server"
        )


class Prepared(Generic[P, R]):
    """A task with options for the jobs that are enqueued through it."""

    def __init__(
        self, task: Task[P, Any, R], options: Options, delay_s: float | None, at_s: float | None, key: str | None
    ) -> None:
        self._task = task
        self._options = options
        self._delay_s = delay_s
        self._at_s = at_s
        self._key = key

    async def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> Job[R]:
        """As :meth:`Task.enqueue`."""
        (job,) = await enqueue_many([self.draft(*args, **kwargs)])
        return job

    def draft(self, *args: P.args, **kwargs: P.kwargs) -> Draft[R]:
        """As :meth:`Task.draft`."""
        post = self._task.post()
        payload = post.plans[self._task.name].encode(args, kwargs)
        return Draft(post, self._task.name, payload, self._options, self._delay_s, self._at_s, self._key)


class _Decorator(Protocol):
    @overload
    def __call__(self, fn: Callable[P, Coroutine[Any, Any, R]], /) -> Task[P, Coroutine[Any, Any, R], R]: ...
    @overload
    def __call__(self, fn: Callable[P, R], /) -> Task[P, R, R]: ...


@overload
def task(fn: Callable[P, Coroutine[Any, Any, R]], /) -> Task[P, Coroutine[Any, Any, R], R]: ...
@overload
def task(fn: Callable[P, R], /) -> Task[P, R, R]: ...
@overload
def task(
    *,
    name: str | None = None,
    queue: str = "default",
    retries: int = DEFAULT_RETRIES,
    backoff: Backoff = "exponential",
    timeout: Duration = "30s",
    unique_for: Duration | None = None,
    rate: str | None = None,
    priority: int = 0,
    schedule: str | None = None,
    every: Duration | None = None,
    timezone: str = "UTC",
) -> _Decorator: ...
def task(
    fn: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    schedule: str | None = None,
    every: Duration | None = None,
    timezone: str = "UTC",
    **options: Any,
) -> Any:
    """Make a function a task: ``@task`` or ``@task(retries=5)``; a plain ``def`` runs in a thread.

    Its parameters need types: what is enqueued is checked against them, travels as JSON, and is checked again where it
    arrives. One whose type is provided (``Session``, or any that ``app.provide`` makes) is filled by the worker.

    Args:
        name: Its name in messages, which jobs under way know it by. Default: the module and the function's name.
        queue: Where its jobs wait.
        retries: How often a failed job is tried again before it is dead; 0: never.
        backoff: ``"exponential"`` (with full jitter), or a duration to wait each time.
        timeout: How long an attempt may take.
        unique_for: For how long a second job with the same arguments (or key) is not enqueued. None: it is.
        rate: How many of its jobs start in which time, in all workers together: ``"10/s"``, ``"100/minute"``. After a
            pause as many may start at once, then one in each tenth (hundredth, ...) of that time. Those over it wait in
            the database: they hold no slot of a worker, and it is no attempt. Tests' ``run_all`` does not wait.
        priority: Higher ones go first within their queue, with the database as the queue.
        schedule: A cron expression, as ``"*/5 * * * *"``: the task is enqueued then, without arguments.
        every: Or: enqueued so often, as ``"30s"``.
        timezone: The time zone of ``schedule``.

    Raises:
        ConfigurationError: VX901, an option has a wrong value.
    """

    def decorate(function: Callable[..., Any]) -> Task[Any, Any, Any]:
        where = location_of(function)
        try:
            checked = check_options(options)
            when = make_schedule(schedule, every, timezone)
        except ValueError as error:
            raise ConfigurationError(
                "VX901", f"{where}: @task has a wrong option: {error}", hint="Correct that option"
            ) from None
        if not (inspect.iscoroutinefunction(function) or inspect.isfunction(function)):
            raise ConfigurationError(
                "VX901", f"{where}: @task is for functions", hint="Put it on a def or async def of a module"
            )
        return Task(function, name, checked, when)

    return decorate if fn is None else decorate(fn)
