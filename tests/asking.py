"""ASGI requests by hand: what a server would hand to the guard, and what it would send back."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

PEER = "203.0.113.7"


@dataclass
class Reply:
    """What came back: a status (0: nothing), headers in lower case, and a body."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    closed: int = 0  # the code with which a socket was refused


def scope_of(path: str, *, method: str = "POST", peer: str = PEER, headers: Mapping[str, str] | None = None, kind: str = "http") -> Scope:
    """What a server tells of a request."""
    pairs = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    return {"type": kind, "method": method, "path": path, "query_string": b"", "headers": pairs, "client": (peer, 1234), "scheme": "http"}


def pieces(body: Iterable[bytes], then: Message | None = None) -> Receive:
    """A `receive` that hands out a body piece by piece, then a last message; without one it never comes back."""
    parts = list(body)
    waiting: list[Message] = [
        {"type": "http.request", "body": part, "more_body": number < len(parts) or then is not None} for number, part in enumerate(parts, 1)
    ]
    waiting += [then] if then else []

    async def receive() -> Message:
        if not waiting:
            await asyncio.Event().wait()
        return waiting.pop(0)

    return receive


def ask(app: ASGIApp, scope: Scope, receive: Receive | None = None) -> Reply:
    """Send one request and return what came back."""
    return asyncio.run(reply_of(app, scope, receive))


async def reply_of(app: ASGIApp, scope: Scope, receive: Receive | None = None) -> Reply:
    """The same, inside a running loop."""
    reply = Reply()

    async def send(message: Message) -> None:
        if message["type"].endswith("response.start"):
            reply.status, reply.headers = message["status"], {name.decode(): value.decode() for name, value in message["headers"]}
        elif message["type"].endswith("response.body"):
            reply.body += message.get("body", b"")
        elif message["type"] == "websocket.close":
            reply.closed = message["code"]

    await app(scope, receive or pieces([b""]), send)
    return reply


class Inner:
    """The app behind the guard: reads the body, answers with its length, and remembers whom it saw."""

    def __init__(self, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self.seen: list[str] = []
        self.bodies: list[bytes] = []
        self._status, self._headers = status, dict(headers or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.seen.append(scope["path"])
        if scope["type"] == "http":
            self.bodies.append(await _read(receive))
        headers = [(name.encode(), value.encode()) for name, value in self._headers.items()]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": b"answered"})


async def _read(receive: Receive) -> bytes:
    from starlette.requests import ClientDisconnect

    body: Any = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)
