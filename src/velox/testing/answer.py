"""The response of users' tests: httpx's own, that says in a failed ``assert`` why it is not the expected one."""

from __future__ import annotations

from typing import Any

import httpx

__all__ = ["Answer"]


class Answer(httpx.Response):
    """An ``httpx.Response`` whose ``repr`` tells a problem's ``detail`` and ``errors``, and what a handler raised.

    pytest shows it below a failed ``assert answer.status_code == 201``. What a handler raised unexpectedly (a 500) is
    ``answer.extensions["exception"]``, with its traceback.
    """

    def __repr__(self) -> str:
        reasons = "; ".join(filter(None, self._raised() or self._problem()))
        return f"<Response [{self.status_code} {self.reason_phrase}]{reasons and f' {reasons}'}>"

    def _raised(self) -> list[str]:
        exception = self.extensions.get("exception")
        return [] if exception is None else [f"{type(exception).__name__}: {exception}"]

    def _problem(self) -> list[str]:
        """RFC 9457: what went wrong this time; then each wrong value with its place."""
        if self.headers.get("content-type") != "application/problem+json":
            return []
        try:
            document: dict[str, Any] = self.json()
        except (httpx.ResponseNotRead, ValueError):  # streamed and not read yet; HEAD
            return []
        wrong = [f"{error.get('parameter', error.get('pointer'))}: {error['message']}" for error in _errors(document)]
        return [str(document.get("detail", "")), *wrong]


def _errors(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [error for error in document.get("errors", []) if "message" in error]
