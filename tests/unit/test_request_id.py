"""Ids of requests: many from one process, and processes that begin alike."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122, UUID

import pytest

from velox._request_id import Ids, new_id

MANY = 20_000


def test_ids_are_uuids_and_none_comes_twice() -> None:
    """In four threads at once, too."""
    ids = Ids()
    with ThreadPoolExecutor(4) as threads:
        made = [made for part in threads.map(lambda _: [ids.new() for _ in range(MANY)], range(4)) for made in part]
    assert len(set(made)) == 4 * MANY
    assert {(UUID(one).version, UUID(one).variant, str(UUID(one)) == one) for one in made} == {(8, RFC_4122, True)}


def test_an_id_does_not_say_how_many_there_were() -> None:
    """The next one is not the last one and one."""
    ids = Ids()
    first, second, third = (int(ids.new()[-12:], 16) for _ in range(3))
    assert abs(second - first) > 1
    assert abs(third - second) > 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_begins_anew() -> None:
    """Workers are forked from one process that has the module imported."""
    reader, writer = os.pipe()
    before = new_id()[:23]
    child = os.fork()
    if child == 0:
        os.write(writer, new_id().encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reader, 36).decode()
    os.close(reader)
    os.close(writer)
    assert len(theirs) == 36
    assert theirs[:23] != before == new_id()[:23]
