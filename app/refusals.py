"""How the guard says no: a status, a sentence in the visitor's language, and when to come again."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from app.words import language_of, say


class Refusal(Exception):  # noqa: N818 - nothing went wrong here
    """A request that is not let through.

    Attributes:
        status: of the answer, 400–599.
        key: of the sentence, in `texts/guard.toml`.
        values: what it is filled in with.
        seconds: after which another try may succeed; 0: not by waiting.
    """

    def __init__(self, status: int, key: str, seconds: int = 0, **values: object) -> None:
        super().__init__(key)
        self.status, self.key, self.seconds = status, key, seconds
        self.values: Mapping[str, object] = values | {"seconds": seconds}

    def sentence(self, scope: Scope) -> str:
        """Return what is said to whoever sent the request."""
        return say(language_of(HTTPConnection(scope)), f"guard.{self.key}", **self.values)

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the answer."""
        return {"Retry-After": str(self.seconds)} if self.seconds else {}


async def refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request, or a socket that is about to open, with a refusal."""
    if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1013 if refusal.seconds else 1008, "reason": ""})
        return
    await _response(refusal, scope)(scope, receive, send)


def _response(refusal: Refusal, scope: Scope) -> Response:
    """Words alone where a browser shows them as they are, else JSON in the form that Gradio's clients read."""
    sentence = refusal.sentence(scope)
    if scope.get("method") in ("GET", "HEAD") or scope["path"].startswith("/gradio_api/upload"):
        return PlainTextResponse(sentence, refusal.status, refusal.headers)
    return JSONResponse({"detail": sentence}, refusal.status, refusal.headers)


def instead_of_a_full_queue(scope: Scope, send: Send) -> Send:
    """Return a `send` that says in plain words when Gradio's queue is full.

    Gradio answers 503, for which its page has a sentence of its own that names no way out; any other status it shows
    with our words.
    """
    refusal = Refusal(429, "queue_full", 10)
    body = json.dumps({"detail": refusal.sentence(scope)}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), (b"retry-after", b"10")]
    replaced = False

    async def send_words(message: Any) -> None:
        nonlocal replaced
        if message["type"] == "http.response.start" and message["status"] == 503:
            replaced = True
            await send({**message, "status": refusal.status, "headers": headers})
        elif not replaced:
            await send(message)
        elif not message.get("more_body"):
            await send({"type": "http.response.body", "body": body})

    return send_words
