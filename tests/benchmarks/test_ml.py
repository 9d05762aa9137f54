"""The benchmark of models asks each server in its own words, and reads the same answer out of each."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks.http.measure import Timed
from benchmarks.ml.__main__ import page
from benchmarks.ml.cases import DIALECTS, ROW

SHARES = {"0": 0.75, "1": 0.25}
ANSWERS: dict[str, Any] = {
    "Velox": {"prediction": 0, "probabilities": SHARES},
    "FastAPI + joblib": {"prediction": 0, "probabilities": SHARES},
    "LitServe": {"prediction": 0, "probabilities": SHARES},
    "BentoML": [{"prediction": 0, "probabilities": SHARES}],
    "MLServer": {"outputs": [{"name": "predict_proba", "shape": [1, 2], "data": [0.75, 0.25]}]},
}


@pytest.mark.parametrize("name", DIALECTS)
def test_a_server_is_asked_for_the_row_and_its_answer_is_read(name: str) -> None:
    request = DIALECTS[name].ask("logreg", ROW)
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /")
    assert f"Content-Length: {len(body)}".encode() in head
    assert str(ROW["fare"]) in json.dumps(json.loads(body))
    assert list(DIALECTS[name].read(ANSWERS[name])) == [0.75, 0.25]


def test_the_page_begins_with_the_cheapest_and_counts_the_others_in_its_costs() -> None:
    cheap, dear = Timed(1000, 0.1, 2.0, 500, 900), Timed(100, 0.1, 2.0, 5000, 9000)
    lines = page({"dear": [dear], "cheap": [cheap]}, {"dear": 2_000_000, "cheap": 1_000_000}).splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| cheap", "| dear"]
    assert lines[2].split(" | ")[1:4] == ["500", "100", "1.0"]
    assert lines[3].split(" | ")[3] == "10.0"
