"""Keeps challenges, tickets and sites in Redis, for several replicas. Frames of one challenge must still reach one replica."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

import redis
from redis.exceptions import RedisError, WatchError

from app.captcha import challenges, sites
from app.captcha.challenges import Binding, Challenge
from app.captcha.refusals import StoreError
from app.captcha.sites import Site
from app.captcha.store import Ticket, reading

_KEEP = 3600  # seconds until Redis forgets by itself: longer than anything here is worth something
_PATIENCE = 2.0  # seconds


class RedisStore:
    """A store on a Redis client that decodes its answers."""

    def __init__(self, client: "redis.Redis", prefix: str = "fersys-captcha") -> None:
        self._client, self._prefix = client, prefix

    def add_challenge(self, challenge: Challenge) -> None:
        """Keep a new challenge."""
        with _failing_closed():
            self._client.set(self._name("challenge", challenge.id), challenges.to_json(challenge), ex=_KEEP)

    def get_challenge(self, name: str) -> Challenge | None:
        """Return a challenge by its id; None if there is none."""
        text = self._get("challenge", name)
        return reading(challenges.from_json, text) if text else None

    def swap_challenge(self, challenge: Challenge) -> bool:
        """Put a changed challenge in place of the version before it: a write by others in between undoes ours."""
        name = self._name("challenge", challenge.id)
        with _failing_closed(), self._client.pipeline() as pipe:
            pipe.watch(name)  # type: ignore[no-untyped-call]
            text: Any = pipe.get(name)
            if not text or reading(challenges.from_json, text).version != challenge.version - 1:
                return False
            pipe.multi()
            pipe.set(name, challenges.to_json(challenge), ex=_KEEP)
            return _is_executed(pipe)

    def add_ticket(self, ticket: Ticket) -> None:
        """Keep a ticket, in place of one of the same id: what was spent stands elsewhere, and stays so."""
        with _failing_closed():
            self._client.set(self._name("ticket", ticket.id), json.dumps(asdict(ticket)), ex=_KEEP)

    def get_ticket(self, name: str) -> Ticket | None:
        """Return a ticket by its id; None if there is none."""
        ticket = self._kept(name)
        spent = self._get("spent", name) if ticket else None
        return reading(lambda text: replace(ticket, **json.loads(text)), spent) if ticket and spent else ticket

    def spend(self, ticket: Ticket, now: float, mark: str) -> bool:
        """Mark a ticket as used: Redis lets one SET NX of its mark succeed."""
        kept = self._kept(ticket.id)
        if kept != ticket.unused or now >= ticket.expires:
            return False
        with _failing_closed():  # the mark outlives the ticket, or it could be spent again in between
            return bool(self._client.set(self._name("spent", ticket.id), json.dumps({"used_at": now, "mark": mark}), nx=True, ex=2 * _KEEP))

    def put_site(self, site: Site) -> None:
        """Keep a site, in place of the one with the same key."""
        with _failing_closed():
            self._client.hset(self._name("sites", "all"), site.key, sites.to_json(site))

    def get_site(self, key: str) -> Site | None:
        """Return a site by its key; None if there is none."""
        with _failing_closed():
            text: Any = self._client.hget(self._name("sites", "all"), key)
        return reading(sites.from_json, text) if text else None

    def list_sites(self) -> list[Site]:
        """Return all sites, by name."""
        with _failing_closed():
            texts: Any = self._client.hvals(self._name("sites", "all"))
        return sorted((reading(sites.from_json, text) for text in texts), key=lambda site: (site.name, site.key))

    def remove_site(self, key: str) -> bool:
        """Forget a site; False if there was none."""
        with _failing_closed():
            return self._client.hdel(self._name("sites", "all"), key) == 1

    def purge(self, before: float) -> int:
        """Forget nothing: Redis does so by itself."""
        return 0

    def check(self) -> None:
        """Raise StoreError unless Redis answers."""
        with _failing_closed():
            self._client.ping()

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _kept(self, name: str) -> Ticket | None:
        """A ticket as it was when it was new."""
        text = self._get("ticket", name)
        return reading(_to_ticket, text) if text else None

    def _get(self, kind: str, name: str) -> Any:
        with _failing_closed():
            return self._client.get(self._name(kind, name))

    def _name(self, kind: str, name: str) -> str:
        return f"{self._prefix}:{kind}:{name}"


def _to_ticket(text: str) -> Ticket:
    fields = json.loads(text)
    return Ticket(**(fields | {"binding": Binding(**fields["binding"])}))


def _is_executed(pipe: "redis.client.Pipeline") -> bool:
    try:
        pipe.execute()
    except WatchError:
        return False
    return True


@contextmanager
def _failing_closed() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError, UnicodeDecodeError) as error:
        raise StoreError(f"Redis does not answer: expected the one in FERSYS_CAPTCHA_REDIS. Received: {type(error).__name__}") from error


def open_url(url: str) -> RedisStore:
    """Open the store at a URL such as redis://localhost:6379/0 or unix:///run/redis.sock; Redis is asked at the first use.

    Raises:
        StoreError: if the URL is none of Redis'.
    """
    try:
        client = redis.Redis.from_url(url.removeprefix("redis+"), decode_responses=True, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE)
    except ValueError as error:
        raise StoreError(f"Redis URL: expected redis://, rediss:// or unix://. Received: {url.partition(':')[0]}") from error
    return RedisStore(client)
