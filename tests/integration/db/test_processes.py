"""Several processes on one SQLite file."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

PROCESSES, WRITERS, TURNS = 8, 32, 3

WORKER = f"""
import asyncio, sys
from velox.db import Database, Field, Model

class Counter(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    n: int = 0

async def main() -> None:
    database = Database(sys.argv[1], timeout_s=float(sys.argv[2]))
    await database.start()
    await database.create_tables()
    late_s = 0.0

    async def increment() -> None:
        for _ in range({TURNS}):
            async with database.session() as db:
                counter = await db.get(Counter, 1) or await db.add(Counter(id=1))
                await asyncio.sleep(0)
                counter.n += 1

    async def beat() -> None:
        nonlocal late_s
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + 0.01
            await asyncio.sleep(0.01)
            late_s = max(late_s, loop.time() - due)

    await asyncio.to_thread(sys.stdin.readline)
    heart = asyncio.create_task(beat())
    await asyncio.gather(*(increment() for _ in range({WRITERS})))
    heart.cancel()
    await database.stop()
    print(late_s)

asyncio.run(main())
"""


def test_eight_processes_of_writers_that_read_and_write_one_row_lose_nothing(tmp_path: Path) -> None:
    """Thirty-two writers in each, all at once: none fails, none is lost, and no process stands still meanwhile."""
    command = [sys.executable, "-W", "error", "-c", WORKER, f"sqlite:///{tmp_path}/app.db", "30"]
    pipe = subprocess.PIPE
    processes = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(PROCESSES)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    late_s = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * PROCESSES
    with closing(sqlite3.connect(tmp_path / "app.db")) as connection:
        assert connection.execute("SELECT n FROM counter").fetchone() == (PROCESSES * WRITERS * TURNS,)
    assert max(float(late) for late in late_s) < 5  # a lock is waited for in a thread
