"""Where models meet the app: their routes, and what of them is documented."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema
from sanic.response import BaseHTTPResponse

from velox.errors import InternalServerError, Problem, ServiceUnavailable
from velox.ml import ModelService, Policies, Registry, Serving
from velox.ml.answers import answer_schema, explanation_schema, rows_answer_schema
from velox.routing.markers import Body
from velox.routing.response import JsonResponse
from velox.routing.route import Routes

__all__ = ["serve"]

Schema = dict[str, Any]
OutOfRange = Literal["accept", "warn", "clip", "reject"]
Unknown = Literal["reject", "warn"]
PROBLEMS: Sequence[type[Problem]] = (InternalServerError, ServiceUnavailable)


class Described:
    """In an ``Annotated``: the JSON Schema is what ``schema`` says when the document is written."""

    def __init__(self, schema: Callable[[], Schema]) -> None:
        self._schema = schema

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> Schema:
        return self._schema()


def serve(
    app: Any,
    served: list[ModelService],
    reference: str,
    *,
    out_of_range: OutOfRange | None,
    unknown: Unknown | None,
    serving: Serving,
) -> ModelService:
    """Put a model of the app's registry in service.

    Args:
        app: The app.
        served: The models that it has in service already; this one joins them.
        reference: Which one: ``"titanic"``, ``"titanic@canary"``, ``"titanic@2"``.
        out_of_range, unknown: Policies; ``None``: as the model was published.
        serving: Its bounds.

    Raises:
        ConfigurationError: VX811, VX812 or VX813, when there is no such model.
    """
    registry = Registry(app.settings.model_root)
    chosen = registry.manifest(reference).schema.policies
    policies = Policies(out_of_range or chosen.out_of_range, unknown or chosen.unknown)
    service = ModelService(registry, reference, policies=policies, serving=serving)
    if not served:
        mount_models(app, "/models", lambda: served)
    mount_model(app, "/models", service)
    served.append(service)
    app.add_extension(service)
    return service


def mount_models(app: Routes, prefix: str, services: Callable[[], Sequence[ModelService]]) -> None:
    """Add the list of the models in service.

    Args:
        app: The app.
        prefix: Of the path.
        services: The models.
    """

    async def list_models() -> dict[str, list[dict[str, Any]]]:
        """The models in service, each with its version."""
        return {"models": [short(service) for service in services()]}

    app.get(prefix, name="models", tags=["models"], cache=False)(list_models)


def short(service: ModelService) -> dict[str, Any]:
    described = service.describe()
    return {name: described[name] for name in ("name", "version", "estimator", "created", "metrics")}


def mount_model(app: Routes, prefix: str, service: ModelService) -> None:
    """Add the routes of one model.

    Args:
        app: The app.
        prefix: Of the path, before the model's name.
        service: The model.
    """
    name, title = service.model, service.model.replace("-", "_")

    async def describe() -> dict[str, Any]:
        return service.describe()

    async def predict(body: Any) -> BaseHTTPResponse:
        return JsonResponse(await service.predict(body), 200)

    async def explain(body: Any) -> dict[str, Any]:
        return await service.explain(body)

    describe.__doc__ = f"The version of {name} in service: what it takes, how good it is, how it is served."
    predict.__doc__ = f'What {name} says of a row, or of several: {{"rows": [...]}}.'
    predict.__annotations__ = {
        "body": Annotated[dict[str, Any], Body(), Described(lambda: input_schema(service))],
        "return": Annotated[dict[str, Any], Described(lambda: output_schema(service))],
    }
    explain.__doc__ = (
        f"Why {name} says what it says of a row: the effect of each feature on the answer's probability, against a "
        "typical row. The effects add up to the difference between the two."
    )
    explain.__annotations__ = {
        "body": Annotated[dict[str, Any], Body(), Described(lambda: row_schema(service))],
        "return": Annotated[dict[str, Any], Described(lambda: explanation_schema(service.manifest))],
    }
    tags = ["models"]
    app.get(f"{prefix}/{name}", name=f"{title}_model", tags=tags, cache=False)(describe)
    app.post(f"{prefix}/{name}/predict", name=f"{title}_predict", tags=tags, problems=PROBLEMS)(predict)
    app.post(f"{prefix}/{name}/explain", name=f"{title}_explain", tags=tags, problems=PROBLEMS)(explain)


def input_schema(service: ModelService) -> Schema:
    """A row, or rows."""
    row = service.manifest.schema.row_schema(service.chosen_policies)
    example = row.pop("examples")[0]
    items = {"type": "array", "minItems": 1, "maxItems": service.serving.max_rows, "items": row}
    rows = {"type": "object", "additionalProperties": False, "required": ["rows"], "properties": {"rows": items}}
    return {
        "anyOf": [{"title": "Row", **row}, {"title": "Rows", **rows}],
        "examples": [example, {"rows": [example]}],
    }


def row_schema(service: ModelService) -> Schema:
    """A single row."""
    return {"title": "Row", **service.manifest.schema.row_schema(service.chosen_policies)}


def output_schema(service: ModelService) -> Schema:
    """The answer to a row, or to rows."""
    return {"anyOf": [answer_schema(service.manifest), rows_answer_schema(service.manifest)]}
