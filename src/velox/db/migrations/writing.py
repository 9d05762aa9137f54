"""A migration as a file: short, readable, formatted as ``ruff format`` does it, and free of the project's own code."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from alembic.autogenerate import render_python_code
from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import CreateTableOp, MigrateOperation, ModifyTableOps, UpgradeOps
from sqlalchemy.types import TypeEngine

from velox.db.migrations.comparing import flat

__all__ = ["Body", "render"]

LINE_LENGTH = 120
"""Columns; a generated project's ``pyproject.toml`` tells ruff the same."""
_INDENT = " " * 4


@dataclass(slots=True)
class Body:
    """What ``upgrade`` or ``downgrade`` does, in order: Alembic's operations, and lines of Python."""

    pieces: list[MigrateOperation | str] = field(default_factory=list)


def render(
    title: str, revision: str, parents: Sequence[str], up: Body, down: Body, *, imports: Sequence[str] = ()
) -> str:
    """The whole file.

    Args:
        title: The first line of its docstring, without a full stop.
        revision: Its id.
        parents: What it comes after.
        up, down: What it does, and how that is undone.
        imports: Lines that ``up`` and ``down`` need besides those that are found out.
    """
    needed = {"from alembic import op", *imports}
    upgrade, downgrade = (_function(name, body, needed) for name, body in (("upgrade", up), ("downgrade", down)))
    code = upgrade + downgrade
    if "sa." in code:
        needed.add("import sqlalchemy as sa")
    if "op." not in code:
        needed.discard("from alembic import op")
    below = f'"{parents[0]}"' if len(parents) == 1 else repr(tuple(parents)).replace("'", '"') if parents else "None"
    head = f'"""{title}."""\n\n'
    lines = "".join(f"{line}\n" for line in _import_lines(needed))
    names = f'revision = "{revision}"\ndown_revision = {below}\n'
    return f"{head}{lines}{chr(10) if needed else ''}{names}\n\n{upgrade}\n\n{downgrade}"


def _import_lines(needed: set[str]) -> list[str]:
    """In isort's order, one line a module."""
    whole = sorted(line for line in needed if line.startswith("import "))
    names: dict[str, list[str]] = {}
    for line in needed - set(whole):
        _, module, _, name = line.split()
        names.setdefault(module, []).append(name)
    return [*whole, *(f"from {module} import {', '.join(sorted(names[module]))}" for module in sorted(names))]


def _function(name: str, body: Body, imports: set[str]) -> str:
    statements = [statement for piece in _chunks(body) for statement in _parsed(piece, imports)]
    lines = [line for statement in statements for line in _statement(statement, 1)]
    return "\n".join([f"def {name}() -> None:", *(lines or [f"{_INDENT}pass"])]) + "\n"


def _chunks(body: Body) -> Iterator[UpgradeOps | str]:
    """Alembic's operations gathered, so that it can render them together."""
    gathered: list[MigrateOperation] = []
    for piece in body.pieces:
        if isinstance(piece, str):
            yield UpgradeOps(gathered)
            gathered = []
            yield piece
        else:
            gathered += _without_batch(piece)
    yield UpgradeOps(gathered)


def _without_batch(operation: MigrateOperation) -> Sequence[MigrateOperation]:
    """An index needs no batch, which is there for what SQLite can only do by making the table anew."""
    if isinstance(operation, ModifyTableOps) and all("IndexOp" in type(each).__name__ for each in operation.ops):
        return operation.ops
    return [operation]


def _parsed(piece: UpgradeOps | str, imports: set[str]) -> list[ast.stmt]:
    if isinstance(piece, str):
        return ast.parse(piece).body

    def render_item(kind: str, item: Any, context: AutogenContext) -> str | bool:
        if kind == "type" and isinstance(item, TypeEngine) and not type(item).__module__.startswith("sqlalchemy."):
            imports.add(_import_of(item))
            return repr(item)
        return False

    imported: set[str] = set()
    for each in flat(piece):
        if isinstance(each, CreateTableOp):
            each.info = {}  # what a model tells Velox is nothing to a database
    code = render_python_code(piece, render_as_batch=True, render_item=render_item, imports=imported)  # type: ignore[arg-type]
    return ast.parse("def body():\n" + code).body[0].body  # type: ignore[attr-defined,no-any-return]


def _import_of(kind: TypeEngine[Any]) -> str:
    module, name = type(kind).__module__, type(kind).__name__
    return f"from {'sqlmodel' if name == 'AutoString' else module} import {name}"


class _Plainer(ast.NodeTransformer):
    """Leaves out what says nothing: ``op.f``, which matters only where names are made up; ``schema=None``."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        match node.func:
            case ast.Attribute(value=ast.Name(id="op" | "batch_op"), attr="f"):
                return node.args[0]
        node.keywords = [each for each in node.keywords if not _says_nothing(each)]
        return node


def _says_nothing(keyword: ast.keyword) -> bool:
    match keyword:
        case ast.keyword(arg="schema", value=ast.Constant(value=None)):
            return True
        case ast.keyword(arg="unique", value=ast.Constant(value=False)):
            return True
    return False


def _statement(statement: ast.stmt, depth: int) -> Iterator[str]:
    plain = _Plainer().visit(statement)
    match plain:
        case ast.With(items=[ast.withitem(context_expr=expression, optional_vars=ast.Name(id=name))], body=body):
            yield from _folded("with ", expression, f" as {name}:", depth)
            for each in body:
                yield from _statement(each, depth + 1)
        case ast.Expr(value=expression):
            yield from _folded("", expression, "", depth)
        case ast.Assign(targets=[ast.Name(id=name)], value=expression):
            yield from _folded(f"{name} = ", expression, "", depth)
        case ast.Pass():
            return
        case _:
            yield _INDENT * depth + _source(plain)


def _folded(before: str, node: ast.expr, after: str, depth: int) -> Iterator[str]:
    """``node`` on one line if it fits, else its arguments on the next, else each on a line of its own."""
    indent = _INDENT * depth
    line = f"{indent}{before}{_source(node)}{after}"
    parts = _parts(node)
    if len(line) <= LINE_LENGTH or parts is None:
        yield line
        return
    opening, arguments, closing = parts
    yield f"{indent}{before}{opening}"
    together = _INDENT * (depth + 1) + ", ".join(f"{prefix}{_source(value)}" for prefix, value in arguments)
    if len(together) <= LINE_LENGTH:
        yield together
    else:
        for prefix, value in arguments:
            yield from _folded(prefix, value, ",", depth + 1)
    yield f"{indent}{closing}{after}"


def _parts(node: ast.expr) -> tuple[str, list[tuple[str, ast.expr]], str] | None:
    match node:
        case ast.Call(func=function, args=args, keywords=keywords) if args or keywords:
            named = [(f"{keyword.arg}=", keyword.value) for keyword in keywords]
            return f"{_source(function)}(", [*(("", each) for each in args), *named], ")"
        case ast.List(elts=[_, *_] as elements):
            return "[", [("", each) for each in elements], "]"
    return None


def _source(node: ast.AST) -> str:
    return _double_quoted(ast.unparse(node))


def _double_quoted(source: str) -> str:
    """``'x'`` as ``"x"``, where that needs no backslash."""
    tokens = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        text = token.string
        if token.type == tokenize.STRING and text.startswith("'") and '"' not in text and "\\" not in text:
            text = f'"{text[1:-1]}"'
        tokens.append(token._replace(string=text))
    return tokenize.untokenize(tokens)
