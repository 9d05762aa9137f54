"""The specification's shape of errors: ``{"errors": {"title": ["can't be blank"]}}``."""

from sanic.response import JSONResponse, json
from velox import Conflict, FieldError, Forbidden, NotFound, Problem, Request, Unauthorized, ValidationProblem

BLANK = "can't be blank"
WORDS = {"unique": "has already been taken", "missing": BLANK, "string_too_short": BLANK, "string_type": BLANK}
"""How the specification says what Velox's codes of wrong fields say."""


def missing(what: str) -> NotFound:
    return NotFound(extensions={"about": what})


def forbidden(what: str) -> Forbidden:
    return Forbidden(extensions={"about": what})


def taken(what: str) -> Conflict:
    return Conflict(errors=[FieldError("It is taken", "unique", pointer=f"/{what}")])


async def refuse(request: Request, problem: Problem) -> JSONResponse:
    return json({"errors": reasons(request, problem)}, problem.status, headers=problem.headers)


def reasons(request: Request, problem: Problem) -> dict[str, list[str]]:
    if isinstance(problem, Conflict | ValidationProblem) and problem.errors:
        found: dict[str, list[str]] = {}
        for error in problem.errors:
            place = error.pointer or error.parameter or "body"
            found.setdefault(place.replace(".", "/").rpartition("/")[2], []).append(WORDS.get(error.code, "is invalid"))
        return found
    about = str(problem.extensions.get("about", "body"))
    if isinstance(problem, NotFound):
        return {about: ["not found"]}
    if isinstance(problem, Forbidden):
        return {about: ["forbidden"]}
    if isinstance(problem, Unauthorized):
        if request.path.endswith("/login"):
            return {"credentials": ["invalid"]}
        return {"token": ["is invalid" if "authorization" in request.headers else "is missing"]}
    return {about: [problem.detail or problem.title]}
