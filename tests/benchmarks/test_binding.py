"""The benchmark of the binding layer compares like with like, and reports what it found."""

from __future__ import annotations

import json

import pytest

from benchmarks.binding.cases import CASES, REFUSED, agree
from benchmarks.binding.measure import turn
from benchmarks.binding.report import Result, markdown, to_json
from benchmarks.binding.servers import FASTAPI, SANIC, VELOX
from benchmarks.load import Answer
from benchmarks.summary import Sample


def answer(body: str, status: int = 200, media_type: str = "application/json") -> Answer:
    return Answer(status, {"content-type": media_type}, body.encode(), len(body))


def result(velox_cpu_s: float) -> Result:
    costs = {VELOX: velox_cpu_s, SANIC: 0.040, FASTAPI: 0.100}
    samples = {"typed GET": {name: [Sample(1_000, cpu_s, 0.5)] * 3 for name, cpu_s in costs.items()}}
    return Result(samples, {"sanic": "25.12.1"}, "Linux, 2 cores", "Three rounds.")


def test_answers_agree_as_json() -> None:
    """White space and a charset do not matter; what is said does."""
    spaced = answer('{"id": 1}', media_type="application/json; charset=utf-8")
    assert agree({VELOX: answer('{"id":1}'), SANIC: spaced}, 200) is None


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (answer('{"id": 2}'), "different bodies"),
        (answer('{"id": 1}', status=201), "expected 200"),
        (answer('{"id": 1}', media_type="text/plain"), "different media types"),
    ],
)
def test_a_difference_is_named(other: Answer, said: str) -> None:
    """Servers that answer differently are not compared, and the message says how they differ."""
    difference = agree({VELOX: answer('{"id": 1}'), SANIC: other}, 200)
    assert difference is not None
    assert said in difference


def test_requests_say_how_long_they_are() -> None:
    """Every request of the benchmark has the length that its head declares."""
    for one in (*CASES, *REFUSED):
        head, _, body = one.request.partition(b"\r\n\r\n")
        declared = [line for line in head.split(b"\r\n") if line.startswith(b"Content-Length:")]
        assert int(declared[0].split(b":")[1]) == len(body) if declared else not body


def test_every_server_comes_first_in_turn() -> None:
    """No server always has the place after the same other one."""
    assert [turn(["a", "b", "c"], number) for number in range(4)] == [
        ["a", "b", "c"],
        ["b", "c", "a"],
        ["c", "a", "b"],
        ["a", "b", "c"],
    ]


def test_a_target_that_is_met() -> None:
    """Ratios within their targets are plain numbers."""
    page = markdown(result(0.044))
    assert "| typed GET | 1.10 | 0.44 |" in page
    assert "| typed GET | Velox | 44.0 | 44.0 to 44.0 | 2,000 |" in page
    assert "missed" not in page


def test_a_target_that_is_missed() -> None:
    """A missed target cannot be overlooked."""
    assert "| typed GET | **1.50** (missed) | **0.60** (missed) |" in markdown(result(0.060))


def test_json_has_every_sample() -> None:
    """The JSON lets others compute their own statistics."""
    document = json.loads(to_json(result(0.044)))
    assert document["ratios"]["typed GET"][SANIC] == pytest.approx(1.1)
    assert len(document["cases"]["typed GET"][VELOX]["samples"]) == 3
