"""Conduit, the backend of RealWorld's blogging platform."""

from velox import Problem, Settings, Velox

from app.errors import refuse


def create_app(settings: Settings | None = None) -> Velox:
    app = Velox("conduit", settings=settings or Settings(), title="Conduit")
    app.exception(Problem)(refuse)
    app.discover("app")
    return app
