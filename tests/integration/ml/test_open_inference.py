"""The Open Inference Protocol: tensors in, the native route's answers out, and no tensor that lies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeClassifier

from tests.apps.passengers import NUMBERS, ROW, passengers, publish
from velox.ml import Registry, publish_estimator
from velox.testing import TestClient

MakeApp = Callable[..., Any]
TYPES = {"class": "INT64", "sex": "BYTES", "age": "FP64", "fare": "FP64", "port": "BYTES"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "models"


def tensors(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "shape": [len(rows)], "datatype": kind, "data": [row[name] for row in rows]}
        for name, kind in TYPES.items()
    ]


def changed(place: int, **members: Any) -> dict[str, Any]:
    """A request of two rows with one tensor's members changed."""
    made = tensors(ROW, ROW)
    made[place] |= members
    return {"inputs": made}


async def test_tensors_get_the_answers_of_the_native_route(root: Path, make_app: MakeApp) -> None:
    publish(root)
    app = make_app(model_root=str(root))
    app.serve_model("titanic")
    label: Any = None
    rows = [ROW, {**ROW, "sex": "female", "age": None}, {**ROW, "age": 101}]
    async with TestClient(app) as client:
        plain = (await client.post("/models/titanic/predict", json={"rows": rows})).json()["predictions"]
        for path in ("/v2/models/titanic/infer", "/v2/models/titanic/versions/1/infer"):
            answer = (await client.post(path, json={"id": "7", "inputs": tensors(*rows)})).json()
            assert (answer["id"], answer["model_name"], answer["model_version"]) == ("7", "titanic", "1")
            label, shares = answer["outputs"]
            assert label == {
                "name": "predict",
                "datatype": "BYTES",
                "shape": [3],
                "data": [each["prediction"] for each in plain],
            }
            assert (shares["datatype"], shares["shape"]) == ("FP64", [3, 2])
            assert shares["data"] == [share for each in plain for share in each["probabilities"].values()]
            assert answer["parameters"]["warnings"].startswith("row 2: age: 101")
        nested = [
            {**tensor, "shape": [3, 1], "data": [[value] for value in tensor["data"]]} for tensor in tensors(*rows)
        ]
        asked = {"inputs": nested, "outputs": [{"name": "predict"}]}
        again = (await client.post("/v2/models/titanic/infer", json=asked)).json()
        assert again["outputs"] == [label]


async def test_a_model_of_numbers_takes_one_tensor_of_all_columns(root: Path, make_app: MakeApp) -> None:
    frame = passengers().dropna()[NUMBERS]
    publish_estimator(Registry(root), "fares", LinearRegression().fit(frame, frame["fare"]), frame)
    app = make_app(model_root=str(root))
    app.serve_model("fares")
    tensor = {"name": "any", "shape": [2, 2], "datatype": "FP32", "data": [20, 7.5, 30, 8]}
    async with TestClient(app) as client:
        answer = (await client.post("/v2/models/fares/infer", json={"inputs": [tensor]})).json()
        wrong = await client.post("/v2/models/fares/infer", json={"inputs": [{**tensor, "shape": [2, 3]}]})
    assert answer["outputs"][0]["datatype"] == "FP64"
    assert answer["outputs"][0]["data"] == pytest.approx([7.5, 8.0])
    assert wrong.json()["errors"][0]["pointer"] == "/inputs/0/shape"


