"""THE LOCK: accounts, ways in, and guards."""

from velox.auth.accounts import Accounts
from velox.auth.delivery import Letter
from velox.auth.guards import Guard, only, roles, scopes, signed_in
from velox.auth.identity import Identity, Way
from velox.auth.lock import Lock
from velox.auth.passwords import PasswordHasher
from velox.auth.providers import CurrentUser, OptionalUser
from velox.auth.tables import Account, ApiKey, SignIn

__all__ = [
    "Account",
    "Accounts",
    "ApiKey",
    "CurrentUser",
    "Guard",
    "Identity",
    "Letter",
    "Lock",
    "OptionalUser",
    "PasswordHasher",
    "SignIn",
    "Way",
    "only",
    "roles",
    "scopes",
    "signed_in",
]
