"""Models behind HTTP: typed answers, versions exchanged under load, and files that are not to be trusted."""

from __future__ import annotations

import asyncio
import io
import json
import os
import pickle
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from tests.apps.passengers import ROW, fitted, passengers, publish
from velox.errors import ConfigurationError
from velox.ml import Policies, Registry, load, publish_estimator
from velox.ml.storage import digest
from velox.testing import TestClient

MakeApp = Callable[..., Any]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "models"


async def test_a_row_gets_scikit_learns_answer(root: Path, make_app: MakeApp) -> None:
    publish(root)
    app = make_app(model_root=str(root))
    app.serve_model("titanic")
    estimator = fitted()
    frame = passengers(60, seed=3)
    rows = json.loads(frame.drop(columns="survived").to_json(orient="records"))
    async with TestClient(app) as client:
        for row, label, shares in zip(rows, estimator.predict(frame), estimator.predict_proba(frame), strict=True):
            answer = (await client.post("/models/titanic/predict", json=row)).json()
            assert (answer["prediction"], answer["model"], answer["version"]) == (label, "titanic", "1")
            assert list(answer["probabilities"]) == ["no", "yes"]
            np.testing.assert_allclose(list(answer["probabilities"].values()), shares, atol=1e-12)
        many = (await client.post("/models/titanic/predict", json={"rows": rows})).json()
    assert [each["prediction"] for each in many["predictions"]] == estimator.predict(frame).tolist()


async def test_wrong_rows_are_a_problem_that_names_each_field(root: Path, make_app: MakeApp) -> None:
    publish(root)
    app = make_app(model_root=str(root))
    app.serve_model("titanic", out_of_range="reject")
    cases: list[tuple[Any, list[str]]] = [
        ({**ROW, "sex": "other"}, ["/sex"]),
        ({**ROW, "age": "old", "extra": 1}, ["/age", "/extra"]),
        ({**ROW, "fare": 1e6}, ["/fare"]),
        ({**ROW, "fare": 10**400}, ["/fare"]),
        ({"rows": [ROW, {**ROW, "class": 9}]}, ["/rows/1/class"]),
        ({"rows": []}, ["/rows"]),
        ({"rows": ROW}, ["/rows"]),
        ({"rows": [ROW], "more": 1}, ["/more"]),
        ({"rows": [ROW] * 1001}, ["/rows"]),
        ({}, ["/class", "/sex", "/fare"]),
    ]
    async with TestClient(app) as client:
        for body, pointers in cases:
            answer = await client.post("/models/titanic/predict", json=body)
            assert answer.status_code == 422, answer.text
            assert sorted(error["pointer"] for error in answer.json()["errors"]) == sorted(pointers)
        infinite = json.dumps(ROW).replace("7.25", "1e999").encode()
        for text in (infinite, b"[1]", b"nonsense", b'{"age": NaN}', b'{"age": 1, "age": 2}'):
            answer = await client.post(
                "/models/titanic/predict", content=text, headers={"content-type": "application/json"}
            )
            assert answer.status_code in (400, 422)
        huge = b'{"rows": [' + b",".join([json.dumps(ROW).encode()] * 1_000_000) + b"]}"
        answer = await client.post(
            "/models/titanic/predict", content=huge, headers={"content-type": "application/json"}
        )
        assert answer.status_code == 413


async def test_what_is_odd_about_a_row_is_a_warning(root: Path, make_app: MakeApp) -> None:
    publish(root, policies=Policies("clip", "warn"))
    app = make_app(model_root=str(root))
    app.serve_model("titanic")
    async with TestClient(app) as client:
        answer = (await client.post("/models/titanic/predict", json={**ROW, "age": 500, "port": "X"})).json()
    assert [warning.partition(":")[0] for warning in answer["warnings"]] == ["age", "port"]


@pytest.mark.parametrize("final", [None, RandomForestClassifier(5, random_state=0), KNeighborsClassifier()], ids=repr)
async def test_the_effects_of_an_explanation_add_up_to_the_answer(root: Path, make_app: MakeApp, final: Any) -> None:
    publish(root, final=final)
    app = make_app(model_root=str(root))
    app.serve_model("titanic")
    async with TestClient(app) as client:
        told = (await client.post("/models/titanic/explain", json={**ROW, "sex": "female"})).json()
        wrong = await client.post("/models/titanic/explain", json={"rows": [ROW]})
    total = sum(each["effect"] for each in told["effects"])
    assert told["value"] == told["probabilities"][told["prediction"]]
    assert total == pytest.approx(told["value"] - told["typical_value"], abs=1e-9)
    assert {each["feature"] for each in told["effects"]} == set(ROW)
    assert wrong.status_code == 422


