"""``Cache-Control`` (RFC 9111, section 5.2.2)."""

from __future__ import annotations

from datetime import timedelta

from velox.units import parse_duration

__all__ = ["cache_control"]


def cache_control(
    *,
    max_age: str | float | timedelta | None = None,
    shared_max_age: str | float | timedelta | None = None,
    public: bool = False,
    private: bool = False,
    no_cache: bool = False,
    no_store: bool = False,
    must_revalidate: bool = False,
    immutable: bool = False,
    stale_while_revalidate: str | float | timedelta | None = None,
    stale_if_error: str | float | timedelta | None = None,
) -> str:
    """The value of a ``Cache-Control`` field.

    Durations are ``"30s"``, ``timedelta`` or seconds, and are rounded down.

    Raises:
        ValueError: It contradicts itself.

    >>> cache_control(public=True, max_age="1h", immutable=True)
    'public, max-age=3600, immutable'
    """
    if public and private:
        raise ValueError("an answer is public or private, not both")
    if no_store and (public or max_age is not None or shared_max_age is not None):
        raise ValueError("what is not stored has no age and no readers")
    flags = {
        "public": public,
        "private": private,
        "no-cache": no_cache,
        "no-store": no_store,
        "must-revalidate": must_revalidate,
    }
    ages = {
        "max-age": max_age,
        "s-maxage": shared_max_age,
        "stale-while-revalidate": stale_while_revalidate,
        "stale-if-error": stale_if_error,
    }
    parts = [name for name, wanted in flags.items() if wanted]
    parts += [f"{name}={int(parse_duration(value))}" for name, value in ages.items() if value is not None]
    return ", ".join([*parts, "immutable"] if immutable else parts)
