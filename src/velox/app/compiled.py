"""An app's routes: as they were declared, with what stands around them, and compiled."""

from __future__ import annotations

from typing import Final
from weakref import WeakSet

from sanic_routing.route import Route

from velox.app.declared import Declared, check_names, reads_stream
from velox.extension import ENDPOINT_MARK
from velox.routing.endpoint import compile_endpoint, decoded
from velox.routing.layer import LayerMaker, documented, wrapped
from velox.routing.openapi import check_schemas
from velox.routing.plan import Limits, Plan, SharedOptions, Source
from velox.routing.planning import make_plan
from velox.routing.provider import Providers
from velox.routing.route import Declaration
from velox.routing.scope import Scope
from velox.settings import Settings

__all__ = ["CompiledRoutes"]

DOCUMENTED: Final[WeakSet[Declaration]] = WeakSet()
"""What is known to have schemas: an app factory runs often in tests, on the same blueprints."""


class CompiledRoutes:
    """Every route of an app, compiled when the app is.

    Args:
        name: The app's.
        settings: The app's.
        shared: What the app says for all of its routes.
        providers: The app's, as they are when it is compiled.
        app_scope: What the worker makes once.

    Attributes:
        declared: The routes as the project wrote them.
        layers: What stands around endpoints, the outermost first.
    """

    def __init__(
        self, name: str, settings: Settings, shared: SharedOptions, providers: Providers, app_scope: Scope
    ) -> None:
        self.declared: list[Declared] = []
        self.layers: list[LayerMaker] = []
        self._name = name
        self._settings = settings
        self._shared = shared
        self._providers = providers
        self._app_scope = app_scope
        self._plans: dict[int, Plan] = {}

    def known(self) -> tuple[Plan, ...]:
        """The plans of the routes compiled so far, in the order of the source."""
        routes = (id(route) for declared in sorted(self.declared) for route in declared.routes)
        return tuple(self._plans[route] for route in routes if route in self._plans)

    def compile(self) -> tuple[Plan, ...]:
        """Read all signatures and compile all handlers that were not yet.

        Raises:
            ConfigurationError: The first mistake found (VX201 to VX209), with file, line and the fix.
        """
        settings = self._settings
        limits = Limits(
            settings.max_json_body_bytes,
            settings.max_form_body_bytes,
            settings.max_form_parts,
            settings.form_spool_bytes,
        )
        validate = settings.validate_responses if settings.validate_responses is not None else settings.env != "prod"
        for declared in sorted(self.declared):
            for route in declared.routes:
                if id(route) not in self._plans:
                    self._plans[id(route)] = self._compile(declared, route, limits, validate=validate)
        check_names(self._plans.values())
        return self.known()

    def _compile(self, declared: Declared, route: Route, limits: Limits, *, validate: bool) -> Plan:
        declaration, name = declared.declaration, route.name.removeprefix(f"{self._name}.")
        own = declaration.shared
        shared = (own,) if own is self._shared else (self._shared, own)
        plan = make_plan(declaration, name, declared.path, route.methods, self._providers, shared=shared)
        endpoint = compile_endpoint(plan, limits=limits, validate=validate, app_scope=self._app_scope)
        layers = [layer for maker in self.layers if (layer := maker(plan)) is not None]
        plan, endpoint = documented(plan, layers), wrapped(endpoint, layers)
        if not plan.hidden and declaration not in DOCUMENTED:
            check_schemas(plan)
            DOCUMENTED.add(declaration)
        if route.regex:
            endpoint = decoded(endpoint)
        if reads_stream(plan) or getattr(route.handler, "is_stream", False):
            endpoint.is_stream = True  # type: ignore[attr-defined] # Sanic's mark: do not read the body first
        setattr(endpoint, ENDPOINT_MARK, self._body_limit(plan))
        route.handler = endpoint
        return plan

    def _body_limit(self, plan: Plan) -> int:
        """The most bytes that a request to ``plan`` may bring in its body."""
        own, settings = plan.options.max_body_bytes, self._settings
        if own is not None:
            return own
        if any(parameter.source is Source.BODY for parameter in plan.inputs()):
            return settings.max_json_body_bytes
        return max(settings.max_json_body_bytes, settings.max_form_body_bytes)