async def test_the_document_has_the_models_own_types_and_examples(root: Path, make_app: MakeApp) -> None:
    publish(root)
    app = make_app(model_root=str(root))
    app.serve_model("titanic")
    async with TestClient(app) as client:
        document = (await client.get("/openapi.json")).json()
        operation = document["paths"]["/models/titanic/predict"]["post"]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        assert schema["anyOf"][0]["properties"]["sex"]["enum"] == ["female", "male"]
        assert set(operation["responses"]) >= {"200", "422", "503"}
        for example in schema["examples"]:
            assert (await client.post("/models/titanic/predict", json=example)).status_code == 200
        assert (await client.get("/models")).json()["models"][0]["name"] == "titanic"
        described = (await client.get("/models/titanic")).json()
    assert described["served"]["by"] == "compiled"
    assert described["schema"]["outcome"]["classes"] == ["no", "yes"]


@pytest.mark.parametrize(
    "final", [RandomForestClassifier(10, random_state=0), KNeighborsClassifier()], ids=lambda each: type(each).__name__
)
async def test_concurrent_rows_are_answered_in_batches_each_with_its_own_answer(
    root: Path, make_app: MakeApp, final: Any
) -> None:
    publish(root, final=final)
    app = make_app(model_root=str(root))
    service = app.serve_model("titanic")
    estimator, frame = fitted(final), passengers(64, seed=4)
    rows = json.loads(frame.drop(columns="survived").to_json(orient="records"))
    async with TestClient(app) as client:
        answers = await asyncio.gather(*[client.post("/models/titanic/predict", json=row) for row in rows])
        batches = service.count("batches")
    assert [answer.json()["prediction"] for answer in answers] == estimator.predict(frame).tolist()
    assert 1 <= batches < 64


async def test_versions_are_exchanged_under_load_without_a_request_that_fails(root: Path, make_app: MakeApp) -> None:
    publish(root)
    publish(root, final=DecisionTreeClassifier(max_depth=3, random_state=0))
    registry = Registry(root)
    registry.promote("titanic@1")
    app = make_app(model_root=str(root))
    service = app.serve_model("titanic")
    service.serving = replace(service.serving, poll_s=0.01)
    seen: set[str] = set()

    async def ask(client: TestClient, version: str) -> None:
        async with asyncio.timeout(20):
            while True:
                answer = await client.post("/models/titanic/predict", json=ROW)
                assert answer.status_code == 200
                seen.add(answer.json()["version"])
                if answer.json()["version"] == version:
                    return

    async with TestClient(app) as client:
        await ask(client, "1")
        registry.promote("titanic@2")
        await asyncio.gather(*[ask(client, "2") for _ in range(4)])
        registry.rollback("titanic")
        await asyncio.gather(*[ask(client, "1") for _ in range(4)])
    assert (seen, service.versions.swaps, service.count("failed")) == ({"1", "2"}, 2, 0)


