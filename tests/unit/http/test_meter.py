"""``Meter``: requests by route, method, status and duration."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from velox.http.board import Board
from velox.http.meter import Layout, Meter, exposition

ITEM: Any = SimpleNamespace(path="items/<item_id:str>", methods=frozenset({"GET", "PUT"}))
ROOT: Any = SimpleNamespace(path="", methods=frozenset({"GET"}))


def shown(*notes: tuple[Any, str, int, float], workers: int = 1) -> list[str]:
    layout = Layout([ITEM, ROOT])
    boards = [Board(None, layout.size) for _ in range(workers)]
    for board in boards:
        meter = Meter(layout, board.cells)
        for note in notes:
            meter.note(*note)
    return exposition(layout, [board.cells for board in boards]).splitlines()


def test_requests_are_counted_by_route_method_and_status() -> None:
    """A route is what the documentation calls it, not the path that was asked for."""
    lines = shown((ITEM, "GET", 200, 0.001), (ITEM, "GET", 200, 0.002), (ITEM, "PUT", 404, 0.1), (ROOT, "GET", 200, 1))
    assert 'http_requests_total{method="GET",route="/items/{item_id}",status="200"} 2' in lines
    assert 'http_requests_total{method="PUT",route="/items/{item_id}",status="404"} 1' in lines
    assert 'http_requests_total{method="GET",route="/",status="200"} 1' in lines


def test_durations_are_a_cumulative_histogram() -> None:
    """A bound belongs to its class; what is longer than all is in +Inf only."""
    lines = shown((ITEM, "GET", 200, 0.001), (ITEM, "GET", 200, 0.3), (ITEM, "GET", 200, 60.0))
    name, labels = "http_request_duration_seconds", 'method="GET",route="/items/{item_id}"'
    for bound, count in (("0.001", 1), ("0.25", 1), ("0.5", 2), ("10.0", 2), ("+Inf", 3)):
        assert f'{name}_bucket{{{labels},le="{bound}"}} {count}' in lines
    assert f"{name}_sum{{{labels}}} 60.301" in lines
    assert f"{name}_count{{{labels}}} 3" in lines


def test_what_no_route_or_status_is_known_for_is_counted_together() -> None:
    """Paths, methods and numbers that clients make up do not make new series."""
    lines = shown((None, "GET", 404, 0.0), (ROOT, "BREW", 405, 0.0), (None, "X", 0, 0.0), (ROOT, "GET", 799, 0.0))
    assert 'http_requests_total{method="",route="",status="404"} 1' in lines
    assert 'http_requests_total{method="",route="",status="405"} 1' in lines
    assert 'http_requests_total{method="",route="",status=""} 1' in lines
    assert 'http_requests_total{method="GET",route="/",status=""} 1' in lines


def test_the_workers_figures_are_added_up() -> None:
    """Whichever worker is asked."""
    assert 'http_requests_total{method="GET",route="/",status="200"} 3' in shown((ROOT, "GET", 200, 0.5), workers=3)


def test_apps_with_other_routes_have_other_layouts() -> None:
    """So workers of the old and of the new code do not add up each other's cells."""
    assert Layout([ITEM]).digest == Layout([ITEM]).digest != Layout([ITEM, ROOT]).digest
