"""Answers are remembered where that pays: by the row's values and the version, in memory or in Redis."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sklearn.ensemble import RandomForestClassifier

from tests.apps.passengers import ROW, publish
from velox.ml import Registry
from velox.ml.loaded import remember
from velox.ml.remembering import AnswerCache, Verdict
from velox.redis import Redis
from velox.testing import TestClient

MakeApp = Callable[..., Any]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "models"


async def pays(*arguments: Any) -> Verdict:
    return Verdict(pays=True, look_up_us=1.0, predict_us=100.0)


async def test_a_row_is_predicted_once_by_each_version(
    root: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it pays is measured; here it is said to."""
    monkeypatch.setattr("velox.ml.loaded.judge", pays)
    await is_predicted_once(root, make_app(model_root=str(root)))


async def test_a_row_is_predicted_once_for_all_machines(
    root: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, redis: Redis, redis_url: str
) -> None:
    monkeypatch.setattr("velox.ml.loaded.judge", pays)
    shared = {"name": redis.prefix, "redis_url": redis_url, "redis_timeout_s": 5.0}
    await is_predicted_once(root, make_app(model_root=str(root), **shared))
    app = make_app(model_root=str(root), **shared)
    service = app.serve_model("titanic@1", cache="5m")
    async with TestClient(app) as client:
        await client.post("/models/titanic/predict", json=ROW)
    assert (service.count("cache_hits"), service.count("batches")) == (1, 0)


async def is_predicted_once(root: Path, app: Any) -> None:
    publish(root, final=RandomForestClassifier(5, random_state=0))
    publish(root, final=RandomForestClassifier(6, random_state=1))
    Registry(root).promote("titanic@1")
    service = app.serve_model("titanic", cache="5m")
    same = {**ROW, "age": 22, "class": 3.0}  # other JSON, the same values
    async with TestClient(app) as client:
        answers = [(await client.post("/models/titanic/predict", json=row)).json() for row in (ROW, same, ROW)]
        assert (service.count("cache_misses"), service.count("cache_hits"), service.count("batches")) == (1, 2, 1)
        assert answers[0] == answers[1] == answers[2]
        other = (await client.post("/models/titanic/predict", json={**ROW, "fare": 7.26})).json()
        assert (other["version"], service.count("batches")) == ("1", 2)
        Registry(root).promote("titanic@2")
        await service.versions.refresh()
        newer = (await client.post("/models/titanic/predict", json=ROW)).json()
        assert (newer["version"], service.count("batches")) == ("2", 3)
        assert (await client.get("/models/titanic")).json()["cache"]["on"] is True


async def test_a_cache_that_would_cost_more_than_the_model_stays_off_and_says_so(
    root: Path, make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    """The look-up is measured against a model that takes no time at all."""
    publish(root)
    caplog.set_level("INFO", "velox.ml")
    app = make_app(model_root=str(root))
    service = app.serve_model("titanic", cache="5m")
    async with TestClient(app) as client:
        service.versions.main.answering.one_row_s = 0.0
        await remember(service.versions.main, AnswerCache(app.cache, service.manifest, 300.0))
        await client.post("/models/titanic/predict", json=ROW)
        found = (await client.get("/models/titanic")).json()["cache"]
    assert found["on"] is False
    assert "no less than a prediction with 0.0 µs" in found["reason"]
    assert "answers of titanic@1 are not remembered" in caplog.text
    assert service.count("cache_misses") == 0
