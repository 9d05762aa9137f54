"""Workers are replaced one by one."""

from __future__ import annotations

from typing import Any, cast

import pytest

from velox.http.place import Place
from velox.http.restarts import Deaths, RestartPolicy
from velox.http.rollout import Rollout
from velox.http.worker import NEXT, State, Worker


class FakeWorker:
    """A worker without a process."""

    def __init__(self, name: str, state: State = State.STARTING) -> None:
        self.name = name
        self.state = state

    def go_on(self, event: str) -> None:
        self.state = NEXT[self.state, event]


class FakeStaff:
    """Starts and stops such workers, and keeps a diary."""

    def __init__(self) -> None:
        self.diary: list[str] = []
        self.started: list[FakeWorker] = []

    def start(self, place: Place) -> Worker:
        fresh = FakeWorker(f"new {place.number}")
        self.diary.append(f"start {fresh.name}")
        self.started.append(fresh)
        return cast(Worker, fresh)

    def stop(self, worker: Worker) -> None:
        stopped = cast(Any, worker)
        stopped.go_on("stop")
        self.diary.append(f"stop {stopped.name}")


@pytest.fixture
def places() -> list[Place]:
    """Two, taken."""
    return [
        Place(number, Deaths(RestartPolicy()), cast(Worker, FakeWorker(f"old {number}", State.SERVING)))
        for number in range(2)
    ]


def test_a_new_worker_serves_before_the_old_one_stops_and_that_one_is_gone_before_the_next_starts(
    places: list[Place],
) -> None:
    """So there are as many as before at every moment, and at most one more."""
    staff = FakeStaff()
    old = [cast(FakeWorker, place.worker) for place in places]
    rollout = Rollout(staff, list(places))
    for turn in range(2):
        assert rollout.go_on()
        assert rollout.go_on()  # nothing has happened
        staff.started[turn].go_on("ready")
        assert rollout.go_on()
        assert rollout.go_on()
        old[turn].go_on("exit")
    assert not rollout.go_on()
    assert staff.diary == ["start new 0", "stop old 0", "start new 1", "stop old 1"]
    assert [cast(FakeWorker, place.worker).name for place in places] == ["new 0", "new 1"]


def test_a_place_whose_worker_died_meanwhile_is_just_taken(places: list[Place]) -> None:
    """There is nobody to wait for."""
    staff = FakeStaff()
    rollout = Rollout(staff, places[:1])
    rollout.go_on()
    places[0].worker = None
    staff.started[0].go_on("ready")
    assert not rollout.go_on()
    assert staff.diary == ["start new 0"]
