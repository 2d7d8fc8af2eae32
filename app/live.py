"""The live view's socket: a frame goes in, the faces in it with every chosen model's answer come out.

    browser                                   server
                                              {"type": "wait", "place": 3}       as often as the place changes
                                              {"type": "ready", "emotions": […], "models": […], "half_life": 0.4}
    {"models": […], "half_life": 0.4}                                            at any time; what is left out is as at the beginning
    a JPEG or WebP                            {"type": "faces", …}               one by one: the next frame is sent when the answer is there

`faces` has for each face `id`, `box` (x, y, width, height as shares of the frame), `found`, and by the model's name
`scores` (in the order of `emotions`) and `certain`; beside them `looked`, and `find` and `models` in milliseconds.
Not every frame is looked at, and a look may be told of one answer later than its frame: boxes are carried on meanwhile.
Nothing of a frame is kept, written or logged. A socket may close with 1001 (idle), 1003 (not a frame), 1008 (no such
setting), 1009 (too large), 1011 (a model failed) or 1013 (full).
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import anyio
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.frames import MAX_BYTES
from app.models import Arms, Model
from app.seats import Seats
from app.watcher import Seen, Sight, Watcher
from fersys import EMOTIONS
from fersys.errors import ConfigError, FerSysError, ImageError
from fersys.smoothing import HALF_LIFE

PATH = "/webcam/live"
LONGEST_HALF_LIFE = 5.0  # seconds
_IDLE = 60.0  # seconds without a word from the browser, after which a seat is given to others
_AT_ONCE = 2  # frames that are looked at, of all visitors together; the others take turns
_MAX_SETTINGS = 2000  # characters
# Seconds that an answer waits for a look at its frame. A look that takes longer is in one of the next answers, so that
# boxes keep up with the camera whatever the machine has to do besides.
_PATIENCE = 0.012


class Live:
    """Everything that sockets share.

    Args:
        arms: the models that may be asked.
        seats: how many visitors are served and may wait.
        idle: seconds without a word, after which a seat is given up.
        watcher: makes what watches a visitor's camera; another one than ours measures the way there and back.
    """

    def __init__(self, arms: Arms, seats: Seats | None = None, idle: float = _IDLE, watcher: Callable[[Sequence[Model]], Watcher] = Watcher) -> None:
        self._arms, self._seats, self._idle, self._watcher = arms, seats or Seats(), idle, watcher
        self._turns: anyio.CapacityLimiter | None = None

    def route(self) -> WebSocketRoute:
        """Return the route, for any Starlette application."""
        return WebSocketRoute(PATH, self.serve)

    async def serve(self, socket: WebSocket) -> None:
        """Serve a visitor from the first word to the last."""
        if not is_same_origin(socket.headers):
            await socket.close(1008)  # before it is accepted: the browser is told 403
            return
        await socket.accept()
        ticket = self._seats.join()
        if ticket is None:
            await socket.close(1013)
            return
        try:
            if await self._seat(socket, ticket):
                await self._answer_frames(socket)
        except WebSocketDisconnect:
            return
        finally:
            self._seats.leave(ticket)

    async def _seat(self, socket: WebSocket, ticket: object) -> bool:
        """Tell a visitor its place until it has a seat; False if it leaves before, or speaks out of turn."""
        leaving = asyncio.ensure_future(socket.receive())
        try:
            while place := self._seats.place(ticket):
                await socket.send_json({"type": "wait", "place": place})
                moving = asyncio.ensure_future(self._seats.move())
                await asyncio.wait({leaving, moving}, return_when=asyncio.FIRST_COMPLETED)
                moving.cancel()
                if leaving.done():
                    return False
        finally:
            leaving.cancel()
        return True

    async def _answer_frames(self, socket: WebSocket) -> None:
        visit = Visit(self._watcher(self._arms.pick()))
        await socket.send_json({"type": "ready", "emotions": EMOTIONS, "models": [model.name for model in self._arms.pick()], "half_life": HALF_LIFE})
        code: int | None = None
        while code is None:
            try:
                async with asyncio.timeout(self._idle):
                    message = await socket.receive()
            except TimeoutError:
                code = 1001
            else:
                if message["type"] == "websocket.disconnect":
                    return
                code = await self._answer(socket, visit, message)
        await socket.close(code)

    async def _answer(self, socket: WebSocket, visit: "Visit", message: Mapping[str, Any]) -> int | None:
        """Answer a message; a number: why the socket is to be closed."""
        try:
            if (text := message.get("text")) is not None:
                self._settle(visit.watcher, text)
            elif len(message["bytes"]) > MAX_BYTES:
                return 1009
            else:
                self._turns = self._turns or anyio.CapacityLimiter(_AT_ONCE)  # whoever waits longest is next
                await socket.send_text(to_message(await visit.see(message["bytes"], self._turns)))
        except ImageError:
            return 1003
        except ConfigError:
            return 1008
        except FerSysError:
            return 1011
        return None

    def _settle(self, watcher: Watcher, text: str) -> None:
        names, half_life = read_settings(text)
        known = {model.name for model in self._arms.models}
        if unknown := set(names) - known:
            raise ConfigError(f"Live view: expected models of {', '.join(sorted(known))}. Received: {', '.join(sorted(unknown))}")
        watcher.choose(self._arms.pick(*names), half_life)


class Visit:
    """One visitor's camera, and the look at it that is under way."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self._look: asyncio.Task[None] | None = None

    async def see(self, content: bytes, turns: anyio.CapacityLimiter) -> Sight:
        """Return what is known now, and look at the frame if it is time to and no look is under way.

        Raises:
            ImageError: if a frame that was looked at could not be read.
            ModelError: if a model failed.
        """
        now = time.monotonic()
        if self._look is None and self.watcher.due(now):
            self._look = asyncio.create_task(anyio.to_thread.run_sync(self.watcher.look, content, now, limiter=turns))
            self._look.add_done_callback(_hear_out)
        if self._look is not None:
            await asyncio.wait({self._look}, timeout=_PATIENCE)
            if self._look.done():
                look, self._look = self._look, None
                look.result()
        return self.watcher.sight(time.monotonic())


