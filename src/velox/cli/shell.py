"""``velox shell``: a Python prompt with the app started, a session and the models at hand."""

from __future__ import annotations

import ast
import asyncio
import code
import inspect
import sys
import traceback
import types
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import click

from velox.errors import EXIT_FAILURE

if TYPE_CHECKING:
    from velox.app import Velox
    from velox.db import Session

__all__ = ["shell"]


@click.command(short_help="A Python prompt with the app, a session and the models.")
@click.option("--sandbox", is_flag=True, help="Roll everything back at the end.")
@click.option("-c", "source", metavar="CODE", help="Run CODE and exit.")
def shell(sandbox: bool, source: str | None) -> None:
    """A Python prompt with the app started; top-level await works.

    Each input is a transaction: committed when it worked, rolled back when it raised. With --sandbox, all of it is
    rolled back when the prompt ends.

    \b
    Example:
      velox shell --sandbox
      velox shell -c "print(await db.one(select(func.count()).select_from(Link)))"
    """
    from velox.cli.loading import load_app

    app = load_app()
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        session = runner.run(_open(stack, app, sandbox))
        try:
            prompt = _Prompt(runner, session, _names(app, session))
            if source is not None:
                prompt.run(source)
            else:
                prompt.interact(_greeting(prompt.locals, sandbox), exitmsg="")
        finally:
            runner.run(stack.aclose())
    if source is not None and prompt.failed:
        sys.exit(EXIT_FAILURE)


async def _open(stack: AsyncExitStack, app: Velox, sandbox: bool) -> Session:
    await stack.enter_async_context(app.lifespan())
    if sandbox:
        await stack.enter_async_context(app.database.isolated())
    return await stack.enter_async_context(app.database.session())


class _Prompt(code.InteractiveConsole):
    """An interactive console whose inputs may await; they all run on one event loop."""

    def __init__(self, runner: asyncio.Runner, session: Session, names: dict[str, Any]) -> None:
        super().__init__(names)
        self.compile.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        self.failed = False
        self._runner = runner
        self._session = session

    def run(self, source: str) -> None:
        """Run ``source``, which may have several statements, without printing their values."""
        try:
            compiled = compile(source, "<velox shell -c>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        except SyntaxError:
            self.failed = True
            self.showsyntaxerror("<velox shell -c>")
        else:
            self.runcode(compiled)

    def runcode(self, code: types.CodeType) -> None:
        try:
            self._runner.run(self._transaction(code))
        except SystemExit:
            raise
        except BaseException as error:  # noqa: BLE001
            # KeyboardInterrupt included: Ctrl-C ends the input, not the prompt.
            self.failed = True
            self.write("".join(traceback.format_exception(type(error), error, _own_frames(error.__traceback__))))

    async def _transaction(self, compiled: types.CodeType) -> None:
        try:
            result = types.FunctionType(compiled, self.locals)()
            if inspect.iscoroutine(result):
                await result
        except BaseException:
            await self._session.rollback()
            raise
        await self._session.commit()


def _own_frames(trace: types.TracebackType | None) -> types.TracebackType | None:
    """The part of the traceback that begins in the input."""
    while trace is not None and not trace.tb_frame.f_code.co_filename.startswith("<"):
        trace = trace.tb_next
    return trace


def _names(app: Velox, session: Session) -> dict[str, Any]:
    from velox.db import Model, col, func, select

    models = {model.__name__: model for model in sorted(_tables(Model), key=lambda model: model.__name__)}
    hand = {"app": app, "settings": app.settings, "db": session, "select": select, "func": func, "col": col}
    return {"__name__": "__console__", "__doc__": None} | models | hand


def _tables(model: type[Any]) -> list[type[Any]]:
    own = [model] if hasattr(model, "__table__") else []
    return own + [table for child in model.__subclasses__() for table in _tables(child)]


def _greeting(names: dict[str, Any], sandbox: bool) -> str:
    hand = ", ".join(name for name in names if not name.startswith("__"))
    end = "everything is rolled back at the end" if sandbox else "each input is committed when it worked"
    return f"velox shell, python {sys.version.split()[0]}: {hand}\ntop-level await works; {end}; leave with Ctrl-D"
