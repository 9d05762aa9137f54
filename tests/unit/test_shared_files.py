"""Files that workers share leave nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys

from velox.shared_files import FOLDER, PREFIX, make_shared_file, remove_left_overs, remove_shared_file


def test_the_files_of_a_parent_that_was_killed_are_removed_and_no_others() -> None:
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    dead.wait()
    mine = make_shared_file("test", 1000)
    left, other = FOLDER / f"{PREFIX}{dead.pid}-left", FOLDER / f"{PREFIX}of-somebody-{os.getpid()}"
    left.touch()
    other.touch()
    try:
        remove_left_overs()
        assert (left.exists(), mine.exists(), other.exists()) == (False, True, True)
        assert mine.stat().st_size == 1000
        assert mine.name.startswith(f"{PREFIX}{os.getpid()}-test-")
    finally:
        remove_shared_file(mine)
        remove_shared_file(other)
    remove_shared_file(mine)
