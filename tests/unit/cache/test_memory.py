"""Memory: bounded, the longest unused go first, and generations that workers share."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from velox.cache.entry import Entry, pack, unpack
from velox.cache.generations import SIZE_BYTES, Generations
from velox.cache.memory import OVERHEAD_BYTES, Held, Memory

FOREVER = 1e12


@pytest.fixture
def generations() -> Iterator[Generations]:
    generations = Generations()
    yield generations
    generations.close()


def held(payload: bytes = b"x") -> Held:
    return Held(Entry(payload, 0.0, FOREVER, FOREVER), (), FOREVER)


def test_what_was_not_used_for_longest_goes_first(generations: Generations) -> None:
    memory = Memory(3 * (OVERHEAD_BYTES + 2), generations)
    for key in "abc":
        memory.put(key, held())
    assert memory.get("a", 0.0) is not None
    memory.put("d", held())
    assert list(memory.keys()) == ["c", "a", "d"]


def test_it_never_takes_more_than_it_may(generations: Generations) -> None:
    memory = Memory(2**20, generations)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(5000):
        memory.put(f"key {number}", held(bytes(number % 3000)))
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert memory.size_bytes <= 2**20
    assert after - before <= 2**20


def test_what_is_larger_than_all_of_it_is_not_held(generations: Generations) -> None:
    memory = Memory(10_000, generations)
    memory.put("small", held())
    memory.put("large", held(bytes(10_000)))
    assert list(memory.keys()) == ["small"]


def test_the_size_of_what_goes_is_given_back(generations: Generations) -> None:
    memory = Memory(2**20, generations)
    memory.put("a", held())
    memory.put("a", held(b"longer"))
    memory.remove("a")
    memory.remove("a")
    assert (memory.size_bytes, len(memory)) == (0, 0)


def test_processes_share_generations(tmp_path: Path) -> None:
    path = tmp_path / "generations"
    path.write_bytes(bytes(SIZE_BYTES))
    generations = Generations(path)
    before = generations.read(["tag"])
    program = (
        "import sys, pathlib\n"
        "from velox.cache.generations import Generations\n"
        "generations = Generations(pathlib.Path(sys.argv[1]))\n"
        "for _ in range(1000): generations.bump(['tag'])\n"
        "generations.close()\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", program, str(path)]) for _ in range(3)]
    for each in processes:
        each.wait()
    assert not generations.are(before)
    assert generations.read(["tag"])[0][1] == 3000
    generations.close()


def test_an_entry_of_another_version_is_none() -> None:
    entry = Entry(b"\0\xff", 1.0, 2.0, 3.0, 0.5, {"tag": b"word"})
    assert unpack(pack(entry)) == entry
    assert unpack(b"something else") is None
    assert unpack(pack([1, 2])) is None
