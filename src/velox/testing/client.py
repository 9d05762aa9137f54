"""The client of users' tests: httpx's own API, answered by an app in the same process."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from velox.errors import ConfigurationError

try:
    import httpx
except ImportError as error:
    raise ConfigurationError(
        "VX701", "velox.testing needs httpx, which is not installed", hint="Run: pip install 'velox-framework[test]'"
    ) from error

from velox.testing.isolation import settle
from velox.testing.transport import InProcessTransport

if TYPE_CHECKING:
    from velox.app import Velox
    from velox.auth import Account

__all__ = ["TestClient"]


class TestClient(httpx.AsyncClient):
    """An ``httpx.AsyncClient`` whose requests go straight to ``app``: no socket, no thread, well under 1 ms each.

    Entering starts the app's lifespan and leaving stops it, unless it was started before. Cookies persist from
    request to request; redirects are not followed. A failing handler is answered as in production, with a 500
    problem; what it raised is ``answer.extensions["exception"]``. The ``repr`` of an answer, which a failed ``assert``
    shows, says why it is a problem.

    Args:
        app: The app. Several clients (two users, say) may share one.
        base_url: What relative URLs are relative to.
        headers: Headers of every request.

    Raises:
        ConfigurationError: VX701 when httpx is missing, and whatever the app's start raises.

    Example:
        .. code-block:: python

            async with TestClient(create_app()) as client:
                answer = await client.post("/links/", json={"slug": "velox", "url": "https://example.org"})
                assert answer.status_code == 201
    """

    __test__: ClassVar[bool] = False  # or pytest would collect it as a class of tests

    def __init__(
        self, app: Velox, *, base_url: str = "http://testserver", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(transport=InProcessTransport(app), base_url=base_url, headers=headers, timeout=None)
        self.app = app
        self._lifespan = AsyncExitStack()

    def as_user(self, account: Account) -> TestClient:
        """A client of the same app that is signed in as ``account``, a row of the project's table of users.

        It is a sign-in like any other, begun with its first request; this client stays as it is.
        """
        return _SignedIn(self.app, account)

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        await settle(self.app)
        answer = await super().send(request, **options)
        if self.app.jobs.after_request is not None:
            await self.app.jobs.after_request()
        return answer

    async def __aenter__(self) -> Self:
        if "app" in await self.app.readiness():  # what is not ready is the app itself: nobody has started it
            await self._lifespan.enter_async_context(self.app.lifespan())
        await super().__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        try:
            await super().__aexit__(kind, error, trace)
        finally:
            await self._lifespan.aclose()


class _SignedIn(TestClient):
    """Signs in when the first request goes out: only then is there something to await."""

    def __init__(self, app: Velox, account: Account) -> None:
        super().__init__(app)
        self._account = account

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        from velox.auth.lock import lock_of

        if "authorization" not in self.headers:
            lock = lock_of(self.app)
            await settle(self.app)
            tokens = lock.tokens(*await lock.sign_ins.begin(self._account))
            self.headers["authorization"] = request.headers["authorization"] = f"Bearer {tokens.access_token}"
        return await super().send(request, **options)
