"""``Preconditions``: what a client knows of a thing before it asks for it, or changes it (RFC 9110, section 13)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from velox.errors import PreconditionFailed, PreconditionRequired
from velox.http.conditional import entity_tags, http_date_s

__all__ = ["Preconditions"]


class Preconditions:
    """The conditions of one request; a handler asks for them by type.

    Args:
        headers: The request's conditional fields, by their names in lower case.

    Example::

        @app.put("/notes/<note_id>")
        async def replace(note_id: int, body: Note, conditions: Preconditions) -> Note:
            conditions.check(etag=tag_of(notes[note_id]))
            ...
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def require(self) -> None:
        """Insist on ``If-Match`` or ``If-Unmodified-Since``, so that no update is lost (RFC 6585, section 3).

        Raises:
            PreconditionRequired: The request has neither.
        """
        if "if-match" not in self._headers and "if-unmodified-since" not in self._headers:
            raise PreconditionRequired("Send If-Match with the ETag that you have read.")

    def check(self, *, etag: str | None, last_modified: datetime | None = None) -> None:
        """Go on only if the thing is still what the client thinks it is: call it before changing anything.

        Args:
            etag: The thing's present entity tag, quotes included; ``None`` when there is no such thing, or no tag. A
                weak tag (``W/"..."``) never matches ``If-Match``.
            last_modified: When it was last changed, aware. ``None``: not known, and ``If-Unmodified-Since`` is
                ignored, as the RFC has it.

        Raises:
            PreconditionFailed: ``If-Match``, or without it ``If-Unmodified-Since``, does not hold.
        """
        match = self._headers.get("if-match")
        if match is not None:
            holds = etag is not None and (match.strip() == "*" or _is_strongly_in(etag, match))
        else:
            since_s = http_date_s(self._headers.get("if-unmodified-since"))
            holds = since_s is None or last_modified is None or int(last_modified.timestamp()) <= since_s
        if not holds:
            raise PreconditionFailed("It is not what you have read: somebody has changed it meanwhile. Read it again.")

    def is_known(self, *, etag: str | None, last_modified: datetime | None = None) -> bool:
        """Whether the client has this very version, so that GET answers 304, and PUT with ``If-None-Match: *`` 412.

        Args:
            etag, last_modified: As for :meth:`check`.
        """
        none_match = self._headers.get("if-none-match")
        if none_match is not None:
            if etag is None:
                return False
            opaque = etag.removeprefix("W/")
            return none_match.strip() == "*" or any(tag.removeprefix("W/") == opaque for tag in entity_tags(none_match))
        since_s = http_date_s(self._headers.get("if-modified-since"))
        return since_s is not None and last_modified is not None and int(last_modified.timestamp()) <= since_s


def _is_strongly_in(etag: str, tags: str) -> bool:
    return not etag.startswith("W/") and etag in entity_tags(tags)
