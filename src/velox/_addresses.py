"""Settings that are hosts, networks or header values, and how they are written in one line of an environment."""

import json
import re
from ipaddress import ip_network
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, PlainValidator
from pydantic_settings import NoDecode

__all__ = ["HeaderNames", "HeaderValue", "Hosts", "Origins", "Proxies", "Urls"]

HOST: Final = re.compile(r"\*|(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?|\[[0-9a-f:.]+\]")
ORIGIN: Final = re.compile(r"\*|[a-z][a-z0-9+.-]*://(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HEADER_VALUE: Final = re.compile(r"[ -~]*")
MAX_PROXIES: Final = 32


def listed(value: Any) -> Any:
    """``"a, b"`` and ``'["a", "b"]'`` as the list that they are."""
    if not isinstance(value, str):
        return value
    if value.startswith(('["', "[]")):
        return json.loads(value)
    return [part.strip() for part in value.split(",") if part.strip()]


def host(text: str) -> str:
    lowered = text.lower()
    if HOST.fullmatch(lowered) is None:
        raise ValueError("it should be a host without scheme and port, such as example.com or *.example.com")
    return lowered


def origin(text: str) -> str:
    lowered = text.lower()
    if ORIGIN.fullmatch(lowered) is None:
        raise ValueError("it should be a scheme and a host without path, such as https://app.example.com, or *")
    return lowered


def header_name(text: str) -> str:
    if HEADER_NAME.fullmatch(text) is None:
        raise ValueError("it should be the name of a header field, such as X-Request-ID")
    return text


def proxies(value: Any) -> int | tuple[str, ...]:
    """How many proxies, or their networks in the usual form."""
    count = int(value) if isinstance(value, str) and value.strip().isdecimal() else value
    if isinstance(count, int):
        if not 0 <= count <= MAX_PROXIES:
            raise ValueError(f"it should be 0 to {MAX_PROXIES} proxies, or their networks")
        return count
    try:
        return tuple(str(ip_network(text, strict=False)) for text in listed(value))
    except (TypeError, ValueError):
        raise ValueError("it should be a number of proxies, or networks such as 10.0.0.0/8") from None


def header_value(text: str) -> str:
    if HEADER_VALUE.fullmatch(text) is None:
        raise ValueError("it should be of printable ASCII characters, in one line")
    return text.strip()


Hosts = Annotated[tuple[Annotated[str, AfterValidator(host)], ...], NoDecode, BeforeValidator(listed)]
"""Names of hosts, or with ``*.`` before them of all hosts below."""
Urls = Annotated[tuple[str, ...], NoDecode, BeforeValidator(listed)]
"""URLs, with commas between in the environment."""
Origins = Annotated[tuple[Annotated[str, AfterValidator(origin)], ...], NoDecode, BeforeValidator(listed)]
"""Origins as browsers send them: scheme, host and a port that is not the scheme's own."""
HeaderNames = Annotated[tuple[Annotated[str, AfterValidator(header_name)], ...], NoDecode, BeforeValidator(listed)]
"""Names of header fields."""
Proxies = Annotated[int | tuple[str, ...], NoDecode, PlainValidator(proxies)]
"""Proxies: how many, or their networks."""
HeaderValue = Annotated[str, AfterValidator(header_value)]
"""A header's value; empty for no header."""
