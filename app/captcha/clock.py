"""The only source of time: the server's. Nothing that a client says about time is ever read."""

import time
from collections.abc import Callable

Clock = Callable[[], float]  # seconds since 1970


def server_time() -> float:
    """Return the seconds since 1970 by this machine's clock."""
    return time.time()


class SetClock:
    """A clock that stands still until it is moved, for tests and benches."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return the time it was set to."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self.now += seconds
