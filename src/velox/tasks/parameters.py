"""A task's parameters: which travel with the job, and which are provided where it runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NotRequired

from pydantic import TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from velox.errors import VeloxError

__all__ = ["Plan", "Signature", "WrongArguments"]


class WrongArguments(VeloxError, TypeError):
    """A task was enqueued with arguments that do not fit its parameters, or received such."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What the app has read from a task's signature.

    Attributes:
        inputs: The parameters that travel: their annotations by name.
        provided: The names of those that are provided.
        attempt: The names of those that are told about the attempt.
        returns: The annotation of what it returns.
        has_session: Whether something provided is, or needs, a Session.
        providers: How the provided ones are made; the app's own business.
    """

    inputs: Mapping[str, Any]
    provided: frozenset[str]
    attempt: frozenset[str]
    returns: Any
    has_session: bool
    providers: Any = None


class Plan:
    """Turns a call's arguments into JSON and back, checking them both times.

    Args:
        name: The task's name, for messages.
        fn: The task's function.
        signature: What the app has read from it.
    """

    def __init__(self, name: str, fn: Callable[..., Any], signature: Signature) -> None:
        self.name = name
        self.signature = signature
        kept = [p for p in inspect.signature(fn).parameters.values() if p.name in signature.inputs]
        self._binds = inspect.Signature(kept)
        fields = {p.name: annotation_of(p, signature.inputs[p.name]) for p in kept}
        arguments = with_config({"extra": "forbid"})(TypedDict("Arguments", fields))  # type: ignore[operator]
        self._arguments: TypeAdapter[Any] = TypeAdapter(arguments)
        returns = signature.returns
        self._result: TypeAdapter[Any] = TypeAdapter(Any if returns is inspect.Signature.empty else returns)

    def encode(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
        """The arguments of a call as a JSON object.

        Raises:
            WrongArguments: They do not fit.
        """
        passed = self.signature.provided | self.signature.attempt
        try:
            bound = self._binds.bind(*args, **{name: each for name, each in kwargs.items() if name not in passed})
            values = self._arguments.validate_python(bound.arguments)
            return self._arguments.dump_json(values).decode()
        except ValidationError as error:
            raise WrongArguments(f"{self.name} cannot be enqueued so: {in_words(error)}") from error
        except (TypeError, ValueError) as error:
            raise WrongArguments(f"{self.name} cannot be enqueued so: {error}") from error

    def decode(self, payload: str) -> dict[str, Any]:
        """The arguments that arrived.

        Raises:
            WrongArguments: They do not fit.
        """
        try:
            arguments: dict[str, Any] = self._arguments.validate_json(payload)
        except ValidationError as error:
            raise WrongArguments(f"the arguments do not fit {self.name}: {in_words(error)}") from error
        return arguments

    def encode_result(self, result: Any) -> str | None:
        """What the task returned, as JSON; None for None."""
        return None if result is None else self._result.dump_json(result).decode()

    def decode_result(self, result: str | None) -> Any:
        return None if result is None else self._result.validate_json(result)


def annotation_of(parameter: inspect.Parameter, annotation: Any) -> Any:
    return annotation if parameter.default is parameter.empty else NotRequired[annotation]


def in_words(error: ValidationError) -> str:
    """The first mistakes of ``error`` in one line."""
    found = [f"{'.'.join(map(str, each['loc'])) or 'arguments'}: {each['msg']}" for each in error.errors()[:3]]
    return "; ".join(found)
