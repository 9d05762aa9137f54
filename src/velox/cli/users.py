"""``velox users``: the accounts of the app, from the command line."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from velox.cli.console import json_line

if TYPE_CHECKING:
    from velox.auth.lock import Lock
    from velox.auth.tables import Account

__all__ = ["find_account", "users", "with_lock"]


@click.group(short_help="Make, list, change and switch off accounts.")
def users() -> None:
    """Make, list, change and switch off accounts.

    \b
    Example:
      velox users create ada@example.org --role admin
      velox users list
    """


@users.command()
@click.argument("email")
@click.option("--role", "roles", multiple=True, help="A role; may be given several times.")
@click.password_option(help="Default: asked for, without showing it.")
def create(email: str, roles: tuple[str, ...], password: str) -> None:
    """Make an account, with the address taken for proven.

    \b
    Example:
      velox users create ada@example.org --role admin
    """
    account = with_lock(lambda lock: _create(lock, email, password, roles))
    click.echo(f"account {account.id}: {account.email}")


@users.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(as_json: bool) -> None:
    """List the accounts.

    \b
    Example:
      velox users list --json
    """
    found = with_lock(_all)
    if as_json:
        json_line([_described(account) for account in found])
        return
    for account in found:
        state = "" if account.is_active else "  switched off"
        roles = f"  {', '.join(account.roles)}" if account.roles else ""
        click.echo(f"{account.id:>6}  {account.email}{roles}{state}")


@users.command()
@click.argument("email")
@click.option("--role", "roles", multiple=True, help="A role; may be given several times. None: all are taken away.")
def grant(email: str, roles: tuple[str, ...]) -> None:
    """Set the roles of an account, in place of those it has.

    \b
    Example:
      velox users grant ada@example.org --role admin --role editor
    """
    with_lock(lambda lock: _set(lock, email, roles=list(roles)))
    click.echo(f"{email}: {', '.join(roles) or 'no roles'}")


@users.command()
@click.argument("email")
@click.password_option(help="Default: asked for, without showing it.")
def password(email: str, password: str) -> None:
    """Set an account's password, and end all of its sign-ins.

    \b
    Example:
      velox users password ada@example.org
    """
    with_lock(lambda lock: _set_password(lock, email, password))
    click.echo(f"{email}: new password, signed out everywhere")


@users.command()
@click.argument("email")
def disable(email: str) -> None:
    """Switch an account off: it gets in nowhere, with nothing, from now on.

    \b
    Example:
      velox users disable ada@example.org
    """
    with_lock(lambda lock: _set(lock, email, is_active=False))
    click.echo(f"{email}: switched off")


@users.command()
@click.argument("email")
def enable(email: str) -> None:
    """Switch an account on again.

    \b
    Example:
      velox users enable ada@example.org
    """
    with_lock(lambda lock: _set(lock, email, is_active=True))
    click.echo(f"{email}: switched on")


def with_lock(work: Any) -> Any:
    """What ``await work(lock)`` returns, in the app's lifespan."""
    from velox.auth.lock import lock_of
    from velox.cli.loading import load_app

    app = load_app()
    lock = lock_of(app)

    async def run() -> Any:
        async with app.lifespan():
            return await work(lock)

    return asyncio.run(run())


async def find_account(lock: Lock, email: str) -> Account:
    """The account with that address.

    Raises:
        ConfigurationError: VX704, there is none.
    """
    from velox.errors import ConfigurationError

    account = await lock.find(email)
    if account is None:
        raise ConfigurationError("VX704", f"no account has the address {email}", hint="See: velox users list")
    return account


async def _create(lock: Lock, email: str, password: str, roles: tuple[str, ...]) -> Account:
    from datetime import UTC, datetime

    from velox.errors import ConfigurationError, Conflict

    try:
        return await lock.create(email, password, roles=list(roles), verified_at=datetime.now(UTC))
    except Conflict:
        raise ConfigurationError("VX704", f"{email} has an account already", hint="See: velox users list") from None


async def _all(lock: Lock) -> list[Account]:
    from velox.db import col, select

    async with lock.database.reader() as db:
        return list(await db.exec(select(lock.account).order_by(col(lock.account.id))))


async def _set(lock: Lock, email: str, **columns: Any) -> None:
    await lock.change(await find_account(lock, email), **columns)


async def _set_password(lock: Lock, email: str, password: str) -> None:
    account = await find_account(lock, email)
    await lock.set_password(account, password)
    await lock.sign_ins.end_all(account)


def _described(account: Account) -> dict[str, Any]:
    shown = account.model_dump(mode="json", exclude={"password_digest"})
    return {"id": account.id, "email": account.email, **shown}
