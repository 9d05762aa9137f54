"""Predictions in the database: sampled, masked, off the request's path, and joined by the truth."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.apps.passengers import ROW, publish
from velox.app.jobs import DatabaseConnections
from velox.db import Model
from velox.errors import ConfigurationError
from velox.ml import Log
from velox.predictions import Journal
from velox.predictions.table import table_in
from velox.testing import TestClient

MakeApp = Callable[..., Any]


def served(make_app: MakeApp, tmp_path: Path, log: Log, **settings: Any) -> Any:
    publish(tmp_path / "models")
    url = f"sqlite:///{tmp_path}/app.db"
    app = make_app(model_root=str(tmp_path / "models"), database_url=url, create_tables=True, **settings)
    app.serve_model("titanic", log=log)
    return app


def journal_of(app: Any) -> Journal:
    return Journal(
        DatabaseConnections(app.database).writing, table_in(Model.metadata), "titanic", keep_s=60, max_waiting=10
    )


async def test_the_truth_joins_a_prediction_by_its_id(make_app: MakeApp, tmp_path: Path) -> None:
    app = served(make_app, tmp_path, Log(mask=["sex"]))
    async with TestClient(app) as client:
        one = (await client.post("/models/titanic/predict", json=ROW)).json()
        many = (await client.post("/models/titanic/predict", json={"rows": [ROW, {**ROW, "class": 1}]})).json()
        told = await client.post("/models/titanic/feedback", json={"id": one["id"], "truth": "yes"})
        assert (told.status_code, told.json()) == (200, {"id": one["id"], "truth": "yes"})
        again = await client.post("/models/titanic/feedback", json={"id": one["id"], "truth": "yes"})
        assert again.status_code == 200
        nobody = await client.post("/models/titanic/feedback", json={"id": "0" * 32, "truth": "yes"})
        assert nobody.status_code == 404
        wrong = await client.post("/models/titanic/feedback", json={"id": 1, "truth": "maybe", "x": 1})
        assert sorted(each["pointer"] for each in wrong.json()["errors"]) == ["/id", "/truth", "/x"]
        log = (await client.get("/models/titanic")).json()["log"]
        assert log == {"written": 3, "dropped": 0, "waiting": 0}
        found = await journal_of(app).window("1", 10)
    assert len({one["id"], *(each["id"] for each in many["predictions"])}) == 3
    assert [each.truth for each in found if each.answer == one["prediction"]].count("yes") == 1
    assert all("sex" not in each.features for each in found)
    assert sorted(each.features["class"] for each in found) == [1, 3, 3]


async def test_only_a_sample_is_logged(make_app: MakeApp, tmp_path: Path) -> None:
    app = served(make_app, tmp_path, Log(sample=0.5))
    async with TestClient(app) as client:
        answer = (await client.post("/models/titanic/predict", json={"rows": [ROW] * 400})).json()
    logged = sum("id" in each for each in answer["predictions"])
    assert 120 < logged < 280


async def test_what_the_database_cannot_take_waits_and_no_more_than_may_wait(make_app: MakeApp, tmp_path: Path) -> None:
    app = served(make_app, tmp_path, Log())
    async with TestClient(app):
        writing = DatabaseConnections(app.database).writing
        is_broken = True

        @asynccontextmanager
        async def fragile() -> AsyncIterator[AsyncConnection]:
            if is_broken:
                raise OSError("the database is away")
            async with writing() as connection:
                yield connection

        journal = Journal(fragile, table_in(Model.metadata), "titanic", keep_s=60, max_waiting=2)
        ids = [journal.note("1", ROW, "no") for _ in range(3)]
        assert [one is None for one in ids] == [False, False, True]
        with pytest.raises(OSError, match="away"):
            await journal.flush()
        assert (journal.waiting, journal.dropped, journal.written) == (2, 1, 0)
        is_broken = False
        await asyncio.gather(journal.flush(), journal.flush())
        assert (journal.waiting, journal.dropped, journal.written) == (0, 1, 2)
        assert [each.features for each in await journal.window("1", 10)] == [ROW, ROW]


async def test_a_prediction_is_kept_for_its_time(make_app: MakeApp, tmp_path: Path) -> None:
    app = served(make_app, tmp_path, Log())
    async with TestClient(app):
        now_s = 1000.0
        journal = Journal(
            DatabaseConnections(app.database).writing,
            table_in(Model.metadata),
            "titanic",
            keep_s=60,
            max_waiting=10,
            clock=lambda: now_s,
        )
        journal.note("1", ROW, "old")
        await journal.flush()
        now_s = 1059.0
        journal.note("1", ROW, "new")
        await journal.flush()
        now_s = 1060.0
        await journal.prune()
        assert [each.answer for each in await journal.window("1", 10)] == ["new"]


async def test_without_its_table_the_app_does_not_start(make_app: MakeApp, tmp_path: Path) -> None:
    publish(tmp_path)
    app = make_app(model_root=str(tmp_path), create_tables=False)
    app.serve_model("titanic", log=Log())
    with pytest.raises(ConfigurationError, match="velox_prediction") as error:
        async with TestClient(app):
            pass
    assert error.value.code == "VX821"


@pytest.mark.parametrize("options", [{"sample": 0.0}, {"sample": 1.5}, {"mask": "sex"}, {"max_waiting": 0}], ids=repr)
def test_a_log_that_cannot_be_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as error:
        Log(**options)
    assert error.value.code == "VX820"


def test_a_mask_names_a_feature(make_app: MakeApp, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no feature sexx"):
        served(make_app, tmp_path, Log(mask=["sexx"]))