def _hear_out(look: asyncio.Task[None]) -> None:
    """Take note of an error that nobody is there for any more, so that it is not logged."""
    if not look.cancelled():
        look.exception()


def is_same_origin(headers: Mapping[str, str]) -> bool:
    """Whether a socket comes from our own page; a browser says from which, and no page can make it say otherwise.

    Behind a proxy the page's host may be in `X-Forwarded-Host` alone. A page of another host cannot set it either.
    """
    origin = urlsplit(headers.get("origin", "")).netloc.lower()
    ours = (headers.get("host", ""), headers.get("x-forwarded-host", "").partition(",")[0].strip())
    return bool(origin) and origin in {host.lower() for host in ours}


def read_settings(text: str) -> tuple[list[str], float]:
    """Return which models a visitor wants to be asked, by name, and the half-life of the smoothing in seconds.

    Raises:
        ConfigError: if it is not JSON of that form, or out of range.
    """
    try:
        said = json.loads(text[:_MAX_SETTINGS])
        names, half_life = said.get("models", []), float(said.get("half_life", HALF_LIFE))
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ConfigError("Live view: expected settings as JSON, with models and half_life. Received: something else") from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or not 0 <= half_life <= LONGEST_HALF_LIFE:
        raise ConfigError(f"Live view: expected names of models, and a half-life of 0–{LONGEST_HALF_LIFE:g} s. Received: {names}, {half_life}")
    return names, half_life


def to_message(sight: Sight) -> str:
    """Return what a browser is told of a frame."""
    models = {name: round(1000 * seconds, 1) for name, seconds in sight.model_seconds.items()}
    told = {"type": "faces", "looked": sight.looked, "find": round(1000 * sight.find_seconds, 1), "models": models}
    return json.dumps(told | {"faces": [_face(seen) for seen in sight.faces]}, separators=(",", ":"))


def _face(seen: Seen) -> dict[str, Any]:
    return {
        "id": seen.id,
        "box": [round(share, 4) for share in seen.box],
        "found": seen.found,
        "scores": {said.model: [round(score, 4) for score in said.scores.values()] for said in seen.predictions},
        "certain": {said.model: said.certain for said in seen.predictions},
    }
