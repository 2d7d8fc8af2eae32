"""Who has logged in: Gradio keeps the list, and this holds every route to it.

Gradio asks for a login on its own routes alone; those of ours, and its MCP server, it would let anybody into.
"""

from collections.abc import Iterator, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Protocol

from starlette.types import Scope

from app.refusals import Refusal
from app.rules import route_of

# What the login form needs, what says whether the server is up, the metrics, which look at the address themselves, and
# the CAPTCHA service, whose users have no account.
_OPEN_PATHS = {"/", "/healthz", "/login", "/logout", "/theme.css", "/manifest.json", "/metrics", "/robots.txt", "/favicon.ico", "/siteverify"}
_OPEN_PREFIXES = ("/static/", "/assets/", "/svelte/", "/captcha/")
_OPEN_OF_GRADIO = {"startup-events", "login_check", "user", "token", "app_id", "theme.css"}


class Accounts(Protocol):
    """What is needed of Gradio's app: who holds which token, and the end of its cookies' names."""

    @property
    def tokens(self) -> Mapping[str, str]:
        """Users by token."""

    @property
    def cookie_id(self) -> str:
        """End of the cookies' names."""


class Login:
    """Says who may come in."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def check(self, scope: Scope) -> None:
        """Let a request through that needs no login or has one.

        Raises:
            Refusal: if it has none.
        """
        if not is_open(route_of(scope)) and not any(token in self._accounts.tokens for token in self._tokens(scope)):
            raise Refusal(401, "login")

    def _tokens(self, scope: Scope) -> Iterator[str]:
        cookies = _cookies(scope)
        for kind in ("access-token", "access-token-unsecure"):
            found = cookies.get(f"{kind}-{self._accounts.cookie_id}")
            if found is not None:
                yield found.value


def is_open(path: str) -> bool:
    """Whether a path needs no login."""
    own = path.removeprefix("/gradio_api/").rstrip("/")
    return path in _OPEN_PATHS or path.startswith(_OPEN_PREFIXES) or (path.startswith("/gradio_api/") and own in _OPEN_OF_GRADIO)


def _cookies(scope: Scope) -> SimpleCookie:
    try:
        return SimpleCookie("; ".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie"))
    except CookieError:
        return SimpleCookie()
