"""Who may use the page, and how: what the command and the environment say of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec

from app.addresses import parse_networks
from app.guard import Policy
from fersys.errors import ConfigError


@dataclass(frozen=True)
class Access:
    """Who may use the page, and how.

    Attributes:
        account: name and password that are asked for; None: everybody may come in.
        mcp: offer the public endpoints to language models' programs (MCP) too.
        policy: how strict the guard is.
    """

    account: tuple[str, str] | None = None
    mcp: bool = False
    policy: Policy = field(default_factory=Policy)

    def __post_init__(self) -> None:
        if self.account is not None and not all(self.account):
            raise ConfigError("Login: expected user:password, neither of them empty. Received: an empty one")
        if self.account and self.mcp:
            raise ConfigError("MCP has no login: expected --auth or --mcp. Received: both")
        if self.mcp and find_spec("mcp") is None:
            raise ConfigError('MCP: expected the package mcp, from: pip install "gradio[mcp]>=6.31,<7". Received: it is not installed')


def read_account(text: str) -> tuple[str, str]:
    """Read "user:password"; a password may hold further colons.

    Raises:
        ConfigError: if there is no colon. The text is not repeated.
    """
    user, colon, password = text.partition(":")
    if not colon:
        raise ConfigError("Login: expected user:password. Received: no colon")
    return user, password


def read_policy(environment: Mapping[str, str]) -> Policy:
    """Read what the owner says of proxies and frames around the page.

    Args:
        environment: FERSYS_TRUSTED_PROXIES: networks, separated by commas; FERSYS_FRAMED_BY: origins, by spaces.

    Raises:
        ConfigError: if one cannot be read.
    """
    framed_by = tuple(environment.get("FERSYS_FRAMED_BY", "").split())
    odd = next((origin for origin in framed_by if not origin.startswith(("https://", "http://")) or set(origin) & set(";,'")), None)
    if odd is not None:
        raise ConfigError(f"FERSYS_FRAMED_BY: expected origins such as https://example.org, separated by spaces. Received: {odd}")
    return Policy(parse_networks(environment.get("FERSYS_TRUSTED_PROXIES", "")), framed_by)
