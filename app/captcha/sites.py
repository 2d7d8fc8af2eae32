"""The sites that rely on us: a public key, secrets of which only hashes are kept, the hosts and actions allowed."""

import hmac
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from app.captcha.challenges import Binding, digest
from app.captcha.refusals import RefusedError
from fersys.errors import ConfigError

MAX_SECRETS = 2  # the old one works on while a site rolls out the new one
_HOST = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*|\[[0-9a-f:.]+\]")
_LONGEST_HOST = 253
_ACTION = re.compile(r"[A-Za-z0-9_-]{0,32}")
_CDATA = re.compile(r"[A-Za-z0-9_-]{0,255}")


@dataclass(frozen=True)
class SecretHash:
    """What is kept of a secret: its SHA-256 in hex, and when it was made, in server time."""

    hash: str
    made_at: float


@dataclass(frozen=True)
class Site:
    """A site.

    Attributes:
        key: the public site key.
        name: what its owner calls it.
        hosts: where the widget may be shown: "example.org", or "*.example.org" for everything below it.
        actions: which actions it may name; empty: any.
        secrets: of the secrets that are valid, the newest first; at most `MAX_SECRETS`.
    """

    key: str
    name: str
    hosts: tuple[str, ...]
    actions: tuple[str, ...] = ()
    secrets: tuple[SecretHash, ...] = ()

    def __post_init__(self) -> None:
        wrong = [host for host in self.hosts if not _HOST.fullmatch(host) or len(host) > _LONGEST_HOST]
        if wrong or not self.hosts:
            raise ConfigError(f"Hosts: expected names such as example.org or *.example.org, without port. Received: {', '.join(wrong) or 'none'}")
        if odd := [action for action in self.actions if not action or not _ACTION.fullmatch(action)]:
            raise ConfigError(f"Actions: expected 1 to 32 of A–Z, a–z, 0–9, _ and -. Received: {', '.join(odd)}")

    def allows_host(self, hostname: str) -> bool:
        """Whether the widget may be shown on pages of this host."""
        return any(hostname == host or (host.startswith("*.") and hostname.endswith(host[1:])) for host in self.hosts)

    def knows(self, secret: str) -> bool:
        """Whether this is a valid secret of the site, compared in constant time."""
        given = digest(secret)
        matches = [hmac.compare_digest(given, kept.hash) for kept in self.secrets]  # all are compared, whichever it is
        return any(matches)

    def bind(self, asked: Binding) -> Binding:
        """Return what a challenge asked for by a client is bound to.

        Raises:
            RefusedError: if the host, the action or the data are not allowed.
        """
        hostname = asked.hostname.lower().rstrip(".")
        if not _is_host(hostname) or not self.allows_host(hostname):
            raise RefusedError("invalid-hostname", 403, "This site key is not for that host.")
        if not _ACTION.fullmatch(asked.action) or (self.actions and asked.action not in self.actions):
            raise RefusedError("invalid-action", 400, "Action: expected one that the site key allows, up to 32 of A–Z, a–z, 0–9, _ and -.")
        if not _CDATA.fullmatch(asked.cdata):
            raise RefusedError("invalid-cdata", 400, "Data: expected up to 255 of A–Z, a–z, 0–9, _ and -.")
        return replace(asked, sitekey=self.key, hostname=hostname)


def make_site(name: str, hosts: Sequence[str], actions: Sequence[str], now: float) -> tuple[Site, str]:
    """Return a new site and its secret, which is kept nowhere.

    Raises:
        ConfigError: if a host or an action cannot be one.
    """
    key = f"fs-{secrets.token_hex(12)}"
    return rotate(Site(key, name, tuple(host.lower() for host in hosts), tuple(actions)), now)


def rotate(site: Site, now: float) -> tuple[Site, str]:
    """Return the site with a new secret beside the newest one so far, and that new secret."""
    secret = f"{site.key}.{secrets.token_urlsafe(32)}"
    return replace(site, secrets=(SecretHash(digest(secret), now), *site.secrets)[:MAX_SECRETS]), secret


def key_of(secret: str) -> str:
    """Return the site key with which a secret begins; "" if it is not formed like a secret."""
    key, dot, _ = secret.partition(".")
    return key if dot else ""


def _is_host(text: str) -> bool:
    """Whether this can be a host: below a wildcard, a client could name anything, and it comes back in answers."""
    return len(text) <= _LONGEST_HOST and not text.startswith("*") and _HOST.fullmatch(text) is not None


def frame_ancestors(site: Site) -> str:
    """Return the sources of a `frame-ancestors` directive that lets the site's hosts alone embed the widget."""
    return " ".join(f"http://{host}:* https://{host}:*" if host in ("localhost", "127.0.0.1") else f"https://{host}:*" for host in site.hosts)


def to_json(site: Site) -> str:
    """Return the record as it is stored."""
    return json.dumps(asdict(site))


def from_json(text: str) -> Site:
    """Read what `to_json` wrote."""
    fields = json.loads(text)
    kept = tuple(SecretHash(**secret) for secret in fields["secrets"])
    return Site(fields["key"], fields["name"], tuple(fields["hosts"]), tuple(fields["actions"]), kept)
