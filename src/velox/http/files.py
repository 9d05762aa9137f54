"""How many files a process may have open: each connection is one."""

from __future__ import annotations

import resource

__all__ = ["SPARE_FILES", "allow_connections"]

SPARE_FILES = 200
"""What a worker needs beside its connections: databases, logs, modules that are being imported, pipes."""


def allow_connections(count: int) -> None:
    """Raise this process' own limit to what ``count`` connections need, as far as it may.

    Systems start processes with a limit of 1,024, which programs that use select() need, and let them raise it.
    """
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + SPARE_FILES
    if most != resource.RLIM_INFINITY:
        wanted = min(wanted, most)
    if now != resource.RLIM_INFINITY and now < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
