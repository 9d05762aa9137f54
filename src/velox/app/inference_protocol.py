"""The Open Inference Protocol, version 2, beside the models' own routes: what KServe, Triton and MLServer speak.

A problem here has the protocol's ``error`` among its members, so that clients of either kind can read it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Annotated, Any

from sanic import Request

from velox.app.described import Described, Schema
from velox.errors import InternalServerError, NotFound, Problem, ServiceUnavailable
from velox.ml import ModelService
from velox.ml.oip import metadata, request_example
from velox.routing.layer import Endpoint, Layer
from velox.routing.markers import Body
from velox.routing.plan import Plan
from velox.routing.route import Routes

__all__ = ["InferenceProtocol"]

TAGS = ("open inference protocol",)
PROBLEMS: Sequence[type[Problem]] = (InternalServerError, ServiceUnavailable)


class InferenceProtocol:
    """The protocol's routes of an app.

    Args:
        readiness: Why the app cannot serve, by extension; empty when it can.
        client_of: Who asks, for a canary.
    """

    def __init__(
        self, readiness: Callable[[], Awaitable[Mapping[str, str]]], client_of: Callable[[Request], str]
    ) -> None:
        self._readiness, self._client_of = readiness, client_of
        self._handlers: set[Callable[..., Any]] = set()

    def layer(self, plan: Plan) -> Layer | None:
        """Around the protocol's routes: problems get its ``error``."""
        return Layer(with_error) if plan.handler in self._handlers else None

    def _add(
        self, register: Callable[..., Any], path: str, handler: Callable[..., Any], name: str, *, hidden: bool = False
    ) -> None:
        self._handlers.add(handler)
        register(path, name=f"oip_{name}", tags=TAGS, problems=PROBLEMS, hidden=hidden)(handler)

    def mount(self, app: Routes) -> None:
        """Add what is there once."""

        async def server() -> dict[str, Any]:
            """What serves here."""
            return {"name": "velox", "version": version("velox-framework"), "extensions": []}

        async def live() -> dict[str, bool]:
            """The process is there and its loop turns."""
            return {"live": True}

        async def ready() -> dict[str, bool]:
            """All models are loaded and can answer."""
            reasons = await self._readiness()
            if reasons:
                detail = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
                raise ServiceUnavailable(detail, title="Not ready", extensions={"ready": False})
            return {"ready": True}

        async def unknown(model: str) -> dict[str, Any]:
            """Any other model: there is none."""
            raise NotFound(f"There is no model {model} here.")

        async def unknown_version(model: str, version: str) -> dict[str, Any]:
            """A version of any other model: there is none."""
            raise NotFound(f"There is no model {model} here.")

        # The router prefers the paths of the models that there are.
        for path, suffix, handler in (
            ("/v2/models/<model>", "", unknown),
            ("/v2/models/<model>/versions/<version>", "_version", unknown_version),
        ):
            self._add(app.get, path, handler, f"unknown{suffix}", hidden=True)
            self._add(app.get, f"{path}/ready", handler, f"unknown_ready{suffix}", hidden=True)
            self._add(app.post, f"{path}/infer", handler, f"unknown_infer{suffix}", hidden=True)
        self._add(app.get, "/v2", server, "server")
        self._add(app.get, "/v2/health/live", live, "live")
        self._add(app.get, "/v2/health/ready", ready, "ready")

    def mount_model(self, app: Routes, service: ModelService) -> None:
        """Add the routes of one model."""
        name, title = service.model, service.model.replace("-", "_")

        async def is_ready(number: str | None) -> dict[str, Any]:
            reason = await service.ready()
            if number is not None:
                service.metadata(number)
            if reason is not None:
                raise ServiceUnavailable(reason, title="Not ready", extensions={"name": name, "ready": False})
            return {"name": name, "ready": True}

        async def describe() -> dict[str, Any]:
            return service.metadata()

        async def describe_version(version: str) -> dict[str, Any]:
            return service.metadata(version)

        async def ready() -> dict[str, Any]:
            return await is_ready(None)

        async def ready_version(version: str) -> dict[str, Any]:
            return await is_ready(version)

        async def infer(body: Any, request: Request) -> dict[str, Any]:
            return await service.infer(body, self._client_of(request) if service.has_canary else "")

        async def infer_version(version: str, body: Any) -> dict[str, Any]:
            return await service.infer(body, version=version)

        describe.__doc__ = f"The tensors that {name} takes and gives."
        describe_version.__doc__ = f"The tensors that a version of {name} takes and gives."
        ready.__doc__ = f"Whether {name} can answer."
        ready_version.__doc__ = f"Whether a version of {name} can answer."
        infer.__doc__ = f"What {name} says of the rows in tensors: one a feature, each of its name."
        infer_version.__doc__ = f"What a version of {name} that is in service says of the rows in tensors."
        body_type = Annotated[dict[str, Any], Body(), Described(lambda: request_schema(service))]
        answer_type = Annotated[dict[str, Any], Described(response_schema)]
        infer.__annotations__ |= {"body": body_type, "return": answer_type}
        infer_version.__annotations__ |= {"body": body_type, "return": answer_type}
        base = f"/v2/models/{name}"
        for path, suffix, handlers in (
            (base, "", (describe, ready, infer)),
            (f"{base}/versions/<version>", "_version", (describe_version, ready_version, infer_version)),
        ):
            self._add(app.get, path, handlers[0], f"{title}{suffix}")
            self._add(app.get, f"{path}/ready", handlers[1], f"{title}_ready{suffix}")
            self._add(app.post, f"{path}/infer", handlers[2], f"{title}_infer{suffix}")


