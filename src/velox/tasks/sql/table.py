"""The tables of the post.

velox_job        one row for each job: what waits, runs, is done or dead; an outbox row is a job that is queued
velox_job_key    idempotency keys of enqueuing, with the job that each stands for
velox_effect     ids of the jobs whose Session has committed: written in that very transaction
velox_schedule   the last tick of each scheduled task
velox_rate       the turns that tasks with a rate have taken
"""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Integer, MetaData, String, Table, Text

__all__ = ["NULLABLE", "Tables", "tables_in"]

# `due_at` says when the clock has to look at a row again:
#   scheduled, retrying   when it may run           running   when the lease ends
#   succeeded, cancelled  when it may be deleted     queued    since when it can run     dead   never
JOB = (
    ("id", String(32)),
    ("task", String(255)),
    ("queue", String(100)),
    ("state", String(10)),
    ("rank", Integer),
    ("payload", Text),
    ("failures", Integer),
    ("deliveries", Integer),
    ("created_at", Double),
    ("due_at", Double),
    ("token", String(32)),
    ("started_at", Double),
    ("ended_at", Double),
    ("result", Text),
    ("error", Text),
)
NULLABLE = {"due_at", "token", "started_at", "ended_at", "result", "error"}


class Tables:
    """The tables, defined in one ``MetaData``."""

    def __init__(self, metadata: MetaData) -> None:
        columns = [Column(name, kind, primary_key=name == "id", nullable=name in NULLABLE) for name, kind in JOB]
        self.job = Table("velox_job", metadata, *columns)
        # What a worker claims next, in order; and what the clock has to look at.
        Index("ix_velox_job_claim", self.job.c.state, self.job.c.queue, self.job.c.rank, self.job.c.id)
        Index("ix_velox_job_due", self.job.c.state, self.job.c.due_at)
        self.key = Table(
            "velox_job_key",
            metadata,
            Column("name", String(500), primary_key=True),
            Column("job_id", String(32), nullable=False),
            Column("expires_at", Double, nullable=False, index=True),
        )
        self.effect = Table(
            "velox_effect",
            metadata,
            Column("job_id", String(32), primary_key=True),
            Column("expires_at", Double, nullable=False, index=True),
        )
        self.schedule = Table(
            "velox_schedule",
            metadata,
            Column("task", String(255), primary_key=True),
            Column("last_tick", Double, nullable=False),
        )
        self.rate = Table(
            "velox_rate",
            metadata,
            Column("task", String(255), primary_key=True),
            Column("back_at", Double, nullable=False),
            Column("told_at", Double, nullable=False),
        )

    @property
    def every(self) -> tuple[Table, ...]:
        return (self.job, self.key, self.effect, self.schedule, self.rate)


def tables_in(metadata: MetaData) -> Tables:
    """The tables of ``metadata``, defined there the first time: several apps of a process may share it."""
    known: Tables | None = metadata.info.get("velox_tasks")
    if known is None or "velox_job" not in metadata.tables:
        known = metadata.info["velox_tasks"] = Tables(metadata)
    return known
