"""Reads what a request brings: no more than its route allows, and no slower than a bad line."""

import asyncio
import time
from collections.abc import AsyncIterator

from starlette.types import Message, Receive, Scope

from app.refusals import Refusal
from app.rules import Rule

SLOWEST = 50_000  # bytes a second
GRACE = 15.0  # seconds that a body may take whatever its size, and that may pass between two pieces of it
_SWALLOWED = 32_000_000  # bytes of a refused body that are read, so that a browser gets to see the answer


def declared_length(scope: Scope) -> int | None:
    """Return what `Content-Length` says; None if it says nothing."""
    said = next((value for name, value in scope["headers"] if name == b"content-length"), None)
    return None if said is None else int(said)  # the server has refused all but digits


def has_body(scope: Scope) -> bool:
    """Whether a request brings one."""
    return bool(declared_length(scope)) or any(name == b"transfer-encoding" for name, _ in scope["headers"])


def check_length(scope: Scope, rule: Rule) -> int:
    """Return the length that a request declares; 0 if it may do without.

    Raises:
        Refusal: if it is larger than allowed, or missing where large bodies are taken.
    """
    length = declared_length(scope)
    if length is None and rule.streamed and has_body(scope):
        raise Refusal(411, "no_length")
    if length is not None and length > rule.max_bytes:
        raise too_large(rule)
    return length or 0


def too_large(rule: Rule) -> Refusal:
    """Return the refusal that names what a route takes."""
    size = rule.max_bytes
    return Refusal(413, "too_large", most=f"{size / 1e6:.0f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB")


class Meter:
    """Hands a body on as it comes. Once it is too large or too slow, the app sees its visitor leave.

    Attributes:
        refusal: why; None while all is well.
    """

    def __init__(self, receive: Receive, rule: Rule, grace: float = GRACE) -> None:
        self.refusal: Refusal | None = None
        self._receive, self._rule, self._grace = receive, rule, grace
        self._bytes, self._complete, self._start = 0, False, time.monotonic()

    async def __call__(self) -> Message:
        """The next message of the server."""
        if self._complete:
            return await self._receive()
        message = await self._next() if self.refusal is None else {"type": "http.disconnect"}
        self._bytes += len(message.get("body", b""))
        if self._bytes > self._rule.max_bytes:
            self.refusal = too_large(self._rule)
        self._complete = message["type"] == "http.request" and not message.get("more_body", False)
        return message if self.refusal is None else {"type": "http.disconnect"}

    async def _next(self) -> Message:
        left = self._start + self._grace + self._bytes / SLOWEST - time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, min(left, self._grace))):
                return await self._receive()
        except TimeoutError:
            self.refusal = Refusal(408, "too_slow")
            return {"type": "http.disconnect"}


async def read_body(receive: Receive, rule: Rule, grace: float = GRACE) -> bytes | None:
    """Read a body to its end; None if the visitor left before.

    Raises:
        Refusal: if it is larger or slower than allowed.
    """
    pieces = [piece async for piece in _pieces(Meter(receive, rule, grace))]
    return None if None in pieces else b"".join(filter(None, pieces))


async def _pieces(meter: Meter) -> AsyncIterator[bytes | None]:
    """Yield a body piece by piece; None, and no more, if the visitor leaves before its end."""
    more = True
    while more:
        message = await meter()
        if meter.refusal is not None:
            raise meter.refusal
        more = message.get("more_body", False)
        yield None if message["type"] == "http.disconnect" else message.get("body", b"")


async def swallow(receive: Receive) -> None:
    """Read what a refused request still brings, within reason, and keep none of it: a browser that cannot finish sending shows no answer."""
    try:
        async for _ in _pieces(Meter(receive, Rule(_SWALLOWED), GRACE / 3)):
            pass
    except Refusal:
        return


def replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that hands out a body that was read, and then what the server says."""
    waiting = [body]

    async def receive_again() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return receive_again
