"""Who is served live, and who waits: seats are given in the order of arrival."""

import asyncio


class Seats:
    """Visitors in the order in which they came; the first ones sit. For one event loop.

    Args:
        seats: how many are served at once.
        waiting: how many more may wait.
    """

    def __init__(self, seats: int = 8, waiting: int = 24) -> None:
        self._seats, self._most = seats, seats + waiting
        self._line: list[object] = []
        self._moved = asyncio.Event()

    def join(self) -> object | None:
        """Return a ticket at the end of the line; None if even that is full."""
        if len(self._line) >= self._most:
            return None
        self._line.append(ticket := object())
        return ticket

    def leave(self, ticket: object) -> None:
        """Give a place up; everybody behind it moves on."""
        self._line.remove(ticket)
        self._moved.set()
        self._moved = asyncio.Event()

    def place(self, ticket: object) -> int:
        """Return how many must move on until this one sits; 0: it does."""
        return max(0, self._line.index(ticket) + 1 - self._seats)

    async def move(self) -> None:
        """Wait until somebody leaves."""
        await self._moved.wait()
