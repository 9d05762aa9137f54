"""The answer to what cannot be read as a request: there is no request to give to an error handler."""

from __future__ import annotations

from velox.errors import phrase

__all__ = ["Refusal", "refusal_body"]


class Refusal(Exception):
    """The bytes are not a request that may be served.

    Args:
        status: The status to answer with: 400, 408, 414, 431 or 503.
        detail: What is wrong, in words of ours: nothing that the client sent.
    """

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def refusal_body(refusal: Refusal) -> bytes:
    """The problem document (RFC 9457) for ``refusal``."""
    title = phrase(refusal.status)
    document = '{"type":"about:blank","title":"%s","status":%d,"detail":"%s"}'
    return (document % (title, refusal.status, refusal.detail)).encode()
