"""Several processes on one SQLite file."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

WORKER = """
import asyncio, sys
from velox.db import Database, Field, Model

class Counter(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    n: int = 0

async def main() -> None:
    database = Database(sys.argv[1], timeout_s=30)
    await database.start()
    await database.create_tables()

    async def increment() -> None:
        async with database.session() as db:
            counter = await db.get(Counter, 1) or await db.add(Counter(id=1))
            await asyncio.sleep(0)
            counter.n += 1

    await asyncio.to_thread(sys.stdin.readline)
    await asyncio.gather(*(increment() for _ in range(50)))
    await database.stop()

asyncio.run(main())
"""


def test_four_processes_that_read_and_write_one_row_lose_nothing(tmp_path: Path) -> None:
    """Fifty sessions in each, all at once; and none fails."""
    command = [sys.executable, "-W", "error", "-c", WORKER, f"sqlite:///{tmp_path}/app.db"]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, text=True) for _ in range(4)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.close()
    assert [process.wait(60) for process in processes] == [0] * 4
    connection = sqlite3.connect(tmp_path / "app.db")
    assert connection.execute("SELECT n FROM counter").fetchone() == (200,)
    connection.close()
