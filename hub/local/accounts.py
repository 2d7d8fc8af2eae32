"""Who owns a token, and what that user may do.

The tokens are written here for everyone to read. They are no secrets: this hub listens on one laptop only.
"""

from dataclasses import dataclass

from hub.local.refusals import RefusalError

_NOBODY = "Invalid username or password."


@dataclass(frozen=True)
class Account:
    """A user, seen through one token."""

    name: str
    may_write: bool


WRITE_TOKEN, READ_TOKEN, GUEST_TOKEN = "hf_local_write", "hf_local_read", "hf_local_guest"
ACCOUNTS = {WRITE_TOKEN: Account("you", True), READ_TOKEN: Account("you", False), GUEST_TOKEN: Account("guest", True)}


def find_account(authorization: str | None) -> Account | None:
    """The account of an Authorization header; None without one. Raises RefusalError (401) for a token that nobody has."""
    if authorization is None:
        return None
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or token not in ACCOUNTS:
        raise RefusalError(401, "Invalid credentials in Authorization header")
    return ACCOUNTS[token]


def need_account(account: Account | None) -> Account:
    """Raises RefusalError (401) if nobody is logged in."""
    if account is None:
        raise RefusalError(401, _NOBODY)
    return account


def hidden(account: Account | None) -> RefusalError:
    """The answer for a repository that is not there, or that this user must not know of: the two look alike."""
    return RefusalError(401, _NOBODY, "RepoNotFound") if account is None else RefusalError(404, "Repository not found", "RepoNotFound")


def check_write(account: Account | None, owner: str) -> Account:
    """Raises RefusalError (401, 403) unless the account may change what `owner` has."""
    account = need_account(account)
    if account.name != owner:
        raise RefusalError(403, f"Forbidden: {account.name} has no write access to what {owner} owns")
    if not account.may_write:
        raise RefusalError(403, "Forbidden: you must use a write token to change a repository")
    return account
