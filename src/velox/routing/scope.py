"""What a request (or a worker) has made for itself, and how it is given back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from typing import Any

from velox.errors import VeloxError
from velox.routing.plan import Parameter, ProviderPlan

__all__ = ["Answered", "Scope"]


class Answered(VeloxError):
    """Thrown into providers when the handler returned a response with a problem's status: they undo their work.

    Args:
        status: The response's status, 400 or above.
    """

    def __init__(self, status: int) -> None:
        super().__init__(f"the handler answered {status}")
        self.status = status


class Scope:
    """Builds provided things, each once, and tears them down in reverse order.

    Args:
        parent: The worker's scope, for a request's.
    """

    __slots__ = ("_generators", "_made", "_parent")

    def __init__(self, parent: Scope | None = None) -> None:
        self._parent = parent
        self._made: dict[Any, Any] = {}
        self._generators: list[AsyncGenerator[Any, None] | Generator[Any, None, None]] = []

    async def get(self, plan: ProviderPlan, request: Any, values: dict[str, Any]) -> Any:
        """What ``plan`` makes: the one already made in this scope, or a new one.

        Args:
            request: The request, for providers that take it.
            values: The plan's checked inputs by key.
        """
        if plan.scope == "app" and self._parent is not None:
            return await self._parent.get(plan, None, {})
        if plan.fn in self._made:
            return self._made[plan.fn]
        arguments = {}
        for parameter in plan.parameters:
            if parameter.provider is not None:
                arguments[parameter.name] = await self.get(parameter.provider, request, values)
            elif parameter.source.value == "request":
                arguments[parameter.name] = request
            elif parameter.key in values:
                arguments[parameter.name] = values[parameter.key]
        made = self._made[plan.fn] = await self._make(plan, arguments)
        return made

    async def _make(self, plan: ProviderPlan, arguments: dict[str, Any]) -> Any:
        made = plan.fn(**arguments)
        if plan.kind == "awaitable":
            return await made
        if plan.kind == "async_generator":
            self._generators.append(made)
            return await anext(made)
        if plan.kind == "generator":
            self._generators.append(made)
            return next(made)
        return made

    async def close(self, error: BaseException | None = None) -> None:
        """Finish every generator, last made first; ``error`` is raised inside each at its ``yield``.

        Raises:
            Exception: The first one that a generator raises of its own (a failing commit, for one). The others are
                still finished, and see it.
        """
        raised: BaseException | None = None
        while self._generators:
            generator = self._generators.pop()
            try:
                await finish(generator, raised or error)
            except BaseException as new:  # noqa: BLE001 - raised below, after the others are finished
                if new is not error:
                    raised = raised or new
        self._made.clear()
        if raised is not None:
            raise raised


async def finish(
    generator: AsyncGenerator[Any, None] | Generator[Any, None, None], error: BaseException | None
) -> None:
    """Run ``generator`` past its one ``yield``."""
    try:
        if isinstance(generator, AsyncGenerator):
            await (anext(generator) if error is None else generator.athrow(error))
        elif error is None:
            next(generator)
        else:
            generator.throw(error)
    except (StopAsyncIteration, StopIteration):
        return
    except asyncio.CancelledError:
        raise
    raise RuntimeError(f"provider {generator!r} yields more than once")


def provided(parameters: tuple[Parameter, ...]) -> tuple[tuple[str, ProviderPlan], ...]:
    """The parameters that providers make: ``(name, provider)``."""
    return tuple((p.name, p.provider) for p in parameters if p.provider is not None)
