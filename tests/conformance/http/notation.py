r"""Bytes as text that can be read and reviewed.

=================  =====================================================================
in the text        on the wire
=================  =====================================================================
the end of a line  CR LF
``\`` at its end   nothing: the next line goes on
``\r \n \0 \t``    CR, LF, NUL, a tab
``\\ \{ \}``       a backslash, a brace
``\xff``           that byte
``{8192*a}``       ``a`` 8,192 times; what is repeated may itself hold escapes
other text         its UTF-8
=================  =====================================================================
"""

from __future__ import annotations

import re

__all__ = ["to_bytes", "to_text"]

ESCAPES = {"\\r": b"\r", "\\n": b"\n", "\\0": b"\0", "\\t": b"\t", "\\\\": b"\\", "\\{": b"{", "\\}": b"}", "\\\n": b""}
TOKEN = re.compile(
    r"\{(?P<count>[0-9]+)\*(?P<repeated>(?:\\.|[^}\\])+)\}"
    r"|\\x(?P<byte>[0-9a-f]{2})"
    r"|(?P<escape>\\(?:.|\n))"
    r"|(?P<end>\n)"
    r"|(?P<text>[^\\\n{\0-\x1f\x7f]+|\{)"
)


def to_bytes(text: str) -> bytes:
    """What ``text`` stands for.

    Raises:
        ValueError: It has an escape that the notation does not know, or a bare control character.
    """
    wire = bytearray()
    position = 0
    while position < len(text):
        found = TOKEN.match(text, position)
        if found is None:
            raise ValueError(f"cannot read {text[position : position + 20]!r}")
        wire += _token(found)
        position = found.end()
    return bytes(wire)


def _token(found: re.Match[str]) -> bytes:
    if found["count"] is not None:
        return to_bytes(found["repeated"]) * int(found["count"])
    if found["byte"] is not None:
        return bytes.fromhex(found["byte"])
    if found["escape"] is not None:
        if found["escape"] not in ESCAPES:
            raise ValueError(f"there is no escape {found['escape']!r}")
        return ESCAPES[found["escape"]]
    return b"\r\n" if found["end"] else found["text"].encode()


def to_text(wire: bytes, limit: int = 400) -> str:
    r"""``wire`` on one line for messages, at most ``limit`` bytes of it: ``GET / HTTP/1.1\r\n``."""
    shown = repr(wire[:limit])[2:-1].replace("\\x00", "\\0")
    return shown if len(wire) <= limit else f"{shown} … ({len(wire)} bytes)"
