"""The judge's sessions of the challenges under way, in this process's memory alone."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from app.captcha.judge import JudgeSession
from app.captcha.rates import network_of
from app.captcha.refusals import RefusedError


@dataclass(frozen=True)
class Seat:
    """One challenge under way: the judge's session, who is tried, and until when."""

    session: JudgeSession
    address: str
    deadline: float
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)


class Sessions:
    """At most `most` seats, by the id of their challenge."""

    def __init__(self, most: int = 200) -> None:
        self._most, self._lock = most, threading.Lock()
        self._seats: dict[str, Seat] = {}

    def open(self, name: str, seat: Seat) -> None:
        """Give a challenge its seat.

        Raises:
            RefusedError: "busy", if all are taken.
        """
        with self._lock:
            if len(self._seats) >= self._most:
                raise RefusedError("busy", 503, "Too many people at once: try again in a minute.", 60)
            self._seats[name] = seat

    @contextmanager
    def taken(self, name: str) -> Iterator[Seat | None]:
        """Hand out a challenge's seat, to one frame at a time; None if it has none here.

        Raises:
            RefusedError: "busy", if a frame of this challenge is being looked at.
        """
        seat = self._seats.get(name)
        if seat is None:
            yield None
            return
        if not seat.lock.acquire(blocking=False):
            raise RefusedError("busy", 429, "One frame at a time: wait for the answer to the last one.")
        try:
            yield seat
        finally:
            seat.lock.release()

    def close(self, name: str) -> Seat | None:
        """Drop a seat and all that the judge remembers; None if there is none, so that an end is counted once."""
        with self._lock:
            return self._seats.pop(name, None)

    def count(self, address: str) -> int:
        """Return how many challenges an address, or its network, has under way."""
        network = network_of(address)
        with self._lock:
            return sum(network_of(seat.address) == network for seat in self._seats.values())

    def overdue(self, now: float) -> list[str]:
        """Return the challenges whose time is over."""
        with self._lock:
            return [name for name, seat in self._seats.items() if now >= seat.deadline]
