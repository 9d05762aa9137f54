"""Where models meet the app: their routes, and what of them is documented."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from sanic import Request
from sanic.response import BaseHTTPResponse

from velox.app.described import Described, Schema
from velox.app.inference_protocol import InferenceProtocol
from velox.app.model_metering import ModelMetering
from velox.errors import InternalServerError, Problem, ServiceUnavailable
from velox.ml import ModelService, Policies, Registry, Serving
from velox.ml.answers import answer_schema, explanation_schema, rows_answer_schema
from velox.routing.markers import Body
from velox.routing.response import JsonResponse
from velox.routing.route import Routes

__all__ = ["ServedModels", "serve"]

OutOfRange = Literal["accept", "warn", "clip", "reject"]
Unknown = Literal["reject", "warn"]
PROBLEMS: Sequence[type[Problem]] = (InternalServerError, ServiceUnavailable)


def serve(
    app: Any,
    served: ServedModels,
    reference: str,
    *,
    out_of_range: OutOfRange | None,
    unknown: Unknown | None,
    serving: Serving,
) -> ModelService:
    """Put a model of the app's registry in service.

    Args:
        app: The app.
        served: What it has in service; this one joins.
        reference: Which one: ``"titanic"``, ``"titanic@canary"``, ``"titanic@2"``.
        out_of_range, unknown: Policies; ``None``: as the model was published.
        serving: Its bounds.

    Raises:
        ConfigurationError: VX811, VX812 or VX813, when there is no such model.
    """
    registry = Registry(app.settings.model_root)
    chosen = registry.manifest(reference).schema.policies
    policies = Policies(out_of_range or chosen.out_of_range, unknown or chosen.unknown)
    service = ModelService(registry, reference, policies=policies, serving=serving, store=app.cache)
    served.add(app, service)
    return service


class ServedModels:
    """The models that an app has in service.

    Attributes:
        services: They, in the order of :meth:`~velox.Velox.serve_model`.
    """

    def __init__(self) -> None:
        self.services: list[ModelService] = []
        self._metering: ModelMetering | None = None
        self._protocol: InferenceProtocol | None = None

    def add(self, app: Any, service: ModelService) -> None:
        """Put another one in service."""
        if self._protocol is None:
            self._protocol = InferenceProtocol(app.readiness, lambda request: client_of(app, request))
            app.add_layer(self._protocol.layer)
            self._protocol.mount(app)
            mount_models(app, "/models", lambda: self.services)
            if app.settings.metrics:
                self._metering = ModelMetering(app, lambda: self.services)
                app.add_extension(self._metering)
        mount_model(app, "/models", service)
        self._protocol.mount_model(app, service)
        self.services.append(service)
        app.add_extension(service)

    def revision(self) -> object:
        """Another one whenever the document is out of date, since a version of other types serves."""
        return tuple(service.manifest.version for service in self.services)

    def exposition(self) -> str:
        """For ``/metrics``."""
        return self._metering.exposition() if self._metering is not None else ""


def client_of(app: Any, request: Request) -> str:
    """Who asks, for a canary: the client's address."""
    address = request.client_ip if app.front.proxies else request.ip
    return str(address)


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


def mount_model(app: Any, prefix: str, service: ModelService) -> None:
    """Add the routes of one model.

    Args:
        app: The app.
        prefix: Of the path, before the model's name.
        service: The model.
    """
    name, title = service.model, service.model.replace("-", "_")

    async def describe() -> dict[str, Any]:
        return service.describe()

    def client(request: Request) -> str:
        return client_of(app, request) if service.has_canary else ""

    async def predict(body: Any, request: Request) -> BaseHTTPResponse:
        return JsonResponse(await service.predict(body, client(request)), 200)

    async def explain(body: Any, request: Request) -> dict[str, Any]:
        return await service.explain(body, client(request))

    describe.__doc__ = f"The version of {name} in service: what it takes, how good it is, how it is served."
    predict.__doc__ = f'What {name} says of a row, or of several: {{"rows": [...]}}.'
    predict.__annotations__ |= {
        "body": Annotated[dict[str, Any], Body(), Described(lambda: input_schema(service))],
        "return": Annotated[dict[str, Any], Described(lambda: output_schema(service))],
    }
    explain.__doc__ = (
        f"Why {name} says what it says of a row: the effect of each feature on the answer's probability, against a "
        "typical row. The effects add up to the difference between the two."
    )
    explain.__annotations__ |= {
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
