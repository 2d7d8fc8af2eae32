"""The judge's sessions of the challenges under way, in this process's memory alone."""

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from app.captcha.judge import JudgeSession
from app.captcha.refusals import RefusedError

_SILENCE = 15.0  # seconds: a page sends several frames a second, and opens the camera before it begins


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
        self._heard: dict[str, float] = {}  # when the last frame came, by challenge

    def open(self, name: str, seat: Seat, at: float) -> None:
        """Give a challenge its seat; `at` is server time.

        Raises:
            RefusedError: "busy", if all are taken.
        """
        with self._lock:
            if len(self._seats) >= self._most:
                raise RefusedError("busy", 503, "Too many people at once: try again in a minute.", 60)
            self._seats[name], self._heard[name] = seat, at

    @contextmanager
    def taken(self, name: str, at: float) -> Iterator[Seat | None]:
        """Hand out a challenge's seat, to one frame at a time, which came `at`; None if it has none here.

        Raises:
            RefusedError: "busy", if a frame of this challenge is being looked at.
        """
        seat = self._seats.get(name)
        if seat is None:
            yield None
            return
        if not seat.lock.acquire(blocking=False):
            raise RefusedError("busy", 429, "One frame at a time: wait for the answer to the last one.")
        self._hear(name, at)
        try:
            yield seat
        finally:
            seat.lock.release()

    def close(self, name: str) -> Seat | None:
        """Drop a seat and all that the judge remembers; None if there is none, so that an end is counted once."""
        with self._lock:
            self._heard.pop(name, None)
            return self._seats.pop(name, None)

    def addresses(self, besides: str = "") -> list[str]:
        """Return whose challenges are under way, each as often as it has one, but for the challenge `besides`."""
        with self._lock:
            return [seat.address for name, seat in self._seats.items() if name != besides]

    def overdue(self, now: float) -> list[str]:
        """Return the challenges whose time is over, and while all seats are taken also those from which nothing comes any more."""
        with self._lock:
            silence = _SILENCE if len(self._seats) >= self._most else math.inf
            return [name for name, seat in self._seats.items() if now >= min(seat.deadline, self._heard[name] + silence)]

    def _hear(self, name: str, at: float) -> None:
        with self._lock:
            if name in self._seats:
                self._heard[name] = at
