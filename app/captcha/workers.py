"""Runs what looks at frames: a few at a time, a short queue, and whatever goes wrong there stays there."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from app.captcha.refusals import RefusedError, WorkerError
from fersys.errors import FerSysError

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
        self._room = threading.BoundedSemaphore(count + waiting)
        self._patience = patience

    def run(self, work: Callable[[], Result]) -> Result:
        """Run `work` in a worker and return what it returns.

        Raises:
            RefusedError: "busy", if the queue is full.
            FerSysError: what `work` raised of that kind.
            WorkerError: if it raised anything else, or took too long; the words of that error are left out.
        """
        if not self._room.acquire(blocking=False):
            raise RefusedError("busy", 503, "Too many frames at once: skip this one.", 1)
        future = self._pool.submit(work)
        future.add_done_callback(lambda _: self._room.release())  # not before it is done, also if nobody waits any more
        try:
            error = future.exception(self._patience)
        except TimeoutError:
            raise WorkerError("A worker took too long.") from None
        if error is None:
            return future.result()
        if isinstance(error, FerSysError):
            raise error
        raise WorkerError(f"A worker failed. Received: {type(error).__name__}") from None

    def close(self) -> None:
        """Wait for no more work."""
        self._pool.shutdown(wait=False, cancel_futures=True)
