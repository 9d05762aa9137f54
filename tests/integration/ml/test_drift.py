"""Drift of logged rows: as JSON, as a page, and on the command line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.apps.passengers import passengers, publish
from velox.cli.ml import ml
from velox.ml import Log
from velox.testing import TestClient

MakeApp = Callable[..., Any]


def rows(**changed: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(passengers(200, seed=5).drop(columns="survived").to_json(orient="records"))
    return [{**row, **changed} for row in found]


async def test_what_has_drifted_comes_first(make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, url = tmp_path / "models", f"sqlite:///{tmp_path}/app.db"
    publish(root)
    app = make_app(model_root=str(root), database_url=url, create_tables=True)
    app.serve_model("titanic", log=Log(mask=["port"]))
    async with TestClient(app) as client:
        empty = (await client.get("/models/titanic/drift")).json()
        assert (empty["rows"], empty["prediction"]) == (0, None)
        logged = (await client.post("/models/titanic/predict", json={"rows": rows(sex="male")})).json()
        first = logged["predictions"][0]
        truth = {"id": first["id"], "truth": first["prediction"]}
        assert (await client.post("/models/titanic/feedback", json=truth)).status_code == 200
        found = (await client.get("/models/titanic/drift")).json()
        page = await client.get("/models/titanic/drift.html")
    levels = {part["name"]: part["level"] for part in found["features"]}
    assert found["features"][0]["name"] == "sex"
    assert levels == {"sex": "much", "age": "none", "fare": "none", "class": "none"}
    assert found["prediction"]["level"] == "some"
    assert (found["rows"], found["truths"], found["score"]) == (200, 1, 1.0)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.text.count("<svg") == 5
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VELOX_DATABASE_URL", url)
    monkeypatch.setenv("VELOX_MODEL_ROOT", str(root))
    printed = await asyncio.to_thread(CliRunner().invoke, ml, ["drift", "titanic", "--out", "drift.html"])
    assert "titanic@1  200 logged rows" in printed.output
    assert (tmp_path / "drift.html").read_text() == page.text
