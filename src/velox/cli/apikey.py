"""``velox apikey``: keys for programs, from the command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from velox.cli.users import find_account, with_lock

if TYPE_CHECKING:
    from velox.auth.lock import Lock

__all__ = ["apikey"]


@click.group(short_help="Make and revoke API keys.")
def apikey() -> None:
    """Make and revoke API keys.

    \b
    Example:
      velox apikey create ada@example.org --name "nightly import" --scope links:write
      velox apikey revoke IhIDcOh8
    """


@apikey.command()
@click.argument("email")
@click.option("--name", required=True, help="What it is for.")
@click.option("--scope", "scopes", multiple=True, help="What it is good for; may be given several times.")
@click.option("--days", type=click.IntRange(1, 3650), help="When it ends by itself. Default: never.")
def create(email: str, name: str, scopes: tuple[str, ...], days: int | None) -> None:
    """Make a key for the account EMAIL and print it: it is never shown again.

    \b
    Example:
      velox apikey create ada@example.org --name "nightly import" --scope links:write --days 90
    """
    click.echo(with_lock(lambda lock: _create(lock, email, name, scopes, days)))


@apikey.command()
@click.argument("prefix")
def revoke(prefix: str) -> None:
    """End the key with PREFIX, the part between its underscores, at once.

    \b
    Example:
      velox apikey revoke IhIDcOh8
    """
    with_lock(lambda lock: _revoke(lock, prefix))
    click.echo(f"revoked {prefix}")


async def _create(lock: Lock, email: str, name: str, scopes: tuple[str, ...], days: int | None) -> str:
    from velox.auth.apikeys import KeySecret
    from velox.auth.tables import ApiKey

    account = await find_account(lock, email)
    secret = KeySecret.new()
    async with lock.database.session() as db:
        await db.add(
            ApiKey(
                account_id=account.stored_id,
                prefix=secret.prefix,
                digest=secret.digest,
                name=name,
                scopes=list(scopes),
                expires_at=datetime.now(UTC) + timedelta(days=days) if days else None,
            )
        )
    return secret.text


async def _revoke(lock: Lock, prefix: str) -> None:
    from velox.auth.tables import ApiKey
    from velox.db import col, select
    from velox.errors import ConfigurationError

    async with lock.database.session() as db:
        alive = select(ApiKey).where(ApiKey.prefix == prefix, col(ApiKey.revoked_at).is_(None))
        key = (await db.exec(alive)).one_or_none()
        if key is None:
            raise ConfigurationError(
                "VX704", f"no key has the prefix {prefix}", hint="It is the part between the underscores: vx_PREFIX_..."
            )
        key.revoked_at = datetime.now(UTC)