def with_error(inner: Endpoint) -> Endpoint:
    """Let a problem have the protocol's error, too."""

    async def answered(request: Request, **path: Any) -> Any:
        try:
            return await inner(request, **path)
        except Problem as problem:
            said = [f"{error.pointer or error.parameter}: {error.message}" for error in problem.errors]
            problem.extensions.setdefault("error", "; ".join([problem.detail or problem.title, *said]))
            raise

    return answered


def request_schema(service: ModelService) -> Schema:
    """An inference request."""
    schema = service.manifest.schema
    tensors = metadata(service.manifest, ())
    names = [tensor["name"] for tensor in tensors["inputs"]]
    kinds = sorted({tensor["datatype"] for tensor in tensors["inputs"]})
    tensor = {
        "type": "object",
        "required": ["name", "shape", "datatype", "data"],
        "properties": {
            "name": {"type": "string", "examples": names},
            "shape": {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 1, "maxItems": 2},
            "datatype": {"type": "string", "examples": kinds},
            "parameters": {"type": "object"},
            "data": {"type": "array", "items": {}},
        },
    }
    outputs = {"type": "array", "items": {"type": "object", "required": ["name"]}}
    return {
        "type": "object",
        "title": "Inference request",
        "required": ["inputs"],
        "properties": {
            "id": {"type": "string"},
            "parameters": {"type": "object"},
            "inputs": {"type": "array", "minItems": 1, "items": tensor},
            "outputs": outputs,
        },
        "examples": [request_example(schema)],
    }


def response_schema() -> Schema:
    """An inference response."""
    properties: dict[str, Any] = {
        "name": {"type": "string"},
        "shape": {"type": "array", "items": {"type": "integer"}},
        "datatype": {"type": "string"},
        "data": {"type": "array", "items": {}},
    }
    tensor = {"type": "object", "required": list(properties), "properties": properties}
    return {
        "type": "object",
        "title": "Inference response",
        "required": ["model_name", "model_version", "outputs"],
        "properties": {
            "model_name": {"type": "string"},
            "model_version": {"type": "string"},
            "id": {"type": "string"},
            "parameters": {"type": "object"},
            "outputs": {"type": "array", "items": tensor},
        },
    }
