"""The judge's sessions of the challenges under way, in this process's memory alone."""

import math
import threading
from collections import Counter
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
        self._heard: dict[str, float] = {}  # when the last frame came that was looked at, by challenge
        self._misread: Counter[str] = Counter()  # frames that could not be read, by challenge
        self._settled: set[str] = set()

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

    def hear(self, name: str, at: float) -> None:
        """Note that a frame was looked at, which came `at`: nothing less keeps a seat that others wait for."""
        with self._lock:
            if name in self._seats:
                self._heard[name] = at

    def misread(self, name: str) -> int:
        """Count a frame that could not be read, and return how many there were."""
        with self._lock:
            self._misread.update([name] if name in self._seats else [])
            return self._misread[name]

    def settle(self, name: str) -> Seat | None:
        """Return the seat to the first who asks, and None from then on, so that an end is counted once. It stays taken until it is closed."""
        with self._lock:
            seat = None if name in self._settled else self._seats.get(name)
            self._settled.update([name] if seat else [])
            return seat

    def close(self, name: str) -> None:
        """Drop a seat, if there is one, and all that the judge remembers."""
        with self._lock:
            self._settled.discard(name)
            for kept in (self._seats, self._heard, self._misread):
                kept.pop(name, None)

    def addresses(self, besides: str = "") -> list[str]:
        """Return whose challenges are under way, each as often as it has one, but for the challenge `besides`."""
        with self._lock:
            return [seat.address for name, seat in self._seats.items() if name != besides]

    def overdue(self, now: float) -> list[str]:
        """Return the challenges whose time is over, and while all seats are taken also those from which nothing comes any more.

        One whose last frame is being looked at is not over yet: that frame may be worth a pass.
        """
        with self._lock:
            silence = _SILENCE if len(self._seats) >= self._most else math.inf
            idle = {name: seat for name, seat in self._seats.items() if not seat.lock.locked()}
            return [name for name, seat in idle.items() if now >= min(seat.deadline, self._heard[name] + silence)]

    def next_deadline(self) -> float:
        """Return when the next challenge under way is out of time, as server time; infinite if there is none."""
        with self._lock:
            return min((seat.deadline for seat in self._seats.values()), default=math.inf)