class Slow(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Takes its time, in a thread of its own since it is not scikit-learn's."""

    def fit(self, X: Any, y: Any) -> Any:  # noqa: N803
        self.classes_ = np.unique(y)
        self.feature_names_in_ = np.array(X.columns, dtype=object)
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        threading.Event().wait(0.005)
        return np.full(len(X), self.classes_[0])


async def test_rows_that_wait_for_a_version_are_answered_by_it_after_another_took_over(
    root: Path, make_app: MakeApp
) -> None:
    frame = passengers().dropna()
    registry = Registry(root)
    for _ in range(2):
        estimator = Slow().fit(frame[["age"]], frame["survived"])
        publish_estimator(registry, "slow", estimator, frame, target="survived")
    registry.promote("slow@1")
    app = make_app(model_root=str(root))
    service = app.serve_model("slow", max_batch=2)
    body = {"rows": [{"age": age} for age in range(20, 50)]}
    async with TestClient(app) as client:
        waiting = [asyncio.create_task(client.post("/models/slow/predict", json={"age": 30})) for _ in range(30)]
        waiting.append(asyncio.create_task(client.post("/models/slow/predict", json=body)))
        async with asyncio.timeout(10):
            while not service.count("requests"):  # noqa: ASYNC110 - the service tells nobody
                await asyncio.sleep(0)
        registry.promote("slow@2")
        assert await service.versions.refresh()
        answers = await asyncio.gather(*waiting)
        after = await client.post("/models/slow/predict", json={"age": 30})
    assert {answer.status_code for answer in answers} == {200}
    assert after.json()["version"] == "2"


async def test_a_version_that_cannot_be_loaded_leaves_the_old_one_serving(
    root: Path, make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    publish(root)
    publish(root)
    registry = Registry(root)
    registry.promote("titanic@1")
    (root / "titanic" / "2" / "model.joblib").write_bytes(b"damaged")
    app = make_app(model_root=str(root))
    service = app.serve_model("titanic")
    async with TestClient(app) as client:
        registry.promote("titanic@2")
        assert not await service.versions.refresh()
        assert (await client.post("/models/titanic/predict", json=ROW)).json()["version"] == "1"
        assert (await client.get("/health/ready")).status_code == 200
    assert "VX812" in caplog.text


def test_a_model_that_does_not_exist_stops_the_factory(root: Path, make_app: MakeApp) -> None:
    with pytest.raises(ConfigurationError, match="VX811"):
        make_app(model_root=str(root)).serve_model("titanic")


async def test_a_model_that_cannot_be_loaded_stops_the_start(root: Path, make_app: MakeApp) -> None:
    publish(root)
    (root / "titanic" / "1" / "model.joblib").write_bytes(b"damaged")
    app = make_app(model_root=str(root))
    app.serve_model("titanic")
    with pytest.raises(ConfigurationError, match="VX812"):
        async with TestClient(app):
            pass


# Files that are not to be trusted


class Gadget:
    """Makes a file when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.place),)


def gadget(place: Path) -> bytes:
    return pickle.dumps(Gadget(place))


def test_a_pickle_that_was_put_in_a_models_place_is_not_executed(root: Path, tmp_path: Path) -> None:
    publish(root)
    ran = tmp_path / "ran"
    (root / "titanic" / "1" / "model.joblib").write_bytes(gadget(ran))
    with pytest.raises(ConfigurationError, match="VX812"):
        load(Registry(root), "titanic")
    assert not ran.exists()


def test_a_model_that_is_exchanged_while_it_is_loaded_is_not_executed(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the check and the unpickling there is no second look at the disk."""
    publish(root)
    ran = tmp_path / "ran"
    checked = Registry.read

    def read(registry: Registry, manifest: Any, file: str) -> bytes:
        content = checked(registry, manifest, file)
        (root / "titanic" / "1" / file).write_bytes(gadget(ran))
        return content

    monkeypatch.setattr(Registry, "read", read)
    monkeypatch.setattr("velox.ml.runner.REFERENCE", "model.joblib")
    with pytest.raises(ConfigurationError, match="VX812"):  # at the second reading
        load(Registry(root), "titanic")
    assert not ran.exists()


def test_a_truncated_model_is_not_unpickled(root: Path) -> None:
    publish(root)
    place = root / "titanic" / "1" / "model.joblib"
    place.write_bytes(place.read_bytes()[:-10])
    with pytest.raises(ConfigurationError, match="VX812"):
        load(Registry(root), "titanic")


def test_a_model_that_answers_otherwise_than_when_it_was_published_is_refused(root: Path) -> None:
    """As another version of scikit-learn might: the digests are right, the answers are not."""
    manifest = publish(root)
    other = io.BytesIO()
    joblib.dump(fitted(DecisionTreeClassifier(max_depth=1)), other)
    folder = root / "titanic" / "1"
    (folder / "model.joblib").write_bytes(other.getvalue())
    files = {**manifest.files, "model.joblib": digest(other.getvalue())}
    (folder / "manifest.json").write_bytes(replace(manifest, files=files).to_json())
    with pytest.raises(ConfigurationError, match=r"VX814 .*otherwise"):
        load(Registry(root), "titanic")


def test_another_scikit_learn_is_a_warning_or_a_refusal(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    manifest = publish(root)
    other = replace(manifest, libraries={**manifest.libraries, "scikit-learn": "0.24.2"})
    (root / "titanic" / "1" / "manifest.json").write_bytes(other.to_json())
    load(Registry(root), "titanic")
    assert "made with scikit-learn 0.24.2" in caplog.text
    with pytest.raises(ConfigurationError, match=r"VX814 .*0\.24\.2"):
        load(Registry(root), "titanic", on_mismatch="refuse")


def test_a_model_whose_code_is_not_here_is_said_so(root: Path) -> None:
    manifest = publish(root)
    content = b"\x80\x04\x95\x1b\x00\x00\x00\x00\x00\x00\x00\x8c\x0bnot_a_model\x94\x8c\x05Model\x94\x93\x94."
    folder = root / "titanic" / "1"
    (folder / "model.joblib").write_bytes(content)
    files = {**manifest.files, "model.joblib": digest(content)}
    (folder / "manifest.json").write_bytes(replace(manifest, files=files).to_json())
    with pytest.raises(ConfigurationError, match=r"VX816 .*not_a_model"):
        load(Registry(root), "titanic")


@pytest.mark.parametrize("name", ["..%2ftitanic", "%2e%2e", "titanic%2f1", "titanic%00"])
async def test_no_url_leads_to_another_file(root: Path, make_app: MakeApp, name: str) -> None:
    publish(root)
    app = make_app(model_root=str(root))
    app.serve_model("titanic")
    async with TestClient(app) as client:
        assert (await client.get(f"/models/{name}")).status_code in (400, 404)


def test_threads_of_a_models_own_are_switched_off(root: Path) -> None:
    publish(root, final=RandomForestClassifier(5, n_jobs=2, random_state=0))
    runner = load(Registry(root), "titanic")
    assert runner.estimator.steps[-1][1].n_jobs is None


def test_a_pipeline_of_two_targets_is_refused(root: Path) -> None:
    frame = passengers()[["fare"]]
    both = make_pipeline(DecisionTreeClassifier()).fit(frame, np.stack([frame["fare"] > 9, frame["fare"] > 30], axis=1))
    with pytest.raises(ConfigurationError, match=r"VX816 .*several targets"):
        publish_estimator(Registry(root), "two", both, frame)
