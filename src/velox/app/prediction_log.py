"""Where the log of predictions meets the app: its table, its writer, and the route that truth comes in by."""

from __future__ import annotations

import math
from typing import Annotated, Any

from velox.app.described import Described, Schema
from velox.app.jobs import DatabaseConnections
from velox.errors import ConfigurationError, FieldError, NotFound, ValidationProblem
from velox.ml import Log, ModelService
from velox.ml.log import Recorder
from velox.routing.markers import Body
from velox.units import parse_duration

__all__ = ["PredictionLog", "mount_feedback"]


class PredictionLog:
    """The logged predictions of one model; an extension of the app.

    Args:
        app: The app, whose database has them.
        log: What is logged.
        service: The model, which is told to.

    Attributes:
        name: What ``/health/ready`` calls it.
        journal: They.
    """

    def __init__(self, app: Any, log: Log, service: ModelService) -> None:
        from velox.db import Model
        from velox.predictions import Journal
        from velox.predictions.table import table_in

        log.check(service.manifest)
        # Defined as the model is put in service: the commands that compare models and database start no app.
        table, writing = table_in(Model.metadata), DatabaseConnections(app.database).writing
        self.name = f"log of {service.model}"
        self.journal = Journal(
            writing, table, service.model, keep_s=parse_duration(log.keep), max_waiting=log.max_waiting
        )
        service.recorder = Recorder(log, self.journal)

    async def check(self, app: Any) -> None:
        """Refuse to start without the table.

        Raises:
            ConfigurationError: VX821, the database has no table for it.
        """
        if not await self.journal.is_there():
            raise ConfigurationError(
                "VX821",
                "predictions are logged, and the database has no table velox_prediction",
                hint="Create it: velox makemigrations, then velox migrate; or VELOX_CREATE_TABLES=true for one start",
            )

    async def start(self) -> None:
        self.journal.start()

    async def stop(self) -> None:
        await self.journal.stop()

    async def ready(self) -> str | None:
        return None

    def describe(self) -> dict[str, int]:
        """How many were written and dropped, and how many wait, in this worker."""
        journal = self.journal
        return {"written": journal.written, "dropped": journal.dropped, "waiting": journal.waiting}


def mount_feedback(app: Any, prefix: str, service: ModelService, log: PredictionLog) -> None:
    """Add the route that joins the truth to a prediction."""
    name, title = service.model, service.model.replace("-", "_")

    async def feedback(body: Any) -> dict[str, Any]:
        one, truth = read_feedback(body, service)
        if not await log.journal.tell(one, truth):
            raise NotFound("No prediction of this id was logged, or it was deleted by now. One is written in a second.")
        return {"id": one, "truth": truth}

    feedback.__doc__ = f"What was true, by the id of a logged prediction of {name}."
    feedback.__annotations__ |= {"body": Annotated[dict[str, Any], Body(), Described(lambda: feedback_schema(service))]}
    path = f"{prefix}/{name}/feedback"
    app.post(path, name=f"{title}_feedback", tags=["models"], problems=(NotFound,), status=200)(feedback)


def read_feedback(body: dict[str, Any], service: ModelService) -> tuple[str, Any]:
    """Id and truth.

    Raises:
        ValidationProblem: Each mistake with its pointer.
    """
    errors = [
        FieldError("There is no such field; there are id and truth", "extra_forbidden", pointer=f"/{name}")
        for name in body
        if name not in ("id", "truth")
    ]
    one, truth = body.get("id"), body.get("truth")
    if not isinstance(one, str) or not 0 < len(one) <= 32:
        errors.append(FieldError("Input should be the id of a prediction", "string_type", pointer="/id"))
    classes = service.manifest.schema.outcome.classes
    if classes and not any(is_same(truth, known) for known in classes):
        message = f"Input should be one of {', '.join(map(str, classes))}"
        errors.append(FieldError(message, "enum", pointer="/truth"))
    if not classes and not is_finite(truth):
        errors.append(FieldError("Input should be a finite number", "finite_number", pointer="/truth"))
    if errors:
        raise ValidationProblem(errors=errors)
    return str(one), truth


def is_same(truth: Any, known: Any) -> bool:
    """Equal in JSON, where ``true`` is not 1."""
    return isinstance(truth, bool) == isinstance(known, bool) and bool(truth == known)


def is_finite(value: Any) -> bool:
    """Whether it is a number that a float can hold."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def feedback_schema(service: ModelService) -> Schema:
    """An id and what was true."""
    classes = service.manifest.schema.outcome.classes
    truth: Schema = {"enum": list(classes)} if classes else {"type": "number"}
    properties = {"id": {"type": "string", "minLength": 1, "maxLength": 32}, "truth": truth}
    return {
        "type": "object",
        "title": "Feedback",
        "additionalProperties": False,
        "required": ["id", "truth"],
        "properties": properties,
    }
