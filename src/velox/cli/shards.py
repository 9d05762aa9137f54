"""``velox shards``: where the rows of sharded models are, and moving them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from velox.cli.console import json_line, style
from velox.cli.loading import load_app
from velox.errors import ConfigurationError

if TYPE_CHECKING:
    from velox.db import Database
    from velox.db.rebalancing import Move, State

__all__ = ["shards"]

T = TypeVar("T")


@click.group()
def shards() -> None:
    """Where the rows of sharded models are: look, and move them to other shards while everything goes on.

    \b
    Example:
      velox shards status
      velox shards move
    """


@shards.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def status(as_json: bool) -> None:
    """Show each shard with its buckets and rows, and the moves that were begun.

    \b
    Example:
      velox shards status
    """
    from velox.db.rebalancing import ledger_of, status_of, unfinished

    async def work(database: Database) -> tuple[list[Any], list[Move], list[str]]:
        known = await ledger_of(database)
        moves = unfinished(known)
        return await status_of(database), moves, [known[move.bucket].state.value for move in moves]

    found, moves, states = _run(work)
    begun = [
        {"bucket": move.bucket, "from": move.source, "to": move.target, "state": state}
        for move, state in zip(moves, states, strict=True)
    ]
    if as_json:
        rows = [{"name": one.name, "url": one.url, "buckets": one.buckets, "rows": one.rows} for one in found]
        json_line({"shards": rows, "moves": begun})
        return
    width = max(len(one.name) for one in found)
    for one in found:
        rows_text = ", ".join(f"{count} in {table}" for table, count in one.rows.items()) or "no tables yet"
        click.echo(f"{one.name:<{width}}  {one.buckets:>4} buckets  {rows_text}  ({one.url})")
    for each in begun:
        click.echo(style(f"bucket {each['bucket']}: {each['from']} to {each['to']}, {each['state']}", "yellow"))
    if begun:
        click.echo("Finish what was begun: velox shards move")


@shards.command()
@click.option("--without", "given_up", multiple=True, metavar="NAME", help="Have no bucket on this shard.")
def plan(given_up: Sequence[str]) -> None:
    """Show what move would do: how many buckets would go from where to where.

    \b
    Example:
      velox shards plan
      velox shards plan --without s0
    """
    from velox.db.rebalancing import ledger_of, planned, unfinished

    async def work(database: Database) -> tuple[list[Move], list[Move]]:
        known = await ledger_of(database)
        return unfinished(known), planned(known, _kept(database, given_up))

    begun, moves = _run(work)
    if begun:
        click.echo(f"  {len(begun)} begun, to be finished first")
    pairs = sorted({(move.source, move.target) for move in moves})
    for source, target in pairs:
        count = sum((move.source, move.target) == (source, target) for move in moves)
        click.echo(f"  {source} to {target}: {count} bucket{'' if count == 1 else 's'}")
    if not moves and not begun:
        click.echo("Nothing to do: every bucket is where it should be.")


@shards.command()
@click.argument("buckets", nargs=-1, type=click.IntRange(0, 1023))
@click.option("--to", "target", metavar="NAME", help="Where the BUCKETS are to be.")
@click.option("--without", "given_up", multiple=True, metavar="NAME", help="Leave no bucket on this shard.")
def move(buckets: Sequence[int], target: str | None, given_up: Sequence[str]) -> None:
    """Move BUCKETS to another shard; without any, finish what was begun, and then do what plan shows.

    Nobody has to stop: rows are copied, compared one by one, and then deleted where they were. Only writers of the
    buckets at hand wait, for about a second. It may be killed at any moment; the next run goes on.

    \b
    Example:
      velox shards move
      velox shards move 17 42 --to s3
      velox shards move --without s0
    """
    from velox.db.rebalancing import Move, ledger_of, move_buckets, planned, unfinished

    if bool(buckets) != (target is not None):
        raise click.UsageError("BUCKETS and --to belong together.")

    async def work(database: Database) -> int:
        known = await ledger_of(database)
        moves = unfinished(known)
        await move_buckets(database, moves, _show)
        if target is not None:
            known = await ledger_of(database)
            wanted = [Move(bucket, known[bucket].owner, target) for bucket in dict.fromkeys(buckets)]
            wanted = [each for each in wanted if each.source != target]
        else:
            wanted = planned(await ledger_of(database), _kept(database, given_up))
        await move_buckets(database, wanted, _show)
        return len(moves) + len(wanted)

    count = _run(work)
    click.echo(f"Moved {count} bucket{'' if count == 1 else 's'}." if count else "Nothing to do.")


def _show(moves: Sequence[Move], state: State, rows: int) -> None:
    which = ", ".join(f"{move.bucket} ({move.source} to {move.target})" for move in moves)
    click.echo(f"  {style(f'{state.value:<9}', 'green')}{rows:>6} row{'' if rows == 1 else 's'}  {which}")


def _kept(database: Database, given_up: Sequence[str]) -> list[str]:
    if unknown := [name for name in given_up if name not in database.shards]:
        raise ConfigurationError(
            "VX438", f"there is no shard {', '.join(unknown)}", hint=f"There are: {', '.join(database.shards)}."
        )
    kept = [name for name in database.shards if name not in given_up]
    if not kept:
        raise ConfigurationError("VX438", "no shard would be left", hint="Keep one.")
    return kept


def _run(work: Callable[[Database], Coroutine[Any, Any, T]]) -> T:
    import asyncio

    database = load_app().database

    async def started() -> T:
        await database.start()
        try:
            return await work(database)
        finally:
            await database.stop()

    return asyncio.run(started())
