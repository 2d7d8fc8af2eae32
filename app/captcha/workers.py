"""Runs what looks at frames: a few at a time, a short queue, and whatever goes wrong there stays there."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from app.captcha.refusals import RefusedError, WorkerError
from fersys.errors import FerSysError

_SHARES = (2, 4)  # of an address or a /64, and of all within a /48

Result = TypeVar("Result")


class Workers:
    """A few threads with a short queue.

    Args:
        count: how many run at once.
        waiting: how many more may wait.
        patience: seconds after which a run counts as failed.
    """

    def __init__(self, count: int = 2, waiting: int = 6, patience: float = 10.0) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="captcha")
        self._lock, self._free = threading.Lock(), count + waiting
        self._held: Counter[str] = Counter()  # how much of the room each network has
        self._patience = patience

    def run(self, work: Callable[[], Result], networks: Sequence[str] = ()) -> Result:
        """Run `work` in a worker and return what it returns.

        Args:
            work: what is done.
            networks: for whom, the narrowest first, as `rates.networks_of` says; none: for ourselves.

        Raises:
            RefusedError: "busy", if the queue is full, or one of these networks has its share of it.
            FerSysError: what `work` raised of that kind.
            WorkerError: if it raised anything else, or took too long; the words of that error are left out.
        """
        self._enter(networks)
        future = self._pool.submit(work)
        future.add_done_callback(lambda _: self._leave(networks))  # not before it is done, also if nobody waits any more
        try:
            error = future.exception(self._patience)
        except TimeoutError:
            raise WorkerError("A worker took too long.") from None
        if error is None:
            return future.result()
        if isinstance(error, FerSysError):
            raise error
        raise WorkerError(f"A worker failed. Received: {type(error).__name__}") from None

    def _enter(self, networks: Sequence[str]) -> None:
        with self._lock:
            if not self._free or any(self._held[name] >= share for name, share in zip(networks, _SHARES, strict=False)):
                raise RefusedError("busy", 503, "Too many frames at once: skip this one.", 1)
            self._free -= 1
            self._held.update(networks)

    def _leave(self, networks: Sequence[str]) -> None:
        with self._lock:
            self._free += 1
            self._held -= Counter(networks)  # who has nothing left is forgotten

    def close(self) -> None:
        """Wait for no more work."""
        self._pool.shutdown(wait=False, cancel_futures=True)
