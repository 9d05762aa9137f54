"""The way of a newcomer: a table, a report, a promotion, a server, a request; and a model from elsewhere."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import joblib
import pytest
from sklearn.ensemble import RandomForestClassifier

from tests.apps.passengers import NUMBERS, ROW, fitted, passengers
from velox.cli.ml import ML_COMMANDS
from velox.testing import LiveServer

Run = Callable[..., subprocess.CompletedProcess[str]]
Serve = Callable[[Path], AbstractContextManager[httpx.Client]]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "passengers.csv"
    passengers().to_csv(path, index=False)
    return path


def test_train_show_promote_evaluate_diff_and_rollback(run: Run, tmp_path: Path, table: Path) -> None:
    options = ("--target", "survived", "--name", "titanic", "--folds", "2")
    done = run("velox", "ml", "train", table.name, *options, "--model", "tree", cwd=tmp_path)
    assert "published titanic@1  DecisionTreeClassifier" in done.stdout
    assert "baseline" in done.stdout
    assert (tmp_path / "models" / "titanic" / "1" / "report.html").is_file()
    done = run("velox", "ml", "train", table.name, *options, "--model", "logreg", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["version"] == "2"
    run("velox", "ml", "promote", "titanic@1", cwd=tmp_path)
    done = run("velox", "ml", "promote", "titanic@2", cwd=tmp_path)
    assert "production of titanic is version 2; it was 1" in done.stdout
    assert "LogisticRegression" in run("velox", "ml", "show", "titanic", cwd=tmp_path).stdout
    assert "~ estimator" in run("velox", "ml", "diff", "titanic@1", "titanic@2", cwd=tmp_path).stdout
    assert "version 1 again" in run("velox", "ml", "rollback", "titanic", cwd=tmp_path).stdout
    listed = json.loads(run("velox", "ml", "models", "--json", cwd=tmp_path).stdout)
    assert listed == [{"name": "titanic", "versions": ["1", "2"], "aliases": {"production": "1"}}]
    trained = json.loads(run("velox", "ml", "show", "titanic@1", "--json", cwd=tmp_path).stdout)["metrics"]
    assert json.loads(run("velox", "ml", "evaluate", "titanic@1", "--json", cwd=tmp_path).stdout) == trained
    table.write_text(table.read_text() + "1,female,30,10,S,yes\n")
    done = run("velox", "ml", "evaluate", "titanic@1", cwd=tmp_path, code=1)
    assert "VX815" in done.stderr
    run("velox", "ml", "evaluate", "titanic@1", "--data", table.name, cwd=tmp_path)


def test_a_model_from_elsewhere_is_imported_and_served_with_two_commands(run: Run, tmp_path: Path, table: Path) -> None:
    joblib.dump(fitted(RandomForestClassifier(10, random_state=0)), tmp_path / "model.joblib")
    command = ("velox", "ml", "import", "model.joblib", "--sample", table.name, "--name", "titanic")
    done = run(*command, "--target", "survived", cwd=tmp_path)
    assert "its compiled form (forest)" in done.stdout
    server = ("velox.app.model_server:create_app", {"VELOX_SERVED_MODELS": "titanic"})
    with LiveServer(server[0], directory=tmp_path, environment=server[1]) as live:
        answer = httpx.post(f"{live.url}/models/titanic/predict", json=ROW).json()
        assert answer["prediction"] in ("no", "yes")
        assert httpx.get(f"{live.url}/health/ready").status_code == 200


def test_an_array_estimator_is_imported(run: Run, tmp_path: Path, table: Path) -> None:
    frame = passengers()[[*NUMBERS]].dropna()
    frame.to_csv(tmp_path / "sample.csv", index=False)
    labels = passengers().loc[frame.index, "survived"]
    joblib.dump(RandomForestClassifier(5, random_state=0).fit(frame.to_numpy(), labels), tmp_path / "model.joblib")
    run("velox", "ml", "import", "model.joblib", "--sample", "sample.csv", "--name", "plain", cwd=tmp_path)
    wrong = ("velox", "ml", "import", "model.joblib", "--sample", table.name, "--name", "plain")
    assert "the model takes 2 columns, and the sample has 6" in run(*wrong, cwd=tmp_path, code=1).stderr
    (tmp_path / "model.joblib").write_bytes(b"no pickle")
    assert "VX816" in run(*wrong, cwd=tmp_path, code=1).stderr


@pytest.mark.parametrize("command", ML_COMMANDS)
def test_every_command_has_a_help_that_ends_with_an_example(run: Run, tmp_path: Path, command: str) -> None:
    assert f"velox ml {command}" in run("velox", "ml", command, "--help", cwd=tmp_path).stdout.partition("Example")[2]


def test_a_project_of_the_template_trains_serves_and_passes_its_own_checks(
    run: Run, serve: Serve, tmp_path: Path
) -> None:
    run("velox", "makeproject", "ship", "--template", "ml", cwd=tmp_path)
    ship = tmp_path / "ship"
    for command in (("ruff", "check"), ("ruff", "format", "--check"), ("mypy",)):
        run(*command, cwd=ship)
    assert "4 passed" in run("pytest", "-q", cwd=ship).stdout
    assert "VX811" in run("velox", "routes", cwd=ship, code=1).stderr
    assert "published titanic@1" in run("python", "-m", "app.training", cwd=ship).stdout
    run("velox", "ml", "promote", "titanic", cwd=ship)
    with serve(ship) as client:
        document = client.get("/openapi.json").json()
        body = document["paths"]["/models/titanic/predict"]["post"]["requestBody"]["content"]["application/json"]
        for example in body["schema"]["examples"]:
            assert client.post("/models/titanic/predict", json=example).status_code == 200