WRONG: list[tuple[Any, str]] = [
    ({}, "/inputs"),
    ({"inputs": []}, "/inputs"),
    ({"inputs": {}}, "/inputs"),
    ({"inputs": tensors(ROW) * 2}, "/inputs"),
    ({"inputs": [7]}, "/inputs/0/name"),
    ({"inputs": tensors(ROW), "id": 7}, "/id"),
    ({"inputs": tensors(ROW), "outputs": [{"name": "other"}]}, "/outputs"),
    (changed(0, name="other"), "/inputs/0/name"),
    (changed(0, name="sex"), "/inputs/1/name"),
    (changed(0, datatype="BYTES"), "/inputs/0/datatype"),
    (changed(0, datatype=["INT64"]), "/inputs/0/datatype"),
    (changed(1, datatype="FP64"), "/inputs/1/datatype"),
    (changed(2, shape=[3]), "/inputs/2/data"),
    (changed(2, shape=[1]), "/inputs/2/data"),
    (changed(2, shape=[10**18]), "/inputs/2/shape"),
    (changed(2, shape=[-2]), "/inputs/2/shape"),
    (changed(2, shape=[2, 2]), "/inputs/2/shape"),
    (changed(2, shape=[1, 2, 1]), "/inputs/2/shape"),
    (changed(2, shape=["2"]), "/inputs/2/shape"),
    (changed(2, shape=[True]), "/inputs/2/shape"),
    (changed(2, shape=None), "/inputs/2/shape"),
    (changed(2, shape=[1], data=[22]), "/inputs"),
    (changed(2, data="22"), "/inputs/2/data"),
    (changed(2, data=[[22], 22]), "/inputs/2/data"),
    (changed(2, data=[22, "x"]), "/inputs/2/data/1"),
    (changed(0, datatype="INT8", data=[3, 300]), "/inputs/0/data/1"),
    (changed(0, data=[3, 9]), "/inputs/0/data/1"),
    (changed(1, data=["male", "other"]), "/inputs/1/data/1"),
    ({"inputs": tensors(*[ROW] * 1001)}, "/inputs/0/shape"),
    ({"inputs": tensors(ROW)[1:]}, "/inputs"),
]


async def test_a_tensor_that_lies_is_a_problem_that_both_kinds_of_clients_can_read(
    root: Path, make_app: MakeApp
) -> None:
    publish(root)
    app = make_app(model_root=str(root))
    app.serve_model("titanic")
    async with TestClient(app) as client:
        for body, pointer in WRONG:
            answer = await client.post("/v2/models/titanic/infer", json=body)
            assert answer.status_code == 422, answer.text
            found = answer.json()
            assert pointer in [error["pointer"] for error in found["errors"]], (body, found)
            assert found["errors"][0]["message"] in found["error"]
        unread = await client.post(
            "/v2/models/titanic/infer", content=b'{"inputs": [', headers={"content-type": "application/json"}
        )
        assert (unread.status_code, "error" in unread.json()) == (400, True)
        missing = await client.post("/v2/models/titanic/versions/9/infer", json={"inputs": tensors(ROW)})
        assert (missing.status_code, missing.json()["error"]) == (404, "Version 9 of titanic is not in service.")


async def test_the_server_says_what_it_is_and_the_document_shows_a_request_that_works(
    root: Path, make_app: MakeApp
) -> None:
    publish(root, final=DecisionTreeClassifier(max_depth=2))
    app = make_app(model_root=str(root))
    app.serve_model("titanic")
    async with TestClient(app) as client:
        assert (await client.get("/v2")).json()["name"] == "velox"
        assert (await client.get("/v2/health/live")).json() == {"live": True}
        assert (await client.get("/v2/health/ready")).json() == {"ready": True}
        for path in ("/v2/models/titanic", "/v2/models/titanic/versions/1"):
            assert (await client.get(f"{path}/ready")).json() == {"name": "titanic", "ready": True}
            found = (await client.get(path)).json()
            assert found["versions"] == ["1"]
            assert {tensor["name"]: tensor["datatype"] for tensor in found["inputs"]} == TYPES
        assert (await client.get("/v2/models/titanic/versions/2/ready")).status_code == 404
        document = (await client.get("/openapi.json")).json()
        operation = document["paths"]["/v2/models/titanic/infer"]["post"]
        (example,) = operation["requestBody"]["content"]["application/json"]["schema"]["examples"]
        assert (await client.post("/v2/models/titanic/infer", json=example)).status_code == 200


@pytest.mark.parametrize("path", ["/v2/models/nope", "/v2/models/nope/versions/3"])
async def test_an_unknown_model_is_a_problem_with_the_protocols_error(
    make_app: MakeApp, tmp_path: Path, path: str
) -> None:
    publish(tmp_path)
    app = make_app(model_root=str(tmp_path))
    app.serve_model("titanic")
    async with TestClient(app) as client:
        asked = [await client.get(path), await client.get(f"{path}/ready"), await client.post(f"{path}/infer", json={})]
        known = await client.get("/v2/models/titanic/versions/1/ready")
        documented = (await client.get("/openapi.json")).json()["paths"]
    for answer in asked:
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
        assert answer.json()["error"] == "There is no model nope here."
    assert known.status_code == 200
    assert not [path for path in documented if "{model}" in path]
