"""Where the `limits` library counts in this process: moving windows by an injected clock, in bounded memory.

Each namespace of limits has a shelf of its own, and only what is on the same shelf makes way: a flood of addresses that
ask for something pushes out neither who has failed nor what a site has been asked for.
"""

import threading
from collections import deque

from limits.storage import MovingWindowSupport, Storage

from app.captcha.clock import Clock

_MOST_KEYS = 50_000  # a shelf

Shelf = dict[str, deque[float]]  # by key, times of expiry, the oldest first; the key that was counted last stands last


class ClockedWindows(Storage, MovingWindowSupport):
    """A storage for `MovingWindowRateLimiter`; its own ones ask the machine's clock, and start a thread each time."""

    STORAGE_SCHEME = None

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock, self._lock = clock, threading.Lock()
        self._shelves: dict[str, Shelf] = {}

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
            shelf = self._shelf(key)
            shelf.pop(key, None)
            self._make_room(shelf)
            shelf[key] = events
            return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """Return when the oldest counted event was, and how many there are."""
        with self._lock:
            events = self._current(key)
            return (events[0] - expiry if events else self._clock()), len(events)

    def _current(self, key: str) -> deque[float]:
        events = self._shelf(key).get(key) or deque()
        while events and events[0] <= self._clock():
            events.popleft()
        return events

    def _shelf(self, key: str) -> Shelf:
        return self._shelves.setdefault(key.partition("/")[0], {})

    def _make_room(self, shelf: Shelf) -> None:
        """What was counted longest ago goes first: on a shelf everything is remembered equally long, so what is over stands there too."""
        while shelf and (len(shelf) >= _MOST_KEYS or not self._current(next(iter(shelf)))):
            shelf.pop(next(iter(shelf)))

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
            count = sum(map(len, self._shelves.values()))
            self._shelves.clear()
            return count

    def clear(self, key: str) -> None:
        """Forget what was counted for a key."""
        with self._lock:
            self._shelf(key).pop(key, None)
