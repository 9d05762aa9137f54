"""Processes that do the same at the same time."""

from __future__ import annotations

import subprocess
import sys

PROCESSES = 4
DEADLINE_S = 60


def race(program: str, *arguments: str) -> list[str]:
    """What each of some processes printed, which began together.

    Args:
        program: Python that prints ``ready``, reads a line, works, and prints what came of it.
        arguments: Its arguments.
    """
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(PROCESSES)
    ]
    try:
        for each in processes:
            assert each.stdout is not None
            assert each.stdout.readline() == "ready\n"
        for each in processes:
            assert each.stdin is not None
            each.stdin.write("\n")
            each.stdin.flush()
        return [each.communicate(timeout=DEADLINE_S)[0] for each in processes]
    finally:
        for each in processes:
            each.kill()
            each.communicate()
