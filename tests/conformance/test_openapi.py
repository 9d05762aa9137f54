"""The OpenAPI document of an app with one of everything: valid, complete, and true.

Judges: the OpenAPI 3.1 meta-schema (openapi-spec-validator) and schemathesis, which sends what the document allows and
what it forbids, and compares every answer with what the document promises.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from velox import Settings, Velox
from velox.testing import LiveServer

APPS = Path(__file__).parent.parent / "apps"
CONFIGURATION = Path(__file__).parent / "schemathesis.toml"
SCHEMATHESIS_TIMEOUT_S = 120
SCHEMATHESIS = (sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION))
OPTIONS = ("--max-examples", "15", "--seed", "20261123")
"""About 1000 requests in 20 s; a fixed seed, so that a red run is red again."""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location("everything", APPS / "everything.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["everything"] = module  # annotations are looked up there
    spec.loader.exec_module(module)
    app: Velox = module.create_app(Settings(env="test", database_url="sqlite://"))
    return app.openapi()


def operation(document: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"][path][method]
    return found


def body_schema(document: dict[str, Any], method: str, path: str, kind: str = "application/json") -> dict[str, Any]:
    schema: dict[str, Any] = operation(document, method, path)["requestBody"]["content"][kind]["schema"]
    return schema


def answer_schema(document: dict[str, Any], method: str, path: str, kind: str = "application/json") -> dict[str, Any]:
    status = "201" if method == "post" and path == "/authors/" else "200"
    schema: dict[str, Any] = operation(document, method, path)["responses"][status]["content"][kind]["schema"]
    return schema


def component(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """What ``{"$ref": "#/components/schemas/NAME"}`` refers to."""
    found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    """By the meta-schema of OpenAPI 3.1 and of JSON Schema 2020-12."""
    assert document["openapi"].startswith("3.1.")
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(node: Any) -> set[str]:
        if isinstance(node, dict):
            own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
            return own.union(*map(references, node.values()))
        return set().union(*map(references, node)) if isinstance(node, list) else set()

    schemas = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references(document) <= schemas


def test_a_recursive_model_refers_to_itself(document: dict[str, Any]) -> None:
    schema = body_schema(document, "post", "/values/tree")
    assert component(document, schema)["properties"]["children"]["items"] == schema


def test_a_generic_model_has_a_name_of_its_own_for_each_parameter(document: dict[str, Any]) -> None:
    of_price = body_schema(document, "post", "/values/box")["$ref"]
    of_int = body_schema(document, "post", "/values/boxes")["items"]["$ref"]
    assert "Box" in of_price
    assert "Price" in of_price
    assert of_price != of_int
    assert all(character.isalnum() or character in "_-/#" for character in of_price + of_int)


def test_a_discriminated_union_names_its_discriminator(document: dict[str, Any]) -> None:
    schema = body_schema(document, "post", "/values/animal")
    assert schema["discriminator"]["propertyName"] == "kind"
    assert set(schema["discriminator"]["mapping"]) == {"cat", "dog"}
    assert len(schema["oneOf"]) == 2


def test_a_decimal_is_read_as_number_or_text_and_written_as_text(document: dict[str, Any]) -> None:
    """Text on the way out: a number would lose digits in most clients."""
    read = component(
        document, component(document, body_schema(document, "post", "/values/box"))["properties"]["content"]
    )
    written = component(
        document, component(document, answer_schema(document, "post", "/values/box"))["properties"]["content"]
    )
    assert {branch["type"] for branch in read["properties"]["amount"]["anyOf"]} == {"number", "string"}
    assert written["properties"]["amount"]["type"] == "string"


def test_a_literal_and_an_enum_list_their_values(document: dict[str, Any]) -> None:
    parameters = {p["name"]: p["schema"] for p in operation(document, "get", "/values/query")["parameters"]}
    assert parameters["size"]["enum"] == ["s", "m", "l"]
    colour = parameters["colour"]
    colour = component(document, colour if "$ref" in colour else colour["allOf"][0])
    assert colour["enum"] == ["red", "green"]


def test_every_place_of_a_parameter_is_documented(document: dict[str, Any]) -> None:
    def places(path: str) -> set[tuple[str, str, bool]]:
        return {(p["in"], p["name"], p["required"]) for p in operation(document, "get", path)["parameters"]}

    assert places("/values/headers") == {("header", "x-token", True), ("cookie", "theme", False)}
    assert ("query", "number", True) in places("/values/query")
    assert ("query", "tag", False) in places("/values/query")
    assert places("/values/filter") == {("query", name, False) for name in ("colour", "tag", "since")}
    assert places("/values/path/{number}/{key}/{colour}") == {
        ("path", name, True) for name in ("number", "key", "colour")
    }


def test_a_file_makes_the_body_multipart(document: dict[str, Any]) -> None:
    content = operation(document, "post", "/values/file")["requestBody"]["content"]
    assert list(content) == ["multipart/form-data"]
    assert content["multipart/form-data"]["schema"]["required"] == ["upload"]
    plain = operation(document, "post", "/values/form")["requestBody"]["content"]
    assert set(plain) == {"multipart/form-data", "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/values/events", "text/event-stream"), ("/values/lines", "application/jsonl")],
)
def test_a_stream_has_its_media_type(document: dict[str, Any], path: str, kind: str) -> None:
    assert list(operation(document, "get", path)["responses"]["200"]["content"]) == [kind]


def test_a_table_class_has_separate_schemas_for_input_and_output(document: dict[str, Any]) -> None:
    """What the server sets is not in the input, and what is private is nowhere."""
    create = component(document, body_schema(document, "post", "/authors/"))
    update = component(document, body_schema(document, "patch", "/authors/{author_id}"))
    public = component(document, answer_schema(document, "post", "/authors/"))
    assert set(create["properties"]) == set(update["properties"]) == {"name", "born", "balance"}
    assert create["required"] == ["name"]
    assert "required" not in update
    assert set(public["properties"]) == {"id", "name", "born", "balance", "created_at"}
    assert "password_digest" not in str(document)


def test_every_operation_promises_problems(document: dict[str, Any]) -> None:
    """Each names the problems that its inputs can cause, and ``default`` for the rest."""
    for path, methods in document["paths"].items():
        for method, found in methods.items():
            answers = found["responses"]
            assert "application/problem+json" in answers["default"]["content"], (method, path)
            if "requestBody" in found:
                assert {"400", "413", "415", "422"} <= answers.keys(), (method, path)
            elif found.get("parameters"):
                assert "422" in answers, (method, path)
    assert {"409"} <= operation(document, "post", "/authors/")["responses"].keys()
    assert {"404", "422"} <= operation(document, "get", "/authors/{author_id}")["responses"].keys()


def test_operation_ids_are_unique(document: dict[str, Any]) -> None:
    names = [found["operationId"] for methods in document["paths"].values() for found in methods.values()]
    assert len(names) == len(set(names)) == 20


def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    """All checks, all phases (boundary values, random input, sequences of calls), on a live server."""
    environment = {"VELOX_DATABASE_URL": f"sqlite:///{tmp_path / 'test.db'}", "VELOX_CREATE_TABLES": "true"}
    with LiveServer("everything:create_app", directory=APPS, environment=environment) as server:
        ran = subprocess.run(
            [*SCHEMATHESIS, "run", f"{server.url}/openapi.json", *OPTIONS],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "NO_COLOR": "1"},
            timeout=SCHEMATHESIS_TIMEOUT_S,
            check=False,
        )
        assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}\n{server.output[-3000:]}"
        assert "Traceback" not in server.output
