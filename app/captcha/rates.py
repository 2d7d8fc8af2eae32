"""How much one address or site may ask, and the pause after failures; counted by the `limits` library."""

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager

import limits
from limits.errors import ConfigurationError, StorageError
from limits.storage import Storage, storage_from_string
from limits.strategies import MovingWindowRateLimiter

from app.captcha.clock import Clock
from app.captcha.refusals import RefusedError, StoreError
from app.captcha.settings import Settings
from app.captcha.windows import ClockedWindows


class Rates:
    """Counts what is asked, a moving window each.

    Every method raises StoreError if the counts cannot be reached.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._clock = clock
        self._limiter = MovingWindowRateLimiter(_open_storage(settings, clock))
        self._failures = limits.RateLimitItemPerSecond(settings.failures, settings.failure_window, namespace="failures")
        words = {"begin": settings.begin_rate, "frame": settings.frame_rate, "verify": settings.verify_rate, "site": settings.site_rate}
        self._items = {kind: limits.parse(text) for kind, text in words.items()}

    def count(self, kind: str, who: str) -> None:
        """Count one request.

        Args:
            kind: "begin", "frame" or "verify" of an address, "site" of a site key.
            who: the address or the site key.

        Raises:
            RefusedError: "rate-limited", with the seconds to wait.
        """
        item, name = self._items[kind], who if kind == "site" else network_of(who)
        with _failing_closed():
            if self._limiter.hit(item, kind, name):
                return
            wait = self._limiter.get_window_stats(item, kind, name).reset_time - self._clock()
        raise RefusedError("rate-limited", 429, "Too many requests: wait and try again.", max(1.0, wait))

    def count_failure(self, method: str, address: str) -> None:
        """Remember that an attempt by this method failed."""
        with _failing_closed():
            self._limiter.hit(self._failures, method, network_of(address))

    def check_pause(self, method: str, address: str, pending: int = 0) -> None:
        """Refuse an address that has failed too often of late.

        Args:
            method: "face" or "pow"; a pause of one leaves the other way open.
            address: of whoever asks.
            pending: attempts under way, each of which may yet fail.

        Raises:
            RefusedError: "paused", with the seconds to wait.
        """
        with _failing_closed():
            stats = self._limiter.get_window_stats(self._failures, method, network_of(address))
        if stats.remaining <= pending:
            raise RefusedError("paused", 429, "Too many failed attempts: wait, or choose the other way.", max(1.0, stats.reset_time - self._clock()))


def network_of(address: str) -> str:
    """Return what is counted as one: an IPv4 address, the /64 network of an IPv6 address, any other text as it is."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(parsed) if parsed.version == 4 else str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))


def _open_storage(settings: Settings, clock: Clock) -> Storage:
    if not settings.redis:
        return ClockedWindows(clock)
    try:
        storage = storage_from_string(settings.redis, wrap_exceptions=True)
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
