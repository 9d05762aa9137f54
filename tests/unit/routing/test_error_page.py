"""What a browser is shown of an error while developing, and what it is never shown."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable

import pytest

from velox.errors import NotFound
from velox.routing.error_page import CONTENT_SECURITY_POLICY, MAX_FRAMES, render

PROBLEM = {"type": "about:blank", "title": "Internal Server Error", "status": 500, "request_id": "r-1"}


class StrangeError(Exception):
    """An exception that cannot be printed."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


def raised(fail: Callable[[], object]) -> BaseException:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is
        fail()
    return caught.value


def boom(message: str = "<b>boom</b>") -> BaseException:
    def fail() -> None:
        raise ValueError(message)

    return raised(fail)


def page_of(error: BaseException) -> str:
    return render(PROBLEM, error, "GET /").decode()


def test_the_page_shows_the_request_the_exception_and_the_failing_line() -> None:
    """The request in a line, the exception as Python prints it, and the failing line among its neighbours."""
    page = render(PROBLEM, boom("boom"), "GET /links").decode()
    assert "GET /links" in page
    assert "<h1>ValueError: boom</h1>" in page
    assert re.search(r"<span class=bad><i>\d+</i> +raise ValueError\(message\)", page)
    assert "test_error_page.py" in page


def test_values_of_local_variables_are_not_shown() -> None:
    """A value is only ever there as the source line that wrote it, never because a frame held it."""
    secret = str(hash("a value that no source line spells out"))

    def fail(token: str) -> None:
        raise LookupError

    assert secret not in page_of(raised(lambda: fail(secret)))


def test_everything_that_comes_from_outside_is_escaped() -> None:
    """The request line, the exception's text and the problem's members are text, not markup."""
    hostile = "<script>alert(1)</script>"
    page = render({**PROBLEM, "title": hostile, "detail": hostile}, boom(hostile), f"GET /{hostile}").decode()
    assert hostile not in page
    assert page.count("&lt;script&gt;") >= 4


def test_frames_of_libraries_are_folded_away() -> None:
    """The reader's own frames are open; those of the standard library wait behind a summary."""
    page = page_of(raised(lambda: json.loads("{")))
    assert re.search(r"<details><summary>\d frames in libraries</summary>", page)
    own = page.index("test_error_page.py")
    assert own < page.index("<details>")


def test_an_error_from_libraries_only_is_shown_open() -> None:
    """With no frame of the reader's own, folding would leave an empty page."""
    error = raised(lambda: json.loads("{"))
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    page = page_of(error.with_traceback(trace))
    assert "<details>" not in page
    assert "decoder.py" in page


def test_causes_and_contexts_are_shown_as_python_would() -> None:
    """`raise … from error` shows the cause, a second error the first, `from None` neither."""
    error = RuntimeError("second")
    error.__cause__ = KeyError("first")
    assert "Caused by KeyError: &#x27;first&#x27;" in page_of(error)
    error.__context__, error.__cause__ = KeyError("first"), None
    error.__suppress_context__ = False
    assert "While handling KeyError: &#x27;first&#x27;" in page_of(error)
    error.__suppress_context__ = True
    assert "first" not in page_of(error)


def test_a_chain_that_leads_back_to_itself_ends() -> None:
    """Two exceptions that are each other's context are shown once each."""
    one, other = ValueError("one"), ValueError("other")
    one.__context__, other.__context__ = other, one
    assert render(PROBLEM, one, "GET /").decode().count("<h2>While handling ValueError: other</h2>") == 1


def test_a_deep_recursion_shows_its_innermost_frames() -> None:
    """The page stays small: the outer frames are counted, not shown."""

    def deeper() -> None:
        deeper()

    page = page_of(raised(deeper))
    assert "outer frames are left out" in page
    assert page.count('class="place"') == MAX_FRAMES


def test_an_exception_that_cannot_be_printed_is_named() -> None:
    """Its class is known even when its text is not."""
    assert "StrangeError" in render(PROBLEM, StrangeError(), "GET /").decode()


def test_a_problem_without_an_exception_shows_its_detail() -> None:
    """An expected problem has no traceback worth showing."""
    page = render(NotFound("no such link").to_dict(), None, "GET /links/x").decode()
    assert "404 Not Found" in page
    assert "<p>no such link</p>" in page
    assert "Traceback" not in page


def test_the_policy_allows_exactly_the_page_s_own_style() -> None:
    """The style sheet's SHA-256 is in the policy, and scripts are nowhere."""
    page = render(PROBLEM, boom(), "GET /").decode()
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in CONTENT_SECURITY_POLICY
    assert "script" not in page
    assert "default-src 'none'" in CONTENT_SECURITY_POLICY
