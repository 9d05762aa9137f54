"""Who listens to the app's database: what the settings ask for."""

from __future__ import annotations

from pathlib import Path

from velox.db import Database
from velox.settings import Settings

__all__ = ["observe"]

SLOW_S = 0.2
REPEATED = 10
WORKLOAD = ".velox/workload.jsonl"


def observe(database: Database, settings: Settings) -> None:
    """Log slow and repeated statements, and remember the workload: in ``dev``, or where a setting says so."""
    dev = settings.env == "dev"
    slow_s = (SLOW_S if dev else 0) if settings.database_slow_s is None else settings.database_slow_s
    repeated = (REPEATED if dev else 0) if settings.database_repeated is None else settings.database_repeated
    workload = (WORKLOAD if dev else "") if settings.database_workload is None else settings.database_workload
    if not (slow_s or repeated or workload):
        return
    from velox.db.advice.repeated import Repeated
    from velox.db.advice.slow import SlowLog
    from velox.db.advice.workload import Recorder

    if slow_s:
        slow = SlowLog(database, slow_s)
        database.listen(slow, closed=slow.close)
    if repeated:
        database.listen(Repeated(repeated))
    if workload:
        recorder = Recorder(Path(workload))
        database.listen(recorder, closed=recorder.close)
