"""The error tree: one class a status, and documents as RFC 9457 has them."""

from __future__ import annotations

import pytest

from velox import errors
from velox.errors import (
    CODES,
    ConfigurationError,
    Conflict,
    FieldError,
    NotFound,
    Problem,
    ValidationProblem,
    VeloxError,
    phrase,
)

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Problem)]


class OutOfStock(Conflict):
    """A project's own problem."""

    title = "Out of stock"
    type = "https://example.org/problems/out-of-stock"


@pytest.mark.parametrize("kind", KINDS)
def test_every_problem_has_the_phrase_of_its_status(kind: type[Problem]) -> None:
    document = kind().to_dict()
    assert document["type"] == "about:blank"
    assert document["status"] == kind.status
    assert document["title"] == (kind.title or phrase(kind.status))


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    lines = [line.split() for line in (errors.__doc__ or "").splitlines()]
    shown = {words[1]: int(words[2]) for words in lines if len(words) == 3 and words[2].isdigit()}
    assert shown == {kind.__name__: kind.status for kind in KINDS if kind is not Problem}


def test_a_document_has_its_members_in_order_and_no_absent_ones() -> None:
    problem = NotFound("no such link")
    assert list(problem.to_dict(instance="/links/7", request_id="r1").items()) == [
        ("type", "about:blank"),
        ("title", "Not Found"),
        ("status", 404),
        ("detail", "no such link"),
        ("instance", "/links/7"),
        ("request_id", "r1"),
    ]
    assert list(NotFound().to_dict()) == ["type", "title", "status"]


def test_a_projects_own_problem_says_what_it_is() -> None:
    document = OutOfStock("none left").to_dict()
    assert (document["title"], document["type"], document["status"]) == ("Out of stock", OutOfStock.type, 409)


def test_extensions_cannot_replace_what_the_rfc_defines() -> None:
    document = Conflict("x", extensions={"status": 200, "balance": 30}).to_dict()
    assert (document["status"], document["balance"]) == (409, 30)


def test_wrong_fields_name_their_place_once() -> None:
    errors = [FieldError("too long", "string_too_long", pointer="/a~1b"), FieldError("x", "y", parameter="query.a")]
    assert ValidationProblem(errors=errors).to_dict()["errors"] == [
        {"pointer": "/a~1b", "message": "too long", "code": "string_too_long"},
        {"parameter": "query.a", "message": "x", "code": "y"},
    ]


def test_the_whole_body_is_a_place_too() -> None:
    assert FieldError("x", "y", pointer="").to_dict()["pointer"] == ""


def test_an_exception_reads_like_its_detail() -> None:
    assert str(NotFound("no such link")) == "no such link"
    assert str(NotFound()) == "Not Found"


def test_a_mistake_of_configuration_says_code_place_and_fix() -> None:
    error = ConfigurationError("VX201", "app.py:3: parameter 'x' has no type", hint="Annotate it")
    assert str(error) == "VX201 app.py:3: parameter 'x' has no type. Annotate it"
    assert error.exit_code == errors.EXIT_FAILURE
    assert isinstance(error, VeloxError)


def test_codes_have_three_digits_and_a_meaning() -> None:
    for code, meaning in CODES.items():
        assert code.startswith("VX")
        assert len(code) == 5
        assert meaning
        assert not meaning.endswith(".")


@pytest.mark.parametrize(
    ("status", "text"), [(413, "Content Too Large"), (422, "Unprocessable Content"), (418, "I'm a Teapot")]
)
def test_phrases_are_those_of_rfc_9110(status: int, text: str) -> None:
    assert phrase(status) == text
