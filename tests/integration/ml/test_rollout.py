"""A canary and a shadow beside the version in service, and documents and figures that follow it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sklearn.dummy import DummyClassifier
from sklearn.tree import DecisionTreeClassifier

from tests.apps.passengers import ROW, fitted, passengers, publish
from velox.errors import ConfigurationError
from velox.ml import Registry, publish_estimator
from velox.ml.canary import takes_part
from velox.testing import TestClient

MakeApp = Callable[..., Any]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    publish(folder)
    publish(folder, final=DecisionTreeClassifier(max_depth=2, random_state=0))
    Registry(folder).promote("titanic@1")
    return folder


def test_a_canarys_share_is_sticky_and_grows() -> None:
    clients = [f"192.0.2.{number}" for number in range(250)] + [f"198.51.100.{number}" for number in range(250)]
    few, more = ({key for key in clients if takes_part(key, "titanic@2", percent)} for percent in (10, 40))
    assert few < more
    assert 25 <= len(few) <= 80
    assert 150 <= len(more) <= 250
    assert few != {key for key in clients if takes_part(key, "titanic@3", 10)}
    assert not any(takes_part(key, "titanic@2", 0) for key in clients)
    assert all(takes_part(key, "titanic@2", 100) for key in clients)


def test_the_registry_keeps_the_canarys_percentage(root: Path) -> None:
    registry = Registry(root)
    assert registry.promote("titanic@2", "canary", percent=10) == (None, "2")
    assert registry.promote("titanic@2", "canary", percent=25) == ("2", "2")
    assert registry.standing("titanic")["canary"].percent == 25
    assert registry.aliases("titanic") == {"production": "1", "canary": "2"}
    with pytest.raises(ConfigurationError, match="VX811"):
        registry.rollback("titanic", "canary")  # another share is no other version
    assert registry.withdraw("titanic", "canary") == "2"
    assert registry.aliases("titanic") == {"production": "1"}
    for wrong in (-1.0, 101.0, float("nan")):
        with pytest.raises(ConfigurationError, match="VX818"):
            registry.promote("titanic@2", "canary", percent=wrong)
    with pytest.raises(ConfigurationError, match="VX818"):
        registry.promote("titanic@2", percent=10)
    with pytest.raises(ConfigurationError, match="VX813"):
        registry.withdraw("titanic", "production")
    with pytest.raises(ConfigurationError, match="VX811"):
        registry.withdraw("titanic", "shadow")


async def test_a_client_is_answered_by_the_canary_always_or_never(root: Path, make_app: MakeApp) -> None:
    registry = Registry(root)
    registry.promote("titanic@2", "canary", percent=50)
    app = make_app(model_root=str(root))
    service = app.serve_model("titanic")
    clients = [f"192.0.2.{number}" for number in range(40)]
    async with TestClient(app) as client:
        seen = {key: {(await service.predict(ROW, key))[-4:-1] for _ in range(3)} for key in clients}
        assert {frozenset(versions) for versions in seen.values()} == {frozenset({b'"1"'}), frozenset({b'"2"'})}
        assert (await client.get("/models/titanic")).json()["canary"] == {"version": "2", "percent": 50}
        pinned = await client.get("/v2/models/titanic/versions/2")
        assert pinned.json()["versions"] == ["1", "2"]
        registry.promote("titanic@2", "canary", percent=100)
        await service.versions.refresh()
        assert (await client.post("/models/titanic/predict", json=ROW)).json()["version"] == "2"
        assert (await client.post("/models/titanic/explain", json=ROW)).json()["version"] == "2"
        registry.withdraw("titanic", "canary")
        await service.versions.refresh()
        assert (await client.post("/models/titanic/predict", json=ROW)).json()["version"] == "1"
        assert "canary" not in (await client.get("/models/titanic")).json()


async def test_a_canary_that_would_refuse_productions_rows_gets_none(
    root: Path, make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    frame = passengers()
    narrow = frame[frame["sex"] == "male"].drop(columns="age")
    publish_estimator(
        Registry(root),
        "titanic",
        DummyClassifier().fit(narrow[["fare", "sex"]], narrow["survived"]),
        narrow,
        target="survived",
    )
    Registry(root).promote("titanic@3", "canary", percent=100)
    Registry(root).promote("titanic@3", "shadow")
    app = make_app(model_root=str(root))
    app.serve_model("titanic")
    async with TestClient(app) as client:
        assert (await client.post("/models/titanic/predict", json=ROW)).json()["version"] == "1"
        refused = (await client.get("/models/titanic")).json()["refused"]
    assert set(refused) == {"canary", "shadow"}
    assert "sex cannot be female" in refused["canary"]
    assert "age is no feature" in caplog.text


async def test_a_shadow_is_compared_and_never_answers(root: Path, make_app: MakeApp) -> None:
    Registry(root).promote("titanic@2", "shadow")
    app = make_app(model_root=str(root), metrics=True)
    service = app.serve_model("titanic")
    frame = passengers(30, seed=5)
    rows = frame.drop(columns="survived").astype(object).where(frame.notna(), None).to_dict("records")
    ours, theirs = fitted().predict(frame), fitted(DecisionTreeClassifier(max_depth=2, random_state=0)).predict(frame)
    gaps = abs(
        fitted().predict_proba(frame) - fitted(DecisionTreeClassifier(max_depth=2, random_state=0)).predict_proba(frame)
    )
    async with TestClient(app) as client:
        many = await client.post("/models/titanic/predict", json={"rows": rows[:29]})
        one = await client.post("/models/titanic/predict", json=rows[29])
        assert {many.json()["version"], one.json()["version"]} == {"1"}
        await service.versions.shadow.settled()
        found = (await client.get("/models/titanic")).json()["shadow"]
        figures = (await client.get("/metrics")).text
        Registry(root).promote("titanic@2", "canary", percent=100)
        await service.versions.refresh()
        assert (await client.post("/models/titanic/predict", json=ROW)).json()["version"] == "2"
        await service.versions.shadow.settled()
        assert service.versions.shadow.comparison.to_dict() == {k: v for k, v in found.items() if k != "version"}
    agreeing = int((ours == theirs).sum())
    assert (found["version"], found["agreeing"], found["differing"]) == ("2", agreeing, 30 - agreeing)
    assert 0 < agreeing < 30
    assert found["max_difference"] == pytest.approx(gaps.max())
    assert f'model_shadow_agreeing_total{{model="titanic",version="2"}} {agreeing}' in figures


async def test_the_document_follows_the_version_in_service(root: Path, make_app: MakeApp) -> None:
    frame = passengers().rename(columns={"fare": "price"})
    publish_estimator(
        Registry(root),
        "titanic",
        DummyClassifier().fit(frame[["price", "class"]], frame["survived"]),
        frame,
        target="survived",
    )
    app = make_app(model_root=str(root))
    service = app.serve_model("titanic")

    async def fields(client: TestClient) -> set[str]:
        document = (await client.get("/openapi.json")).json()
        body = document["paths"]["/models/titanic/predict"]["post"]["requestBody"]
        return set(body["content"]["application/json"]["schema"]["anyOf"][0]["properties"])

    async with TestClient(app) as client:
        assert await fields(client) == set(ROW)
        Registry(root).promote("titanic@3")
        await service.versions.refresh()
        assert await fields(client) == {"price", "class"}
        Registry(root).rollback("titanic")
        await service.versions.refresh()
        assert await fields(client) == set(ROW)


async def test_metrics_count_by_model_and_version(root: Path, make_app: MakeApp) -> None:
    app = make_app(model_root=str(root), metrics=True)
    service = app.serve_model("titanic")
    async with TestClient(app) as client:
        await client.post("/models/titanic/predict", json=ROW)
        await client.post("/models/titanic/predict", json={"rows": [ROW] * 70})
        await client.post("/models/titanic/predict", json={})
        Registry(root).promote("titanic@2")
        await service.versions.refresh()
        await client.post("/models/titanic/predict", json=ROW)
        figures = (await client.get("/metrics")).text
    for line in (
        'model_requests_total{model="titanic",version="1"} 3',
        'model_requests_total{model="titanic",version="2"} 1',
        'model_rows_total{model="titanic",version="1"} 71',
        'model_invalid_total{model="titanic",version="1"} 1',
        'model_batches_total{model="titanic",version="1"} 2',
        'model_batch_rows_total{model="titanic",version="1"} 70',
        'model_request_duration_seconds_count{model="titanic",version="1"} 3',
    ):
        assert f"{line}\n" in figures
