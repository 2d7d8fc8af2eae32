"""Headers that keep a browser from doing what the page never asks it to."""

from collections.abc import Sequence
from typing import Any

from starlette.types import Send

# Gradio writes its settings into the page as a script, styles everywhere, and makes functions of the texts of its HTML
# components: all three must be allowed. What the policy does keep out is any other host: no script comes from there,
# and no picture, form or request of the page goes there.
_POLICY = (
    "default-src 'self'",
    "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "media-src 'self' data: blob:",
    "font-src 'self' data:",
    "connect-src 'self' data: blob:",
    "worker-src 'self' blob:",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
)
_FOR_OTHERS = b"access-control-"
_FEATURES = ("microphone", "geolocation", "display-capture", "payment", "usb", "serial", "midi")


def security_headers(framed_by: Sequence[str] = ()) -> dict[bytes, bytes]:
    """Return the headers that every answer gets unless its route says otherwise.

    Args:
        framed_by: origins of pages, besides our own, that may show this one in a frame.
    """
    policy = "; ".join([*_POLICY, " ".join(["frame-ancestors 'self'", *framed_by])])
    features = ", ".join(["camera=(self)", *(f"{feature}=()" for feature in _FEATURES)])
    return {
        b"content-security-policy": policy.encode(),
        b"permissions-policy": features.encode(),
        b"referrer-policy": b"same-origin",
        b"x-content-type-options": b"nosniff",
    }


def keeping_to_ourselves(send: Send) -> Send:
    """Return a `send` that drops whatever would let another origin's scripts read an answer."""

    async def send_less(message: Any) -> None:
        if message["type"] == "http.response.start":
            kept = [(name, value) for name, value in message.get("headers", ()) if not name.lower().startswith(_FOR_OTHERS)]
            message = {**message, "headers": kept}
        await send(message)

    return send_less


def adding(headers: dict[bytes, bytes], send: Send) -> Send:
    """Return a `send` that adds headers to an answer which does not have them itself."""

    async def send_more(message: Any) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            there = {name.lower() for name, _ in message.get("headers", ())}
            more = [(name, value) for name, value in headers.items() if name not in there]
            message = {**message, "headers": [*message.get("headers", ()), *more]}
        await send(message)

    return send_more
