"""The page that a browser gets for an error while developing: the problem, and the code that it came from.

It shows source lines and never values: no local variables, no settings, no environment, no headers.
"""

from __future__ import annotations

import base64
import hashlib
import json
import linecache
import sysconfig
import traceback
from collections.abc import Iterator, Mapping
from html import escape
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

__all__ = ["CONTENT_SECURITY_POLICY", "render"]

CONTEXT_LINES = 4
"""Source lines to show before and after the failing one."""
MAX_FRAMES = 100
"""Of one traceback; a recursion error has a thousand, and they are all alike."""

_STYLE = """
:root{color-scheme:light dark;--line:light-dark(#e3e7e8,#2b3137);--soft:light-dark(#566168,#9aa5ac);
--code:light-dark(#f4f6f6,#101316);--red:light-dark(#b3261e,#ff8f87);--mark:light-dark(#fde8e6,#3d1d1b);
--page:light-dark(#fff,#14171a);--text:light-dark(#1b2226,#e4e8ea);
font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
body{margin:0 auto;max-width:62rem;padding:3rem 1.5rem 6rem;background:var(--page);color:var(--text)}
h1{font-size:1.7rem;line-height:1.25;margin:.2rem 0 .6rem;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:1.05rem;margin:2.4rem 0 .6rem;overflow-wrap:anywhere}
.status{color:var(--red);font-weight:600}.soft,summary{color:var(--soft);font-size:.9rem}
code,pre{font-family:ui-monospace,"Cascadia Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.82rem}
pre{background:var(--code);border:1px solid var(--line);border-radius:8px;padding:.7rem 0;margin:.3rem 0 1.2rem}
pre{overflow:auto}
pre span{display:block;padding:0 1rem;min-width:max-content}pre .bad{background:var(--mark)}
pre i{display:inline-block;width:3.2em;font-style:normal;color:var(--soft)}
.place{margin:0;overflow-wrap:anywhere}.place b{font-weight:600}
details{border-left:2px solid var(--line);padding-left:1rem;margin:0 0 1.2rem}summary{cursor:pointer}
pre.document{padding:.7rem 1rem;white-space:pre-wrap;overflow-wrap:anywhere}
footer{margin-top:3rem;border-top:1px solid var(--line);padding-top:1rem}
"""

_FOOTER = "Shown to browsers because the environment is dev. Elsewhere only the problem document is sent."

_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The ``Content-Security-Policy`` to send with the page: its one style sheet, known by its hash, and nothing else."""

_LIBRARY_FOLDERS = (
    str(Path(__file__).resolve().parents[1]),
    *(str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
)


class _Frame(NamedTuple):
    path: str
    line: int
    function: str

    @property
    def library(self) -> bool:
        """Whether this is not the reader's code: Velox, an installed package, the standard library, or no file."""
        if self.path.startswith("<"):
            return True
        path = str(Path(self.path).resolve())
        return path.startswith(_LIBRARY_FOLDERS) or "site-packages" in path


def render(problem: Mapping[str, Any], exception: BaseException | None, request_summary: str) -> bytes:
    """The page as UTF-8 HTML.

    Args:
        problem: The problem document's members (RFC 9457), as a client of the API would get them.
        exception: What was raised, with its traceback; ``None`` shows the problem alone.
        request_summary: The request in a line: ``"GET /links/7"``.
    """
    heading = f"{problem.get('status', 500)} {problem.get('title', '')}".strip()
    document = json.dumps(dict(problem), indent=2, ensure_ascii=False, default=str)
    parts = (
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(heading)}</title><style>{_STYLE}</style></head><body>",
        f'<p class="soft">{escape(request_summary)}</p>',
        *_title(problem, exception, heading),
        *(_chain(exception) if exception is not None else ()),
        f'<h2>What the client gets</h2><pre class="document">{escape(document)}</pre>',
        f'<footer class="soft">{_FOOTER}</footer></body></html>',
    )
    return "\n".join(parts).encode("utf-8", "replace")


def _title(problem: Mapping[str, Any], exception: BaseException | None, heading: str) -> Iterator[str]:
    if exception is None:
        yield f'<h1><span class="status">{escape(heading)}</span></h1>'
        if problem.get("detail"):
            yield f"<p>{escape(str(problem['detail']))}</p>"
        return
    yield f'<p class="status">{escape(heading)}</p><h1>{escape(_sentence(exception))}</h1>'


def _sentence(exception: BaseException) -> str:
    """``KeyError: 'x'``; also for an exception whose ``__str__`` fails."""
    return "".join(traceback.format_exception_only(exception)).strip()


def _chain(exception: BaseException) -> Iterator[str]:
    """The exception's own traceback first, then those it came from, as far as Python itself would print them."""
    heading = "Traceback, innermost call last"
    current: BaseException | None = exception
    seen: set[int] = set()
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield f"<h2>{escape(heading)}</h2>"
        yield from _traceback(current.__traceback__)
        if current.__cause__ is not None:
            current, relation = current.__cause__, "Caused by"
        elif not current.__suppress_context__:
            current, relation = current.__context__, "While handling"
        else:
            return
        heading = f"{relation} {_sentence(current)}" if current is not None else ""


def _traceback(trace: TracebackType | None) -> Iterator[str]:
    walked = [_Frame(f.f_code.co_filename, line, f.f_code.co_qualname) for f, line in traceback.walk_tb(trace)]
    frames = walked[-MAX_FRAMES:]
    if len(walked) > len(frames):
        yield f'<p class="soft">{len(walked) - len(frames)} outer frames are left out.</p>'
    for library, group in groupby(frames, key=lambda frame: frame.library):
        members = list(group)
        shown = "\n".join(_frame(frame) for frame in members)
        # A library's frames explain little, unless nothing else is there.
        if library and any(not frame.library for frame in frames):
            yield f"<details><summary>{_count(members)}</summary>{shown}</details>"
        else:
            yield shown


def _count(frames: list[_Frame]) -> str:
    return "1 frame in a library" if len(frames) == 1 else f"{len(frames)} frames in libraries"


def _frame(frame: _Frame) -> str:
    place = f"<b>{escape(_short(frame.path))}:{frame.line}</b> in <code>{escape(frame.function)}</code>"
    return f'<p class="place">{place}</p>{_source(frame)}'


def _short(path: str) -> str:
    """Relative to the working directory when it is inside, as editors and terminals show it."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path


def _source(frame: _Frame) -> str:
    linecache.checkcache(frame.path)
    first = max(frame.line - CONTEXT_LINES, 1)
    numbered = [
        (number, linecache.getline(frame.path, number)) for number in range(first, frame.line + CONTEXT_LINES + 1)
    ]
    rows = [
        f"<span{' class=bad' if number == frame.line else ''}><i>{number}</i>{escape(text.rstrip())}</span>"
        for number, text in numbered
        if text
    ]
    return f'<pre tabindex="0">{"".join(rows)}</pre>' if rows else ""
