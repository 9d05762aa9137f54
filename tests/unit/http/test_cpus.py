"""What ``--workers auto`` counts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from velox.http.cpus import usable_cpus


@pytest.fixture
def eight(monkeypatch: pytest.MonkeyPatch) -> None:
    """The affinity mask of a machine with eight processors."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)), raising=False)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, 8),
        ({"app/one": "max 100000"}, 8),
        ({"app/one": "200000 100000"}, 2),
        ({"app/one": "150000 100000"}, 2),
        ({"app/one": "10000 100000"}, 1),
        ({"app/one": "max 100000", "app": "300000 100000"}, 3),
        ({"app/one": "nonsense"}, 8),
    ],
)
@pytest.mark.usefixtures("eight")
def test_the_smallest_limit_of_mask_and_groups_counts(tmp_path: Path, limits: dict[str, str], expected: int) -> None:
    """A container's limit is that of its group or of one above it, rounded up."""
    for group, limit in limits.items():
        (tmp_path / group).mkdir(parents=True, exist_ok=True)
        (tmp_path / group / "cpu.max").write_text(f"{limit}\n")
    membership = tmp_path / "membership"
    membership.write_text("0::/app/one\n")
    assert usable_cpus(tmp_path, membership) == expected


@pytest.mark.usefixtures("eight")
def test_without_control_groups_the_mask_counts(tmp_path: Path) -> None:
    """As on another system."""
    assert usable_cpus(tmp_path, tmp_path / "missing") == 8
