"""How many processors this process may use: what ``--workers auto`` starts."""

from __future__ import annotations

import math
import os
from pathlib import Path

__all__ = ["usable_cpus"]

_CGROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


def usable_cpus(cgroups: Path = _CGROUPS, membership: Path = _MEMBERSHIP) -> int:
    """The processors of the affinity mask, or fewer if a control group (a container's limit) allows less, rounded up.

    Args:
        cgroups: Where the control groups are mounted; only version 2 is read (cgroup-v2.rst of the Linux kernel).
        membership: The file that names the process' own group.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota(cgroups, _group(membership))
    return max(1, math.ceil(min(allowed, quota)))


def _group(membership: Path) -> str:
    """The path of the version 2 group: the line ``0::/path``."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return ""
    return next((line[3:].strip("/") for line in lines if line.startswith("0::")), "")


def _quota(cgroups: Path, group: str) -> float:
    """Processors' worth of time that the group and all above it leave; infinite without a limit."""
    place = cgroups / group
    places = [place, *place.parents[: len(Path(group).parts)]]
    return min((_limit(folder / "cpu.max") for folder in places), default=math.inf)


def _limit(file: Path) -> float:
    """``cpu.max`` is ``max 100000``, or ``150000 100000``: so many of so many microseconds."""
    try:
        quota_us, period_us = file.read_text().split()
        return math.inf if quota_us == "max" else int(quota_us) / int(period_us)
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf
