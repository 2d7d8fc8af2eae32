"""What must outlive a request, and the promises of whatever keeps it: `sql_store.py` or `redis_store.py`.

Times are the server's, handed in; a store has no clock of its own for what it decides. A store that cannot be reached
raises `StoreError`, and nothing passes. To add one: a module with these methods, and a line in `service.open_store`;
the tests of `tests/test_captcha_store.py` run on each.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from app.captcha.challenges import Binding, Challenge
from app.captcha.refusals import StoreError
from app.captcha.sites import Site

Record = TypeVar("Record")


@dataclass(frozen=True)
class Ticket:
    """Something that is worth one use: a token that was earned, or a puzzle that was handed out.

    Attributes:
        id: of a token its `jti`.
        kind: "token" or "work".
        binding: what it is for.
        expires: server time from which it is worth nothing.
        body: what else was kept, as JSON: of a puzzle what is needed to check its solution, of a token how and when it was earned.
        used_at: server time of its use; None before it.
        mark: what whoever used it left there: the hash of an idempotency key, or "".
    """

    id: str
    kind: str
    binding: Binding
    expires: float
    body: str = ""
    used_at: float | None = None
    mark: str = ""

    @property
    def unused(self) -> "Ticket":
        """The ticket as it was when it was new."""
        return replace(self, used_at=None, mark="")


class Store(Protocol):
    """Keeps challenges, tickets and sites. Every method raises StoreError if it cannot do its work."""

    def add_challenge(self, challenge: Challenge) -> None:
        """Keep a new challenge."""

    def get_challenge(self, name: str) -> Challenge | None:
        """Return a challenge by its id; None if there is none."""

    def swap_challenge(self, challenge: Challenge) -> bool:
        """Put a changed challenge in place of the version before it, atomically; False if that is no longer the current one."""

    def add_ticket(self, ticket: Ticket) -> None:
        """Keep a ticket, in place of one of the same id that nobody has used yet: an attempt to keep it may have failed halfway."""

    def get_ticket(self, name: str) -> Ticket | None:
        """Return a ticket by its id; None if there is none."""

    def spend(self, ticket: Ticket, now: float, mark: str) -> bool:
        """Mark a ticket as used, atomically: of any number of calls at once, in any number of processes, one returns True.

        Only one that was kept exactly so, but for its use, and that has not expired, is marked; else the answer is False.
        """

    def put_site(self, site: Site) -> None:
        """Keep a site, in place of the one with the same key."""

    def get_site(self, key: str) -> Site | None:
        """Return a site by its key; None if there is none."""

    def list_sites(self) -> list[Site]:
        """Return all sites, by name."""

    def remove_site(self, key: str) -> bool:
        """Forget a site; False if there was none."""

    def purge(self, before: float) -> int:
        """Forget challenges and tickets that expired before that time; return how many."""

    def check(self) -> None:
        """Raise StoreError unless it answers."""

    def close(self) -> None:
        """Let go of files and connections."""


def reading(read: Callable[[str], Record], text: str) -> Record:
    """Read what was kept as text.

    Raises:
        StoreError: if it is not as it was written.
    """
    try:
        return read(text)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise StoreError(f"What was kept cannot be read. Received: {type(error).__name__}") from error  # its words hold rows
