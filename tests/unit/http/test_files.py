"""The limit of open files follows the limit of connections."""

from __future__ import annotations

import resource

import pytest

from velox.http.files import SPARE_FILES, allow_connections


@pytest.mark.parametrize(
    ("limits", "connections", "expected"),
    [
        ((1024, 1_000_000), 10_000, (10_000 + SPARE_FILES, 1_000_000)),
        ((1024, 4096), 10_000, (4096, 4096)),
        ((1024, resource.RLIM_INFINITY), 10_000, (10_000 + SPARE_FILES, resource.RLIM_INFINITY)),
        ((50_000, 100_000), 10_000, None),
        ((4096, 4096), 10_000, None),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), 10_000, None),
    ],
)
def test_it_is_raised_as_far_as_needed_and_allowed(
    monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int], connections: int, expected: tuple[int, int] | None
) -> None:
    """And never lowered."""
    found: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, wanted: found.append(wanted))
    allow_connections(connections)
    assert ([] if expected is None else [expected]) == found
