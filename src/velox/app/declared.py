"""Routes as they were declared: where they are, in which order, and which of them are in each other's way."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sanic import Blueprint
from sanic.models.futures import FutureRoute
from sanic_routing.route import Route

from velox.errors import ConfigurationError
from velox.location import location_of
from velox.routing.plan import Plan
from velox.routing.planning import path_shape, path_template
from velox.routing.route import Declaration

__all__ = [
    "Declared",
    "already_answered",
    "check_blueprint",
    "check_guards",
    "check_names",
    "check_security",
    "declared_path",
    "reads_stream",
]


@dataclass(frozen=True, slots=True, eq=False)
class Declared:
    """A declaration at its place in this app; they sort in the order of the source."""

    declaration: Declaration
    path: str
    routes: list[Route]

    def __lt__(self, other: Declared) -> bool:
        return self.declaration.order < other.declaration.order


def declared_path(route: FutureRoute) -> str:
    """The path template as it was written, prefixes included; Sanic's own form drops a slash at the end."""
    version = f"{route.version_prefix}{str(route.version).strip('/').lstrip('v')}" if route.version is not None else ""
    return path_template(f"{version}/{route.uri.lstrip('/')}")


def reads_stream(plan: Plan) -> bool:
    """Whether the handler's body is read as it arrives: a form's."""
    return any(parameter.source.value in ("form", "file") for parameter in plan.inputs())


def already_answered(route: FutureRoute, declaration: Declaration, known: Iterable[Declared]) -> ConfigurationError:
    """The mistake of declaring ``route`` where one of the ``known`` answers already."""
    path, answered = declared_path(route), set(route.methods or ())
    shape = path_shape(path.rstrip("/"))
    others = [
        declared
        for declared in known
        if path_shape(declared.path.rstrip("/")) == shape and answered.intersection(declared.routes[0].methods)
    ]
    place = location_of(others[0].declaration.handler) if others else "another route"
    methods = ", ".join(sorted(answered))
    return ConfigurationError(
        "VX204",
        f"{location_of(declaration.handler)}: {methods} {path} is already answered at {place}",
        hint="Remove one of the two, or change its path or method (a GET handler answers HEAD too)",
    )


def check_names(plans: Iterable[Plan]) -> None:
    """Names are unique: they are OpenAPI's operation ids.

    Raises:
        ConfigurationError: VX209 when two routes have the same.
    """
    places: dict[str, Plan] = {}
    for plan in plans:
        other = places.setdefault(plan.name, plan)
        if other is not plan:
            raise ConfigurationError(
                "VX209",
                f"{plan.location}: the route is named {plan.name!r}, as is the one at {other.location}",
                hint="Rename one of the functions, or pass name= to its decorator",
            )


def check_blueprint(blueprint: Blueprint, other: Blueprint | None) -> None:
    """Blueprints' names are unique: they begin their routes' names. The same one may come again.

    Raises:
        ConfigurationError: VX209 when ``other``, registered before, is another one of that name.
    """
    if other is not None and other is not blueprint:
        here, there = (getattr(one.ctx, "place", "a blueprint of Sanic's") for one in (blueprint, other))
        raise ConfigurationError(
            "VX209",
            f"{here}: the blueprint is named {blueprint.name!r}, as is the one at {there}",
            hint="Rename one of the two",
        )


def check_guards(plans: Iterable[Plan], *, is_guarded: bool) -> None:
    """A guard of accounts needs accounts; a function does not.

    Raises:
        ConfigurationError: VX212, there are none.
    """
    for plan in plans:
        if not is_guarded and any(not callable(guard) for guard in plan.guards):
            raise ConfigurationError(
                "VX212",
                f"{plan.location}: the route has a guard, and the app has no accounts to ask",
                hint="Add them: velox makeapp users --auth, or accounts = Accounts(User) in a feature folder",
            )


def check_security(plans: Iterable[Plan], schemes: Collection[str]) -> None:
    """A route asks only for security schemes that are described.

    Raises:
        ConfigurationError: VX210 when one is not.
    """
    for plan in plans:
        unknown = [name for way in plan.security for name in way if name not in schemes]
        if unknown:
            raise ConfigurationError(
                "VX210",
                f"{plan.location}: the route asks for the security scheme {unknown[0]!r}, which nobody described",
                hint=f"Describe it: app.add_security_scheme({unknown[0]!r}, {{'type': 'http', 'scheme': 'bearer'}})",
            )
