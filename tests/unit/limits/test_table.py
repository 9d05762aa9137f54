"""The machine's table: bounded, shared, and nobody who is blocked gets out of it early."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.racing import race
from velox.limits.algorithms import NEW
from velox.limits.hit import Hit
from velox.limits.local import LocalStore
from velox.limits.table import PLACES, Full, Table, size_bytes
from velox.rules import Rate


def file_for(path: Path, keys: int) -> Path:
    path.write_bytes(bytes(size_bytes(keys)))
    return path


RATE = Rate.parse("3/minute")


def hit(caller: str, cost: int = 1, scope: str = "route") -> Hit:
    return Hit(scope, caller, RATE, "gcra", cost)


@pytest.fixture
def table() -> Iterator[Table]:
    table = Table(1000)
    yield table
    table.close()


def store_on(table: Table, now_s: float = 1000.0) -> LocalStore:
    return LocalStore(table, b"secret", clock=lambda: now_s)


class TestCounting:
    def test_a_limit_is_exact(self, table: Table) -> None:
        store = store_on(table)
        assert [store.hit([hit("a")])[0].allowed for _ in range(5)] == [True] * 3 + [False] * 2
        assert store.hit([hit("b")])[0].allowed

    def test_what_is_refused_by_one_limit_is_counted_by_none(self, table: Table) -> None:
        store, wide = store_on(table), Hit("app", "a", Rate.parse("100/hour"), "gcra", 1)
        decisions = [store.hit([wide, hit("a")]) for _ in range(10)]
        assert [each[0].remaining for each in decisions] == [99, 98, 97] + [97] * 7
        assert decisions[-1][0].allowed
        assert not decisions[-1][1].allowed

    def test_a_cost_of_nothing_is_a_look(self, table: Table) -> None:
        store = store_on(table)
        assert [store.hit([hit("a", cost=0)])[0].remaining for _ in range(5)] == [3] * 5


class TestBound:
    def test_a_flood_of_ten_times_the_room_never_unblocks_anybody(self, table: Table) -> None:
        store = store_on(table)
        for _ in range(3):
            assert store.hit([hit("blocked")])[0].allowed
        for number in range(10_000):
            store.hit([hit(f"other {number}")])
        assert not store.hit([hit("blocked")])[0].allowed

    def test_who_used_least_is_forgotten_first(self, table: Table) -> None:
        store = store_on(table)
        for _ in range(2):
            store.hit([hit("much")])
        for number in range(10_000):
            store.hit([hit(f"little {number}")])
        assert store.hit([hit("much", cost=0)])[0].remaining == 1

    def test_when_all_are_blocked_somebody_new_waits_for_the_first_of_them(self) -> None:
        table = Table(PLACES)  # one bucket
        store = store_on(table)
        for number in range(PLACES):
            assert store.hit([hit(f"{number}", cost=3)])[0].allowed
        decision = store.hit([hit("new")])[0]
        assert (decision.allowed, round(decision.wait_s)) == (False, 20)
        with pytest.raises(Full):
            table.write(b"x" * 16, NEW, 1000.0, free_s=0.0, expires_s=2000.0)
        assert store_on(table, 1000.0 + 20.1).hit([hit("new")])[0].allowed
        table.close()

    def test_what_is_over_makes_room(self) -> None:
        table = Table(PLACES)
        for number in range(PLACES):
            store_on(table).hit([hit(f"{number}", cost=3)])
        assert store_on(table, 1060.1).hit([hit("new", cost=3)])[0].allowed
        table.close()


class TestSharing:
    def test_tables_of_one_file_are_one(self, tmp_path: Path) -> None:
        path = file_for(tmp_path / "table", 1000)
        tables = [Table(1000, path) for _ in range(2)]
        stores = [store_on(table) for table in tables]
        assert [stores[number % 2].hit([hit("a")])[0].allowed for number in range(5)] == [True] * 3 + [False] * 2
        for table in tables:
            table.close()

    def test_processes_that_race_pass_exactly_the_limit(self, tmp_path: Path) -> None:
        path = file_for(tmp_path / "table", 1000)
        program = (
            "import sys, pathlib\n"
            "from velox.limits.hit import Hit\n"
            "from velox.limits.local import LocalStore\n"
            "from velox.limits.table import Table\n"
            "from velox.rules import Rate\n"
            "store = LocalStore(Table(1000, pathlib.Path(sys.argv[1])), b'secret')\n"
            "rates = {'route': '2000/day', 'app': '5000/day'}\n"
            "hits = [Hit(scope, 'a', Rate.parse(rate), 'fixed', 1) for scope, rate in rates.items()]\n"
            "print('ready', flush=True)\n"
            "sys.stdin.readline()\n"
            "print(sum(store.hit(hits)[0].allowed for _ in range(1500)))\n"
        )
        assert sum(map(int, race(program, str(path)))) == 2000

    def test_a_process_that_is_stopped_with_the_lock_does_not_hold_up_the_others(self, tmp_path: Path) -> None:
        path = file_for(tmp_path / "table", PLACES)
        program = (
            "import sys, pathlib, time\n"
            "from velox.limits.table import Table\n"
            "with Table(16, pathlib.Path(sys.argv[1])).locked([b'a' * 16]):\n"
            "    print('locked', flush=True)\n"
            "    time.sleep(60)\n"
        )
        holder = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True)
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "locked\n"
            holder.send_signal(signal.SIGSTOP)
            table = Table(PLACES, path)
            began_s = time.monotonic()
            assert store_on(table).hit([hit("a")])[0].allowed
            assert time.monotonic() - began_s < 1.0
            table.close()
        finally:
            holder.kill()
            holder.communicate()
