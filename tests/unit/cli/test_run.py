"""Options of ``velox run`` that are more than they seem."""

from __future__ import annotations

import click
import pytest

from velox.cli.run import Workers
from velox.http.cpus import usable_cpus


def test_workers_are_a_number_or_as_many_as_processors() -> None:
    """``auto`` is what ``--prod`` takes when nobody says otherwise."""
    assert Workers(1, 1024).convert("3", None, None) == 3
    assert Workers(1, 1024).convert("auto", None, None) == usable_cpus()


@pytest.mark.parametrize("wrong", ["0", "many", "1025"])
def test_other_numbers_of_workers_are_refused(wrong: str) -> None:
    """As by click itself."""
    with pytest.raises(click.BadParameter):
        Workers(1, 1024).convert(wrong, None, None)
