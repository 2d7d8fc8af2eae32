"""How much one address or site may ask, and the pause after failures; counted by the `limits` library."""

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import limits
from limits.errors import ConfigurationError, StorageError
from limits.storage import Storage, storage_from_string
from limits.strategies import MovingWindowRateLimiter

from app.captcha.clock import Clock
from app.captcha.refusals import RefusedError, StoreError
from app.captcha.settings import Settings
from app.captcha.windows import ClockedWindows

_WIDER = 16  # times of what one network is allowed, for all networks within a larger one
_SOCKET = re.compile("^unix://")  # as `redis` spells it, and everybody else; `limits` does not
_FOR_PEOPLE = ("begin",)  # what is counted for the larger networks too: frames and verifications need more than an address


class Rates:
    """Counts what is asked, a moving window each.

    Every method raises StoreError if the counts cannot be reached.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._clock = clock
        self._limiter = MovingWindowRateLimiter(_open_storage(settings, clock))
        self._failures = limits.RateLimitItemPerSecond(settings.failures, settings.failure_window, namespace="failures")
        words = {"begin": settings.begin_rate, "frame": settings.frame_rate, "verify": settings.verify_rate, "site": settings.site_rate}
        self._items = {kind: _parse(kind, text) for kind, text in words.items()}

    def count(self, kind: str, who: str) -> None:
        """Count one request.

        Args:
            kind: "begin", "frame" or "verify" of an address, "site" of a site key.
            who: the address or the site key.

        Raises:
            RefusedError: "rate-limited", with the seconds to wait.
        """
        names = (who,) if kind == "site" else networks_of(who)
        for item, name in _allowances(self._items[kind], names if kind in _FOR_PEOPLE else names[:1]):
            with _failing_closed():
                if self._limiter.hit(item, name):
                    continue
                wait = self._limiter.get_window_stats(item, name).reset_time - self._clock()
            raise RefusedError("rate-limited", 429, "Too many requests: wait and try again.", max(1.0, wait))

    def count_failure(self, method: str, address: str) -> None:
        """Remember that an attempt by this method failed."""
        with _failing_closed():
            for item, network in _allowances(self._failures, networks_of(address)):
                self._limiter.hit(item, method, network)

    def check_pause(self, method: str, address: str, pending: Iterable[str] = ()) -> None:
        """Refuse an address that has failed too often of late.

        Args:
            method: "face" or "pow"; a pause of one leaves the other way open.
            address: of whoever asks.
            pending: whose attempts are under way: each may yet fail, and counts as if it had.

        Raises:
            RefusedError: "paused", with the seconds to wait.
        """
        neighbours = Counter(network for other in pending for network in networks_of(other))
        for item, network in _allowances(self._failures, networks_of(address)):
            with _failing_closed():
                stats = self._limiter.get_window_stats(item, method, network)
            if stats.remaining <= neighbours[network]:
                raise RefusedError("paused", 429, "Too many failed attempts: wait, or choose the other way.", max(1.0, stats.reset_time - self._clock()))


def networks_of(address: str) -> tuple[str, ...]:
    """Return what is counted as one: an IPv4 address, or any other text, as it is; of an IPv6 address its /64, and the /48 around that.

    A customer may be given a /48 and hold 65,536 of the smaller ones; but it may also be a whole office, or a carrier's.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return (address,)
    return (str(parsed),) if parsed.version == 4 else tuple(str(ipaddress.ip_network((int(parsed), bits), strict=False)) for bits in (64, 48))


def _allowances(item: limits.RateLimitItem, names: Sequence[str]) -> Iterator[tuple[limits.RateLimitItem, str]]:
    """What each network is allowed: the first as it is said, one around it more."""
    for factor, name in zip((1, _WIDER), names, strict=False):
        yield type(item)(factor * item.amount, item.multiples, item.namespace), name


def _parse(kind: str, text: str) -> limits.RateLimitItem:
    """Each kind in its own namespace, which has room of its own."""
    item = limits.parse(text)
    return type(item)(item.amount, item.multiples, kind)


def _open_storage(settings: Settings, clock: Clock) -> Storage:
    if not settings.redis:
        return ClockedWindows(clock)
    try:
        storage = storage_from_string(_SOCKET.sub("redis+unix://", settings.redis), wrap_exceptions=True)
    except (ConfigurationError, ValueError) as error:
        raise StoreError(f"Redis URL: expected redis://, rediss:// or unix://. Received: {settings.redis.partition(':')[0]}") from error
    assert isinstance(storage, Storage)
    return storage


@contextmanager
def _failing_closed() -> Iterator[None]:
    try:
        yield
    except (StorageError, OSError) as error:
        raise StoreError(f"The rates cannot be counted. Received: {type(error).__name__}") from error
