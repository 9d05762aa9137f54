"""An app with accounts, and a door that each way in opens."""

from __future__ import annotations

from velox import Settings, Velox
from velox.auth import Account, Accounts, CurrentUser


class Guest(Account, table=True):
    __tablename__ = "guarded_guest"


def create_app(settings: Settings | None = None) -> Velox:
    app = Velox("guarded", settings=settings or Settings())
    app.install(Accounts(Guest))

    @app.post("/door")
    async def door(user: CurrentUser[Guest]) -> str:
        return f"come in, {user.email}"

    return app
