"""Relationships: what their annotation means, and what happens when an unloaded one is touched."""

from __future__ import annotations

import ast
from typing import Any, NoReturn, Optional

from sqlalchemy.orm import RelationshipProperty

from velox.db.borrowed import LazyLoader
from velox.errors import VeloxError

__all__ = ["NOT_LOADED", "NotLoaded", "relationship_annotation"]

NOT_LOADED = "velox_not_loaded"
"""The loader strategy of relationships that do not say how they load."""


class NotLoaded(VeloxError):
    """A relationship was read that the query did not load.

    Loading it now would need the event loop in the middle of reading an attribute; the query has to ask for it.

    Args:
        model: The class that has the relationship.
        name: The relationship.
    """

    def __init__(self, model: str, name: str) -> None:
        super().__init__(
            f"{model}.{name} was not loaded. "
            f"Load it with the row: select({model}).options(selectinload({model}.{name})), "
            f"or afterwards in a Session: await db.refresh(row, ['{name}'])"
        )
        self.model = model
        self.name = name


# SQLAlchemy's lazy="raise" has the right behaviour (it also lets the unit of work load what a cascade needs) and the
# wrong message, and the message is the one thing that it lets nobody set. A strategy of our own, registered the way
# SQLAlchemy registers its own.
@RelationshipProperty.strategy_for(lazy=NOT_LOADED)
class _NotLoadedLoader(LazyLoader):
    __slots__ = ()

    def __init__(self, parent: RelationshipProperty[Any], strategy_key: tuple[Any, ...]) -> None:
        super().__init__(parent, strategy_key)
        self._raise_always = True

    def _invoke_raise_load(self, state: Any, passive: Any, lazy: str) -> NoReturn:
        raise NotLoaded(state.class_.__name__, self.key)


def relationship_annotation(text: str) -> Any:
    """``"list[Hero]"`` as ``list["Hero"]``, ``"Team | None"`` as ``Optional["Team"]``: what SQLModel understands.

    Under ``from __future__ import annotations`` an annotation is text, which SQLModel takes for a class' name. It
    cannot be evaluated, since the other class may not exist yet.
    """
    return _annotation(ast.parse(text, mode="eval").body)


def _annotation(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=str(text)):
            return relationship_annotation(text)
        case ast.BinOp(left=left, op=ast.BitOr(), right=ast.Constant(value=None)):
            return Optional[_annotation(left)]  # noqa: UP045 - a string has no "|"
        case ast.BinOp(left=ast.Constant(value=None), op=ast.BitOr(), right=right):
            return Optional[_annotation(right)]  # noqa: UP045
        case ast.Subscript(value=ast.Name(id="list" | "List"), slice=item):
            return list[_annotation(item)]  # type: ignore[misc]
        case ast.Subscript(value=ast.Name(id="Optional"), slice=item):
            return Optional[_annotation(item)]  # noqa: UP045
        case _:
            return ast.unparse(node).rpartition(".")[2]
