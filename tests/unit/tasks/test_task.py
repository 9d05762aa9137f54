"""Tasks as they are declared, and the mistakes that are found then."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import pytest

from velox import ConfigurationError, Header, Velox
from velox.db import Field, Model, Session
from velox.tasks import Attempt, NotStarted, State, Task, provided, task

MakeApp = Callable[..., Velox]


class TaskThing(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)


@task
def double(n: int) -> int:
    """Twice as much."""
    return 2 * n


@task(queue="mail", retries=2, timeout="5s", priority=3)
async def send(to: str, db: Session = provided) -> None:
    await db.add(TaskThing())


def test_a_task_can_be_called_like_the_function_that_it_is() -> None:
    assert double(4) == 8
    assert double.__doc__ == "Twice as much."


def test_its_name_says_where_it_is() -> None:
    assert double.name == f"{__name__}.double"


def test_durations_are_seconds_inside() -> None:
    assert (send.options.timeout_s, send.options.unique_for_s) == (5, None)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"timeout": "soon"}, "soon"),
        ({"timeout": 0}, "more than nothing"),
        ({"retries": -1}, "retries=-1"),
        ({"backoff": "linear"}, "linear"),
        ({"schedule": "never"}, "cron"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_option_is_refused_where_it_is_written(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"VX901 .*test_task.py:\d+: .*{reason}"):
        task(**options)(lambda: None)


def test_a_class_is_no_task() -> None:
    with pytest.raises(ConfigurationError, match=r"VX901 .*for functions"):
        task(TaskThing)


async def enqueued_nowhere() -> None:
    await double.enqueue(1)


def test_a_task_of_no_started_app_says_what_is_missing() -> None:
    with pytest.raises(NotStarted, match=r"app.register_task\(\)"):
        enqueued_nowhere().send(None)


def test_an_app_without_tasks_needs_no_tables_for_them(make_app: MakeApp) -> None:
    assert make_app().jobs.tasks == {}


def test_two_tasks_of_one_name_are_refused_with_both_places(make_app: MakeApp) -> None:
    app = make_app()
    app.register_task(task(name="same")(double.fn))
    app.register_task(double)
    app.register_task(double)  # the same one may come again

    with pytest.raises(ConfigurationError, match=r"VX902 .*test_task.py:\d+.*test_task.py:\d+"):
        app.register_task(task(name="same")(send.fn))


def mistakes() -> list[tuple[Task[..., Any, Any], str]]:
    def untyped(n):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - that is the mistake
        return n

    def starred(*names: str) -> None: ...

    def takes_a_row(thing: TaskThing) -> None: ...

    def scheduled(n: int) -> None: ...

    return [
        (task(untyped), "has no type"),
        (task(starred), "no name to travel under"),
        (task(takes_a_row), "row of a table"),
        (task(every="1m")(scheduled), "is scheduled, and its parameter 'n' has no default"),
    ]


@pytest.mark.parametrize(("wrong", "reason"), mistakes(), ids=lambda value: getattr(value, "__name__", ""))
def test_a_signature_that_cannot_travel_is_refused(make_app: MakeApp, wrong: Task[..., Any, Any], reason: str) -> None:
    app = make_app()
    app.register_task(wrong)

    with pytest.raises(ConfigurationError, match=rf"VX903 .*test_task.py:\d+: .*{reason}"):
        app.compile()


class Caller:
    pass


def make_caller(authorization: Annotated[str, Header()]) -> Caller:
    return Caller()


def test_a_provider_that_needs_a_request_is_refused(make_app: MakeApp) -> None:
    async def asks(caller: Caller = provided) -> None: ...

    app = make_app()
    app.provide(make_caller)
    app.register_task(task(asks))

    with pytest.raises(ConfigurationError, match=r"VX903 .*needs a request: 'authorization'"):
        app.compile()


def test_what_is_provided_does_not_travel(make_app: MakeApp) -> None:
    async def asks(n: int, attempt: Attempt = provided, db: Session = provided) -> None: ...

    app = make_app()
    asked = task(asks)
    app.register_task(asked)
    app.compile()

    assert list(app.jobs.plans[asked.name].signature.inputs) == ["n"]


def test_a_time_without_a_zone_and_two_times_are_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        double.with_options(at=datetime(2026, 1, 1))  # noqa: DTZ001 - that is the mistake
    with pytest.raises(ValueError, match="not both"):
        double.with_options(at=datetime.now().astimezone(), delay="1s")


def test_the_placeholder_of_what_is_provided_says_who_passes_it() -> None:
    with pytest.raises(AttributeError, match=r"asked for its 'add'.* has to pass it"):
        _ = provided.add


def test_an_unknown_queue_url_is_refused(make_app: MakeApp) -> None:
    app = make_app(queue_url="kafka://somewhere")

    with pytest.raises(ConfigurationError, match=r"VX302 .*'kafka'"):
        app.register_task(double)


def test_states_are_words() -> None:
    assert f"{State.DEAD}" == "dead"
