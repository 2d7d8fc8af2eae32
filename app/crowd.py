"""Counts who is here: no more at once than the server can bear, and none cut off when it stops."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from app.refusals import Refusal
from app.rules import Budgets

# They stay open as long as a page is, whether something happens or not.
_ENDLESS = ("/gradio_api/heartbeat/", "/gradio_api/dev/reload", "/gradio_api/mcp/sse")


class Crowd:
    """Requests and sockets that are open.

    Attributes:
        stopping: nobody new is let in who wants something done.
    """

    def __init__(self, budgets: Budgets) -> None:
        self.stopping = False
        self._budgets = budgets
        self._open: Counter[str] = Counter()
        self._answering = 0

    @contextmanager
    def enter(self, address: str, path: str, kind: str = "http") -> Iterator[None]:
        """Count somebody in, and out again.

        Raises:
            Refusal: if there is no room.
        """
        if self._open.total() >= self._budgets.visitors or self._open[address] >= self._budgets.neighbours:
            raise Refusal(503, "too_many", 30)
        answered = int(kind == "http" and not path.startswith(_ENDLESS))
        self._open[address] += 1
        self._answering += answered
        try:
            yield
        finally:
            self._answering -= answered
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]

    @property
    def answering(self) -> int:
        """How many requests wait for an answer."""
        return self._answering

    async def leave(self, seconds: float) -> None:
        """Let nobody in, and wait until all have their answers; no longer than so many seconds."""
        self.stopping = True
        try:
            async with asyncio.timeout(seconds):
                while self._answering:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            return
