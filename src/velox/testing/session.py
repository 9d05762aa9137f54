"""The session of users' tests: it can say what it expects of the statements in a block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

from velox.db import Session

if TYPE_CHECKING:
    from velox.db import Database
    from velox.db.advice.expecting import Expectation

__all__ = ["TestSession"]


class TestSession(Session):
    """What the fixture ``db`` is: a :class:`~velox.db.Session`, and :meth:`expect`."""

    __test__: ClassVar[bool] = False  # or pytest would collect it as a class of tests
    database: Database
    """The app's database, which handlers use as well."""

    @contextmanager
    def expect(self, *, max_queries: int | None = None, no_scan: bool = False) -> Iterator[Expectation]:
        """Fail the test when the statements in the block are not as expected, whoever runs them: the test or a handler.

        Those about Velox's own tables are not counted, nor are commits.

        Args:
            max_queries: The most statements. Default ``None``: any number.
            no_scan: Whether no table may be read as a whole without an index. PostgreSQL is asked what it would do if
                the tables were large. Default ``False``.

        Yields:
            What was run so far, in ``statements``, each with ``sql``, ``place`` (``file:line``) and ``plan``.

        Raises:
            AssertionError: It is otherwise; it lists the statements with their places and plans.

        Example::

            with db.expect(max_queries=2, no_scan=True):
                assert (await client.get("/links/")).status_code == 200
        """
        from velox.db.advice.expecting import Expectation

        __tracebackhide__ = True  # pytest shows the test's own line instead
        expectation = Expectation(max_queries, no_scan)
        with self.database.listening(expectation):
            yield expectation
        expectation.check()
