"""Where the `limits` library counts in this process: moving windows by an injected clock, in bounded memory."""

import threading
from collections import deque

from limits.storage import MovingWindowSupport, Storage

from app.captcha.clock import Clock

_MOST_KEYS = 50_000


class ClockedWindows(Storage, MovingWindowSupport):
    """A storage for `MovingWindowRateLimiter`; its own ones ask the machine's clock, and start a thread each time."""

    STORAGE_SCHEME = None

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock, self._lock = clock, threading.Lock()
        self._events: dict[str, deque[float]] = {}  # times of expiry, the oldest first

    @property
    def base_exceptions(self) -> type[Exception]:
        """What the library may wrap: nothing fails here."""
        return OSError

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count `amount` events if no more than `limit` are then counted within `expiry` seconds."""
        with self._lock:
            events = self._current(key)
            if len(events) + amount > limit:
                return False
            events.extend([self._clock() + expiry] * amount)
            self._make_room()
            self._events[key] = events
            return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """Return when the oldest counted event was, and how many there are."""
        with self._lock:
            events = self._current(key)
            return (events[0] - expiry if events else self._clock()), len(events)

    def _current(self, key: str) -> deque[float]:
        events = self._events.get(key) or deque()
        while events and events[0] <= self._clock():
            events.popleft()
        return events

    def _make_room(self) -> None:
        if len(self._events) < _MOST_KEYS:
            return
        now = self._clock()
        self._events = {key: events for key, events in self._events.items() if events and events[-1] > now}
        while len(self._events) >= _MOST_KEYS:
            self._events.pop(next(iter(self._events)))

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Refuse: fixed windows are not kept here."""
        raise NotImplementedError

    def get(self, key: str) -> int:
        """Return how many events are counted."""
        return self.get_moving_window(key, 0, 0)[1]

    def get_expiry(self, key: str) -> float:
        """Return when the oldest counted event is forgotten."""
        return self.get_moving_window(key, 0, 0)[0]

    def check(self) -> bool:
        """Answer that it is there."""
        return True

    def reset(self) -> int:
        """Forget everything; return of how many keys."""
        with self._lock:
            count = len(self._events)
            self._events.clear()
            return count

    def clear(self, key: str) -> None:
        """Forget what was counted for a key."""
        with self._lock:
            self._events.pop(key, None)
