"""Whether an unsafe request that came with a cookie was meant by the person at the browser.

A browser sends a site's cookies with requests that other sites make it send, so a cookie alone proves nothing about who
wanted them (CWE-352). One of these does, and nothing else (OWASP, Cross-Site Request Forgery Prevention Cheat Sheet):

- ``Sec-Fetch-Site: same-origin``, which browsers set and pages cannot;
- ``X-CSRF-Token`` with the session's token, which no other site can read.
"""

from __future__ import annotations

import hmac
from typing import Any, Final

from velox.auth.keys import KeyRing
from velox.errors import Forbidden

__all__ = ["CSRF_HEADER", "CrossSite"]

CSRF_HEADER: Final = "x-csrf-token"
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that change nothing (RFC 9110, section 9.2.1)."""


class CrossSite:
    """Refuses what other sites made a browser send.

    Args:
        keys: What tokens are made with.
    """

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    def token(self, sign_in: str) -> str:
        """The token of a session: the same for as long as it lasts."""
        return hmac.new(self._keys.current.secret, f"csrf {sign_in}".encode(), "sha256").hexdigest()

    def check(self, request: Any, sign_in: str) -> None:
        """Let a request of the session ``sign_in`` pass.

        Raises:
            Forbidden: It changes something, and nothing proves that the session's own page wanted it.
        """
        if request.method in SAFE or request.headers.get("sec-fetch-site") == "same-origin":
            return
        sent = request.headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(sent.encode(), self.token(sign_in).encode()):
            raise Forbidden("A request with a session cookie has to bring its X-CSRF-Token.")
