"""The app: the one place that knows all rooms and connects them, in one visible order."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from sanic import Blueprint as SanicBlueprint
from sanic import Sanic
from sanic.config import Config
from sanic.exceptions import SanicException
from sanic.models.futures import FutureRoute
from sanic_routing.exceptions import InvalidUsage, RouteExists
from sanic_routing.route import Route

from velox.app.caching import Caching
from velox.app.compiled import CompiledRoutes
from velox.app.declared import (
    Declared,
    already_answered,
    check_blueprint,
    check_guards,
    check_security,
    declared_path,
)
from velox.app.discovery import import_tree
from velox.app.fronted import FrontedApp
from velox.app.idempotency import Idempotency
from velox.app.in_use import DatabaseInUse
from velox.app.jobs import TaskCallings, furnish, rules_of
from velox.app.lifespan import Lifespan
from velox.app.limiting import Limiting
from velox.app.metering import Metering
from velox.app.preconditions import documented_preconditions, preconditions
from velox.app.sanic_config import sanic_config
from velox.app.sharing import Sharing
from velox.errors import ConfigurationError
from velox.extension import Extension, Installable
from velox.location import location_of
from velox.redis import Redis
from velox.routing import health
from velox.routing.annotation import remember_local_names
from velox.routing.blueprint import Blueprint
from velox.routing.docs import mount_docs, mount_front_door
from velox.routing.identity import Identify
from velox.routing.layer import LayerMaker
from velox.routing.openapi import openapi_document
from velox.routing.plan import Plan, SharedOptions
from velox.routing.problem import ProblemHandler
from velox.routing.provider import provided_type
from velox.routing.route import Routes, declaration_of
from velox.routing.scope import Scope
from velox.routing.signature import SignatureReader
from velox.rules import CacheOption, LimitOption
from velox.settings import Settings
from velox.tasks.crew import Crew
from velox.tasks.post import Post
from velox.tasks.task import Task
from velox.units import parse_duration, parse_size

if TYPE_CHECKING:
    from datetime import timedelta

    from velox.app.models import ServedModels
    from velox.app.storage import Storage
    from velox.db import Database
    from velox.ml import ModelService
    from velox.resources import Resource

__all__ = ["Velox"]

Hook = TypeVar("Hook", bound=Callable[..., Any])
Row = TypeVar("Row")

logger = logging.getLogger("velox")

DEV_GRACE_S = 1.0
"""In ``dev`` a restart does not wait for jobs: they are handed back, and run again after it."""


def redis_of(settings: Settings, name: str) -> Redis | None:
    """The client that the settings ask for; apps that share a server are told apart by their names."""
    if settings.redis_url is None:
        return None
    return Redis(settings.redis_url, prefix=name, timeout_s=settings.redis_timeout_s, required=settings.redis_required)


class Velox(Routes, FrontedApp):
    """A Sanic application with Velox's rooms in place.

    Make it in an app factory, ``create_app(settings=None) -> Velox``: the factory also runs in commands, in tests and
    in a server's parent process, so nothing may be opened before the app starts.

    Args:
        name: Its name: letters, digits, ``_`` and ``-``, a letter first. It is also the API's title.
        settings: Default: read from the environment and the project's files.
        title, version, description: Of the API, for the documentation.
        limit: How often somebody may use all routes together, as ``limit`` of a route.
        cache: How long answers of GET routes may be used again, unless a blueprint or a route says otherwise.

    Attributes:
        settings: The settings.
        cache: The cache, for hooks and commands; a handler asks for its own by type, :class:`velox.cache.Cache`.
        jobs: The tasks, and the queue of their jobs.
        redis: Redis at ``settings.redis_url``, :class:`velox.redis.Redis`; ``None`` without one.

    Raises:
        ConfigurationError: The settings are wrong, or not fit for production (exit code 78).
    """

    __slots__ = (
        "__weakref__",
        "_app_scope",
        "_crew",
        "_idempotency",
        "_installed",
        "_lifespan",
        "_models",
        "_opens_database",
        "_providers",
        "_routes",
        "_security_schemes",
        "_storage",
        "cache",
        "description",
        "identify",
        "jobs",
        "redis",
        "settings",
        "shared",
        "title",
        "version",
    )

    def __init__(
        self,
        name: str,
        settings: Settings | None = None,
        *,
        title: str | None = None,
        version: str = "0.1.0",
        description: str = "",
        limit: LimitOption = None,
        cache: CacheOption = None,
    ) -> None:
        settings = settings if settings is not None else Settings()
        if settings.production:
            settings.check_production()
        try:
            super().__init__(
                name,
                config=Config(),
                error_handler=ProblemHandler(reveal=settings.env == "dev"),
                configure_logging=False,
            )
        except SanicException as error:
            raise ConfigurationError(
                "VX104", f"the app cannot be named {name!r}: {error}", hint='Use a name such as "shop"'
            ) from None
        self.settings = settings
        self.set_up_front(settings)
        self.set_up_cors(settings)
        self.title = title or name
        self.version = version
        self.description = description
        self._storage: Storage | None = None
        self._opens_database = settings.source_of("database_url") != "default"
        self.redis = redis_of(settings, name)
        self._installed: list[Installable] = []
        self._providers: dict[Any, tuple[Callable[..., Any], str]] = {}
        self._security_schemes: dict[str, dict[str, Any]] = {}
        self.identify: Identify | None = None
        self.shared = SharedOptions("app", limit=limit, cache=cache)
        self._lifespan = Lifespan()
        self._models: ServedModels | None = None
        self._app_scope = Scope()
        self._routes = CompiledRoutes(name, settings, self.shared, self._providers, self._app_scope)
        self._crew: Crew | None = None
        self._idempotency = Idempotency(self)
        self.jobs = Post(rules_of(settings), TaskCallings(self._providers, self._app_scope))
        self._configure()
        self.add_extension(DatabaseInUse(self))
        if self.redis is not None:
            self.add_extension(self.redis)
        self.add_extension(self.jobs)
        self._surround()
        if self._opens_database:
            self._store()
        self._mount()

    def _surround(self) -> None:
        """What stands around handlers, the outermost first: a guard, these, what ``add_layer`` adds."""
        sharing = Sharing(self)
        limiting, caching = Limiting(self, sharing), Caching(self, sharing)
        self.cache = caching.whole()
        self.provide(preconditions)
        self._routes.layers += [limiting.layer, self._idempotency.layer, caching.layer, caching.repeating]
        self._routes.layers.append(documented_preconditions)

    def _mount(self) -> None:
        """The routes that every app has, or may have."""
        settings = self.settings
        health.mount(self, self.readiness)
        if settings.metrics:
            metering = Metering(self, lambda: self._models.exposition() if self._models is not None else "")
            metering.mount(self)
            self.add_extension(metering)
        if settings.docs:
            revision = lambda: self._models.revision() if self._models is not None else None  # noqa: E731
            mount_docs(self, self.title, self.openapi, revision)

    def _configure(self) -> None:
        self.config.update(sanic_config(self.settings))
        self.register_listener(self._before_start, "before_server_start")
        self.register_listener(self._before_stop, "before_server_stop")
        self.register_listener(self._after_stop, "after_server_stop")

    # What the app is made of

    def discover(self, package: str) -> None:
        """Import every module of every feature folder of ``package``, and register the blueprints and tasks in them.

        Order: by the modules' dotted names, then by place in the module. A blueprint is registered once, where it is
        defined or first imported.

        Args:
            package: The dotted name of a package, such as ``"app"``.

        Raises:
            ConfigurationError: VX208, with file and line, when a module cannot be imported; VX209 when two blueprints
                have one name, VX902 when two tasks have.
        """
        for module in import_tree(package):
            for value in vars(module).values():
                if isinstance(value, Blueprint) and self.blueprints.get(value.name) is not value:
                    self.blueprint(value)
                elif isinstance(value, Task):
                    self.register_task(value)
                elif isinstance(value, Installable) and not isinstance(value, type):
                    self.install(value)

    def install(self, extra: Installable) -> None:
        """Let ``extra``, such as :class:`velox.auth.Accounts`, add to the app what it has; a second time is none."""
        if extra not in self._installed:
            self._installed.append(extra)
            extra.install(self)

    def blueprint(self, blueprint: Any, **options: Any) -> None:
        """Register a blueprint, or several, as Sanic does.

        Raises:
            ConfigurationError: VX209 when another one has its name.
        """
        if isinstance(blueprint, SanicBlueprint):
            check_blueprint(blueprint, self.blueprints.get(blueprint.name))
        super().blueprint(blueprint, **options)

    def resource(self, model: type[Row], prefix: str, **options: Any) -> Resource[Row]:
        """Serve the rows of ``model`` below ``prefix``: a :class:`~velox.resources.Resource` of this app alone.

        Args:
            model: A table class.
            prefix: What its paths begin with, such as ``"/links"``.
            **options: As :class:`~velox.resources.Resource` has them.

        Raises:
            ConfigurationError: VX416 or VX417, the model or an option does not fit.
        """
        from velox.resources import Resource

        made = Resource(model, prefix, **options)
        self.blueprint(made)
        return made

    def register_task(self, task: Task[..., Any, Any]) -> None:
        """Have a task: its jobs can be enqueued while the app is started, and its workers run them.

        Raises:
            ConfigurationError: VX902 when another one has its name.
        """
        if not self.jobs.tasks:
            furnish(self.jobs, self.database, self.settings.queue_url or "", self.name)
        self.jobs.add(task)

    def run_jobs(self) -> None:
        """Run jobs and schedules beside the requests, from the next start on: what ``velox run`` does in ``dev``."""
        if self.jobs.tasks:
            grace_s = DEV_GRACE_S if self.settings.env == "dev" else self.settings.grace_s
            self._crew = Crew(self.jobs, grace_s)

    def provide(self, fn: Hook, scope: str = "request") -> Hook:
        """Register a provider: what makes the things that handlers ask for by type.

        Its return annotation names the type. It may be sync or async, and a generator: what follows its ``yield`` is
        the teardown, run before the response is built, with the handler's exception raised at the ``yield``. Its own
        parameters are filled like a handler's. Later registrations for a type replace earlier ones.

        Args:
            fn: The provider, or a class to be called.
            scope: ``"request"``: made once per request that asks for it. ``"app"``: once per worker, at start-up.

        Raises:
            ConfigurationError: VX207 when it has no return annotation, or VX106 for another scope.
        """
        if scope not in ("app", "request"):
            raise ConfigurationError("VX106", f"a provider's scope is not {scope!r}", hint='Use "app" or "request"')
        remember_local_names(fn, sys._getframe(1))
        self._providers[provided_type(fn)] = (fn, scope)
        return fn

    def on_start(self, fn: Hook) -> Hook:
        """Run ``fn(app)`` (sync or async) in each worker before it serves, after extensions and ``app`` providers."""
        self._lifespan.on_start.append(fn)
        return fn

    def on_stop(self, fn: Hook) -> Hook:
        """Run ``fn(app)`` (sync or async) in each worker after its last request, before anything is closed."""
        self._lifespan.on_stop.append(fn)
        return fn

    def add_extension(self, extension: Extension) -> None:
        """Add a room of your own: started with the worker, stopped in reverse order, asked by ``/health/ready``."""
        self._lifespan.extensions.append(extension)

    def serve_model(
        self,
        reference: str,
        *,
        out_of_range: Literal["accept", "warn", "clip", "reject"] | None = None,
        unknown: Literal["reject", "warn"] | None = None,
        max_rows: int = 1000,
        max_batch: int = 64,
        max_queue: int = 1000,
        max_wait: str | float | timedelta = 0,
        timeout: str | float | timedelta = "10s",
        on_mismatch: Literal["warn", "refuse"] = "warn",
        cache: str | float | timedelta = 0,
        max_memory: str | int = "2GiB",
        load_timeout: str | float | timedelta = "60s",
    ) -> ModelService:
        """Serve a model of the folder ``settings.model_root``: ``POST /models/NAME/predict``, with its own types.

        ``GET /models`` and ``GET /models/NAME`` describe it. Another version that is promoted takes over within about
        a second, without a request that fails.

        Args:
            reference: ``"titanic"`` is what was promoted to production, or else the newest. ``"titanic@canary"``
                is another alias, ``"titanic@2"`` always that version.
            out_of_range: What happens to a number outside of the training data's range: ``"accept"``, ``"warn"``,
                ``"clip"`` or ``"reject"`` (422). Default: as the model was published (``"warn"``).
            unknown: What happens to a category that the model does not know: ``"reject"`` (422) or ``"warn"``.
                Default: as the model was published (``"reject"``).
            max_rows: The most rows in one request; more is a 422.
            max_batch: The most rows of concurrent requests that are answered together.
            max_queue: The most rows that wait for the model; the next gets a 503 with ``Retry-After``.
            max_wait: How long a row waits for others. 0: only for those that are already there.
            timeout: How long a row may take, waiting included; then it gets a 503.
            on_mismatch: ``"warn"`` about or ``"refuse"`` a model made with another minor release of scikit-learn.
            cache: How long answers are remembered (``"5m"``), where a look-up is quicker than the model; that is
                measured when it is loaded. 0: not at all.
            max_memory: What a slow model, or one with code that is not scikit-learn's, may take in the process that it
                gets for itself.
            load_timeout: How long that process may take to load it.

        Returns:
            The model in service, an extension of the app.

        Raises:
            ConfigurationError: VX811, VX812 or VX813, when there is no such model. What only loading shows (VX701,
                VX812, VX814, VX816, VX817) stops the start.
        """
        from velox.app.models import ServedModels, serve
        from velox.ml import Serving

        serving = Serving(
            max_rows=max_rows,
            max_batch=max_batch,
            max_queue=max_queue,
            max_wait_s=parse_duration(max_wait),
            timeout_s=parse_duration(timeout),
            on_mismatch=on_mismatch,
            cache_s=parse_duration(cache),
            max_memory_bytes=parse_size(max_memory),
            load_timeout_s=parse_duration(load_timeout),
        )
        self._models = self._models or ServedModels()
        return serve(self, self._models, reference, out_of_range=out_of_range, unknown=unknown, serving=serving)

    def add_security_scheme(self, name: str, scheme: dict[str, Any]) -> None:
        """Document a way in; routes name it with ``security=[name]``.

        Args:
            name: Its name in the document.
            scheme: An OpenAPI Security Scheme Object, such as ``{"type": "http", "scheme": "bearer"}``.
        """
        self._security_schemes[name] = scheme

    def add_layer(self, maker: LayerMaker) -> None:
        """Let ``maker`` put a layer around endpoints; what is added first is the outermost.

        Args:
            maker: Asked for each route when the app is compiled, with its plan.
        """
        self._routes.layers.append(maker)

    def add_guard(self, maker: LayerMaker) -> None:
        """Let ``maker`` put a layer around everything else: who may not come in is not served from a cache either."""
        self._routes.layers.insert(0, maker)

    # Its database

    @property
    def database(self) -> Database:
        """The database of ``settings.database_url``; it is opened when the app starts, if anybody names it before."""
        self._opens_database = True
        return self._store().database

    @property
    def uses_database(self) -> bool:
        """Whether it is opened when the app starts: a setting names it, a handler asks for it, or there are tables."""
        if not self._opens_database and "velox.db" in sys.modules:
            self._opens_database = self._store().is_named_by(self._routes.known())
        return self._opens_database

    @property
    def storage(self) -> Storage | None:
        """What provides sessions, readers and writers of its database, unless nobody may need one."""
        return self._storage

    def _store(self) -> Storage:
        """What provides sessions and readers, unless the project's own providers do."""
        if self._storage is None:
            from velox.app.storage import Storage

            self._storage = storage = Storage(self.settings, self.jobs.committed)
            for fn in storage.providers:
                self._providers.setdefault(provided_type(fn), (fn, "request"))
        return self._storage

    # What the plans say

    @property
    def plans(self) -> tuple[Plan, ...]:
        """Every route's plan, in the order of the source."""
        return self.compile()

    def compile(self) -> tuple[Plan, ...]:
        """Read all signatures and compile all handlers; nothing is left to find out at the first request.

        Raises:
            ConfigurationError: The first mistake found (VX201 to VX212, VX903), with file, line and the fix.
        """
        if "velox.db" in sys.modules:  # whoever asks for a session has imported it
            self._store()
        plans = self._routes.compile()
        self.jobs.compile()
        check_security(plans, self._security_schemes)
        check_guards(plans, is_guarded=self.identify is not None)
        own_limits = [plan.options.max_body_bytes or 0 for plan in plans]
        self.config.REQUEST_MAX_SIZE = max(self.config.REQUEST_MAX_SIZE, *own_limits, 0)
        return plans

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI 3.1 document."""
        return openapi_document(
            self.plans,
            title=self.title,
            version=self.version,
            description=self.description,
            security_schemes=self._security_schemes,
        )

    # Starting and stopping

    @contextlib.asynccontextmanager
    async def lifespan(self) -> AsyncIterator[Velox]:
        """The app started as in a worker, without a server: for tests, commands and the shell.

        Sanic's own listeners (``before_server_start`` and the like) run too.
        """
        if not self.state.is_started:
            await self._startup()  # type: ignore[no-untyped-call]
        self.asgi = True
        try:
            await self._server_event("init", "before")
            await self._server_event("init", "after")
            yield self
        finally:
            await self._server_event("shutdown", "before")
            await self._server_event("shutdown", "after")
            # As before it was started: routes can be added again, and it can be started in another loop.
            self.router.reset()
            # Sanic caches by router, in one cache for all apps: it would keep this one alive.
            type(self.router).get.cache_clear()
            self.signal_router.reset()
            self.state.is_started = False

    async def readiness(self) -> dict[str, str]:
        """Why it cannot serve, by extension; empty when it can."""
        return await self._lifespan.reasons()

    def drain(self) -> None:
        """Become unready, since the server is about to stop; requests are still answered."""
        self._lifespan.drain()

    async def _prepare(self) -> None:
        if self.uses_database:
            from velox.app.schema import prepare_schema

            await prepare_schema(self.database, self.settings)
        await self.jobs.check()
        await self._idempotency.check()
        reader = SignatureReader((), (), self._providers)
        for fn, scope in self._providers.values():
            if scope == "app":
                await self._app_scope.get(reader.provider_plan(fn, scope), None, {})

    async def _before_start(self, app: Sanic[Config, SimpleNamespace]) -> None:
        await self._lifespan.start(self, prepare=self._prepare, undo=self._app_scope.close)
        if self._crew is not None:
            self._crew.start()

    async def _before_stop(self, app: Sanic[Config, SimpleNamespace]) -> None:
        self.drain()
        if self._crew is not None:
            self._crew.drain()

    async def _after_stop(self, app: Sanic[Config, SimpleNamespace]) -> None:
        if self._crew is not None:
            await self._crew.stop()
        await self._lifespan.stop(self)

    # Where Velox takes over from Sanic

    @classmethod
    def register_app(cls, app: Sanic[Any, Any]) -> None:
        """Make ``app`` the one that its name stands for; a factory may be called any number of times."""
        cls._app_registry[app.name] = app

    def finalize(self) -> None:
        """Compile what was declared, then let Sanic build its router. Called by Sanic when the app starts."""
        shows_docs = self.settings.docs and self.settings.env == "dev"
        if shows_docs and all(route.path for route in self.router.routes):
            mount_front_door(self)
        self.compile()
        super().finalize()

    def _apply_route(self, route: FutureRoute, overwrite: bool = False) -> list[Route]:
        declaration = declaration_of(route.handler)
        if declaration is None:
            return super()._apply_route(route, overwrite)
        try:
            routes = super()._apply_route(route, overwrite)
        except RouteExists:
            raise already_answered(route, declaration, self._routes.declared) from None
        except InvalidUsage as error:
            raise ConfigurationError(
                "VX205",
                f"{location_of(declaration.handler)}: the path {route.uri!r} cannot be read: {error}",
                hint="A parameter is a whole piece of the path: /files/<name>",
            ) from None
        if declaration.options.idempotent:
            self._idempotency.want()
        self._routes.declared.append(Declared(declaration, declared_path(route), routes))
        return routes
