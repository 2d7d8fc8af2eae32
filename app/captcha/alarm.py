"""Wakes somebody when what is remembered has to be forgotten, also if nobody asks any more."""

import threading
from collections.abc import Callable

_SOON = 0.05  # seconds: clocks and timers need not agree to the last bit


class Alarm:
    """Wakes somebody later, in a thread of its own; one waits at a time. What time it is, whoever wakes asks their own clock."""

    def __init__(self) -> None:
        self._lock, self._is_off = threading.Lock(), False
        self._timer: threading.Timer | None = None

    def set(self, seconds: float, wake: Callable[[], None]) -> None:
        """Call `wake` in so many seconds, unless it is waited for already."""
        with self._lock:
            if self._timer is None and not self._is_off:
                self._timer = threading.Timer(max(seconds, _SOON), self._ring, [wake])
                self._timer.daemon = True
                self._timer.start()

    def _ring(self, wake: Callable[[], None]) -> None:
        with self._lock:
            self._timer = None
        wake()

    def switch_off(self) -> None:
        """Wake nobody any more."""
        with self._lock:
            self._is_off = True
            if self._timer is not None:
                self._timer.cancel()
