"""Models in processes of their own: whatever they do, the server and its other models go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sklearn.neighbors import KNeighborsClassifier

from tests.apps.moody import HangingToLoad, HungryToLoad, publish_moody
from tests.apps.passengers import ROW, fitted, passengers, publish
from velox.errors import ConfigurationError
from velox.testing import TestClient

MakeApp = Callable[..., Any]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "models"


async def test_a_model_that_raises_hangs_eats_or_dies_fails_that_row_alone(root: Path, make_app: MakeApp) -> None:
    publish_moody(root)
    publish(root)
    app = make_app(model_root=str(root))
    moody = app.serve_model("moody", max_memory="512MiB")
    app.serve_model("titanic")

    async def ask(client: TestClient, age: int) -> int:
        return int((await client.post("/models/moody/predict", json={"age": age})).status_code)

    async with TestClient(app) as client:
        described = (await client.get("/models/moody")).json()
        assert described["served"]["mode"] == "batches in a process of its own"
        assert await asyncio.gather(*[ask(client, age) for age in (1, 13, 2, 13, 3)]) == [200, 500, 200, 500, 200]
        assert await asyncio.gather(*[ask(client, age) for age in (1, 15, 2)]) == [200, 500, 200]
        process = moody.versions.main.answering
        assert process.replaced == 0  # a MemoryError is an error like others
        assert (await ask(client, 16), await ask(client, 3)) == (500, 200)
        assert process.replaced == 1
        process._serving = replace(process._serving, timeout_s=0.1)
        assert await ask(client, 14) == 503
        process._serving = replace(process._serving, timeout_s=30.0)
        assert (await client.post("/models/titanic/predict", json=ROW)).status_code == 200
        assert (await client.get("/health/ready")).status_code == 200
        assert await ask(client, 4) == 200
        assert moody.count("failed") == 4


async def test_a_full_queue_of_a_process_is_a_503_that_says_when_to_come_back(root: Path, make_app: MakeApp) -> None:
    publish_moody(root)
    app = make_app(model_root=str(root))
    moody = app.serve_model("moody", timeout="500ms", max_queue=3)
    async with TestClient(app) as client:
        answers = await asyncio.gather(*[client.post("/models/moody/predict", json={"age": 14}) for _ in range(9)])
        assert {(answer.status_code, answer.headers["retry-after"]) for answer in answers} == {(503, "1")}
        assert moody.count("busy") == 9


@pytest.mark.parametrize(("kind", "said"), [(HangingToLoad, "to load"), (HungryToLoad, "needs more than 512 MiB")])
async def test_a_model_that_cannot_be_loaded_within_its_bounds_stops_the_start(
    root: Path, make_app: MakeApp, kind: Any, said: str
) -> None:
    publish_moody(root, kind)
    app = make_app(model_root=str(root))
    load_timeout = "500ms" if kind is HangingToLoad else "60s"
    app.serve_model("moody", max_memory="512MiB", load_timeout=load_timeout)
    with pytest.raises(ConfigurationError, match=rf"VX817 .*{said}"):
        async with TestClient(app):
            pass


async def test_a_slow_model_of_scikit_learn_gives_the_same_answers_from_a_process(
    root: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is slow is measured; here everything is."""
    publish(root, final=KNeighborsClassifier())
    monkeypatch.setattr("velox.ml.loaded.ON_LOOP_S", 0.0)
    app = make_app(model_root=str(root))
    service = app.serve_model("titanic")
    frame = passengers(20, seed=3)
    rows = frame.drop(columns="survived").astype(object).where(frame.notna(), None).to_dict("records")
    async with TestClient(app) as client:
        assert service.describe()["served"]["mode"] == "batches in a process of its own"
        answers = (await client.post("/models/titanic/predict", json={"rows": rows})).json()["predictions"]
        process = service.versions.main.answering._child._process
        assert process.returncode is None
        told = (await client.post("/models/titanic/explain", json=ROW)).json()
    assert process.returncode == -9  # it ended with the server
    expected = fitted(KNeighborsClassifier())
    assert [answer["prediction"] for answer in answers] == expected.predict(frame).tolist()
    shares = [list(answer["probabilities"].values()) for answer in answers]
    assert shares == expected.predict_proba(frame).tolist()
    assert len(told["effects"]) == len(ROW)
