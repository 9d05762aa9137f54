"""Batch scoring gives the API's answers, in constant memory, and goes on after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier

from tests.apps.passengers import passengers, publish
from velox.errors import ConfigurationError
from velox.ml import Registry, score
from velox.testing import TestClient

MakeApp = Callable[..., Any]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    publish(folder, final=RandomForestClassifier(5, random_state=0))
    return folder


def odd_rows(count: int) -> Any:
    """Passengers, of whom the fourth has a class that the model does not know, and the sixth a great age."""
    frame = passengers(count, seed=6).drop(columns="survived")
    frame.loc[3, "class"] = 9
    frame.loc[5, "age"] = 101
    return frame


@pytest.mark.parametrize("kind", ["csv", "parquet"])
async def test_the_answers_are_those_of_the_api(root: Path, make_app: MakeApp, tmp_path: Path, kind: str) -> None:
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    frame = odd_rows(50)
    data, out = tmp_path / f"data.{kind}", tmp_path / f"out.{kind}"
    frame.to_csv(data, index=False) if kind == "csv" else frame.to_parquet(data, index=False)
    seen: list[int] = []
    made = score(Registry(root), "titanic", data, out, part_rows=20, progress=seen.append)
    assert (made.rows, made.refused, made.resumed, seen) == (50, 1, 0, [20, 20, 10])
    found = pd.read_csv(out) if kind == "csv" else pd.read_parquet(out)
    assert found["fare"].tolist() == frame["fare"].tolist()
    app = make_app(model_root=str(root))
    app.serve_model("titanic")
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    async with TestClient(app) as client:
        for row, line in zip(rows, found.to_dict("records"), strict=True):
            answer = await client.post("/models/titanic/predict", json=row)
            if answer.status_code == 422:
                (error,) = answer.json()["errors"]
                assert line["error"] == f"{error['pointer'][1:]}: {error['message']}"
                assert pd.isna(line["prediction"])
            else:
                told = answer.json()
                shares = {"no": line["probability_no"], "yes": line["probability_yes"]}
                assert (line["prediction"], shares) == (told["prediction"], told["probabilities"])
                assert (line["warnings"] if told["warnings"] else None) == ("; ".join(told["warnings"]) or None)
    assert not out.with_name(f"{out.name}.parts").exists()


def test_a_killed_run_goes_on_where_it_was(root: Path, tmp_path: Path) -> None:
    data, out, straight = tmp_path / "data.csv", tmp_path / "out.csv", tmp_path / "straight.csv"
    odd_rows(800).to_csv(data, index=False)
    score(Registry(root), "titanic", data, straight, part_rows=20)
    environment = {**os.environ, "VELOX_MODEL_ROOT": str(root)}
    command = [sys.executable, "-m", "velox", "ml", "score", "titanic", str(data), "--out", str(out), "--part", "20"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not (tmp_path / "out.csv.parts" / "000002.json").exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
        process.send_signal(signal.SIGKILL)
    assert not out.exists()
    done = subprocess.run([*command, "--json"], env=environment, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert (told["rows"], told["refused"]) == (800, 1)
    assert 60 <= told["resumed"] < 800
    assert out.read_bytes() == straight.read_bytes()


def test_another_order_begins_anew(root: Path, tmp_path: Path) -> None:
    data, out = tmp_path / "data.csv", tmp_path / "out.csv"
    odd_rows(30).to_csv(data, index=False)
    folder = tmp_path / "out.csv.parts"
    folder.mkdir()
    (folder / "000000.csv").write_text("from another model\n")
    (folder / "000000.json").write_text("[10, 0]")
    (folder / "order.json").write_text("{}")
    made = score(Registry(root), "titanic", data, out, part_rows=10)
    assert (made.rows, made.resumed) == (30, 0)
    assert "another" not in out.read_text()


@pytest.mark.parametrize(("backend", "jobs"), [("loky", 2), ("dask", 1)])
def test_parts_are_answered_by_other_processes(root: Path, tmp_path: Path, backend: str, jobs: int) -> None:
    data, out, straight = tmp_path / "data.csv", tmp_path / "out.csv", tmp_path / "straight.csv"
    odd_rows(100).to_csv(data, index=False)
    score(Registry(root), "titanic", data, straight, part_rows=30)
    if backend == "dask":
        distributed = pytest.importorskip("distributed")
        with distributed.Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address=None):
            score(Registry(root), "titanic", data, out, part_rows=30, jobs=jobs, backend=backend)
    else:
        score(Registry(root), "titanic", data, out, part_rows=30, jobs=jobs, backend=backend)
    assert out.read_bytes() == straight.read_bytes()


def test_what_cannot_be_scored_is_said_before_anything_is_written(root: Path, tmp_path: Path) -> None:
    good, out = tmp_path / "good.csv", tmp_path / "out.csv"
    odd_rows(10).to_csv(good, index=False)
    odd_rows(10).drop(columns="sex").to_csv(tmp_path / "less.csv", index=False)
    odd_rows(10).assign(prediction=1).to_csv(tmp_path / "taken.csv", index=False)
    (tmp_path / "none.csv").write_text("")
    for data, target, said in (
        (tmp_path / "absent.csv", out, "is no file"),
        (tmp_path / "less.csv", out, "has no column sex"),
        (tmp_path / "taken.csv", out, "has a column prediction already"),
        (tmp_path / "none.csv", out, "cannot be read"),
        (good, tmp_path / "out.xlsx", "of no kind"),
        (good, good, "would replace the data"),
    ):
        with pytest.raises(ConfigurationError, match=f"VX819 .*{said}"):
            score(Registry(root), "titanic", data, target)
    assert not list(tmp_path.glob("out*"))
