"""Q11: whatever happens to a job, and in whatever order, it is where the table of states says."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from velox import Settings, Velox
from velox.tasks import Job, State, task
from velox.tasks.keeper import Keeper
from velox.tasks.message import Delivery, Outcome
from velox.tasks.state import NEXT

LEASE_S = 10.0
OUTCOMES = {
    State.SUCCEEDED: "succeed",
    State.RETRYING: "fail",
    State.DEAD: "fail for the last time",
    State.QUEUED: "hand back",
    State.SCHEDULED: "is over its rate",
}


@task
async def work(n: int) -> None: ...


class Jobs(RuleBasedStateMachine):
    """A model of states beside the real table, in a real database."""

    known = Bundle("known")

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="velox-jobs-")
        self.runner = asyncio.Runner()
        url = f"sqlite:///{Path(self.folder.name) / 'jobs.db'}"
        self.app = Velox("model", Settings(env="test", database_url=url, create_tables=True, job_lease_s=LEASE_S))
        self.app.register_task(work)
        self.lifespan = self.app.lifespan()
        self.run(self.lifespan.__aenter__())
        self.keeper = Keeper(self.app.jobs)
        self.model: dict[str, State] = {}
        self.due_s: dict[str, float] = {}
        self.held: dict[str, Delivery] = {}
        self.lost: list[Delivery] = []

    def run(self, what: Any) -> Any:
        return self.runner.run(what)

    @property
    def now_s(self) -> float:
        return self.app.jobs.clock_shift_s

    def go_on(self, job: str, event: str) -> None:
        self.model[job] = NEXT[self.model[job], event]

    @rule(target=known, delay=st.sampled_from([0, 0, 50]))
    def enqueue(self, delay: int) -> str:
        job: Job[None] = self.run(work.with_options(delay=delay).enqueue(1))
        self.model[job.id] = State.SCHEDULED if delay else State.QUEUED
        self.due_s[job.id] = self.now_s + delay
        return job.id

    @rule(limit=st.integers(1, 3))
    def claim(self, limit: int) -> None:
        claimed = self.run(self.app.jobs.engine.claim(["default"], limit))
        waiting = [job for job, state in self.model.items() if state is State.QUEUED]
        assert len(claimed) == min(limit, len(waiting))
        for delivery in claimed:
            self.go_on(delivery.message.id, "claim")
            self.held[delivery.message.id] = delivery
            self.due_s[delivery.message.id] = self.now_s + LEASE_S

    @rule(seconds=st.sampled_from([1, 20, 60]))
    def time_passes(self, seconds: int) -> None:
        self.app.jobs.clock_shift_s += seconds
        self.run(self.keeper.promote())
        for job, state in self.model.items():
            if state in (State.SCHEDULED, State.RETRYING, State.RUNNING) and self.due_s[job] <= self.now_s:
                self.go_on(job, "lease ends" if state is State.RUNNING else "is due")
                if state is State.RUNNING:
                    self.lost.append(self.held.pop(job))

    @rule(job=known)
    def renew(self, job: str) -> None:
        if job in self.held:
            assert self.run(self.app.jobs.engine.renew([self.held[job]])) == []
            self.go_on(job, "renew")
            self.due_s[job] = self.now_s + LEASE_S

    @rule(
        job=known, state=st.sampled_from([State.SUCCEEDED, State.RETRYING, State.DEAD, State.QUEUED, State.SCHEDULED])
    )
    def finish(self, job: str, state: State) -> None:
        if job not in self.held:
            return
        self.run(self.app.jobs.engine.finish([self.outcome(self.held.pop(job), state)]))
        self.go_on(job, OUTCOMES[state])
        self.due_s[job] = self.now_s + 30

    def outcome(self, delivery: Delivery, state: State) -> Outcome:
        now_s = self.app.jobs.now_s()
        return Outcome(
            delivery, state, now_s, due_at_s=now_s + 30 if state in (State.RETRYING, State.SCHEDULED) else None
        )

    @rule(state=st.sampled_from([State.SUCCEEDED, State.DEAD]))
    def finish_too_late(self, state: State) -> None:
        """Whose lease is over changes nothing, and is told when it renews."""
        if self.lost:
            assert self.run(self.app.jobs.engine.renew([self.lost[0]])) == [self.lost[0]]
            self.run(self.app.jobs.engine.finish([self.outcome(self.lost.pop(0), state)]))

    @rule(job=known)
    def cancel(self, job: str) -> None:
        can = (self.model[job], "cancel") in NEXT
        assert self.run(self.with_store("cancel", job)) is can
        if can:
            self.go_on(job, "cancel")

    @rule(job=known)
    def retry(self, job: str) -> None:
        can = (self.model[job], "retry") in NEXT
        assert self.run(self.with_store("retry", [job])) == int(can)
        if can:
            self.go_on(job, "retry")

    async def with_store(self, name: str, which: Any) -> Any:
        async with self.app.jobs.connections.writing() as connection:
            return await getattr(self.app.jobs.store, name)(connection, which, self.app.jobs.now_s())

    @invariant()
    def the_table_is_as_the_model(self) -> None:
        if hasattr(self, "model"):
            assert self.run(self.states()) == self.model

    async def states(self) -> dict[str, State]:
        async with self.app.jobs.connections.reading() as connection:
            found = await self.app.jobs.store.newest(connection, list(State), None, None, 1000)
        return {job.id: job.state for job in found}

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.run(self.lifespan.__aexit__(None, None, None))
            self.runner.close()
            self.folder.cleanup()


TestJobs = Jobs.TestCase
TestJobs.settings = settings(max_examples=15, stateful_step_count=30, deadline=None)
