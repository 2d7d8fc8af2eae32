"""The route of the button "What did it look at?": a face in, a transparent picture of the heat map out.

The upload is long deleted by then: the page sends what the network saw of the face, 48×48 pixels of gray, which
lies in the answer's HTML. Nothing is kept.
"""

import asyncio
import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.draw import png_url
from app.models import Model
from app.words import language_of, say
from fersys import read_image
from fersys.errors import FerSysError, ImageError, ModelError
from fersys.heatmap import HeatMap, explain
from fersys.preprocess import INPUT_SIZE
from fersys.recognizers.base import Recognizer
from fersys.results import Image

PATH = "/fersys/heat"
MAX_BODY = 64_000  # bytes; a gray PNG of 48×48 has three thousand at most
_AT_ONCE, _WAITING = 1, 8  # a map takes both cores for a second
_SIDE = 240  # pixels of the picture
_COLOR = (230, 97, 1)  # an orange that stands out on gray for all kinds of colour vision
_ALPHA = 0.78  # of the hottest place: the face can still be seen below
_START = "data:image/png;base64,"


@dataclass(frozen=True, eq=False)
class Question:
    """Which network is asked about which face: RGB uint8 (48, 48, 3)."""

    recognizer: Recognizer
    face: Image


class Desk:
    """Lets one map be made at a time, and so many wait."""

    def __init__(self, models: Sequence[Model]) -> None:
        self._models = {model.name: model.recognizer for model in models}
        self._turn, self._inside = asyncio.Semaphore(_AT_ONCE), 0

    async def answer(self, request: Request) -> Response:
        """Answer one request: 415, 413 and 422 if it is wrong, 503 if too many wait."""
        language = language_of(request)
        if not request.headers.get("content-type", "").startswith("application/json"):
            return _refusal(415, say(language, "image.heat_failed"))  # forms of other sites cannot ask
        if (content := await read_body(request)) is None:
            return _refusal(413, say(language, "image.heat_failed"))
        if self._inside >= _AT_ONCE + _WAITING:
            return _refusal(503, say(language, "image.heat_busy"))
        try:
            return JSONResponse(await self._explain(parse(content, self._models), language))
        except FerSysError:
            return _refusal(422, say(language, "image.heat_failed"))

    async def _explain(self, question: Question, language: str) -> dict[str, Any]:
        self._inside += 1
        try:
            async with self._turn:
                found = await run_in_threadpool(explain, question.face, question.recognizer)
        finally:
            self._inside -= 1
        return describe(found, question.recognizer.title, language)


def heat_route(models: Sequence[Model]) -> Route:
    """Return the route; `models` are those that can be asked."""
    return Route(PATH, Desk(models).answer, methods=["POST"])


def _refusal(status: int, text: str) -> Response:
    return JSONResponse({"error": text}, status)


async def read_body(request: Request) -> bytes | None:
    """Return the body, or None as soon as it is longer than allowed."""
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > MAX_BODY:
            return None
    return content


def parse(content: bytes, recognizers: dict[str, Recognizer]) -> Question:
    """Read {"model": name, "face": data URL of a PNG}.

    Raises:
        ModelError: if there is no such model.
        ImageError: if it is no such object, or the face no picture of 48×48.
    """
    try:
        asked = json.loads(content)
        name, url = str(asked["model"]), str(asked["face"])
        face = base64.b64decode(url.removeprefix(_START), validate=True)
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error) as error:
        raise ImageError('Expected {"model": …, "face": "data:image/png;base64,…"}. Received: something else') from error
    if name not in recognizers:
        raise ModelError(f"Expected one of {', '.join(recognizers)}. Received: {name[:40]!r}")
    image = read_image(face, INPUT_SIZE * INPUT_SIZE, "the face")
    if image.shape[:2] != (INPUT_SIZE, INPUT_SIZE):
        raise ImageError(f"Expected a face of {INPUT_SIZE}×{INPUT_SIZE} pixels. Received: {image.shape[1]}×{image.shape[0]}")
    return Question(recognizers[name], image)


def describe(found: HeatMap, title: str, language: str) -> dict[str, Any]:
    """Return {"overlay": data URL of a transparent PNG, "text", "alt"} for the page; no overlay if no single place counts."""
    emotion = say(language, f"emotion.{found.label}")
    if found.is_flat:
        return {"overlay": "", "text": say(language, "image.heat_flat", model=title, emotion=emotion), "alt": ""}
    texts = {
        key: say(language, f"image.heat_{key}", model=title, emotion=emotion, place=say(language, f"image.place_{place(found)}")) for key in ("text", "alt")
    }
    return {"overlay": png_url(overlay(found)), **texts}


def overlay(found: HeatMap) -> Image:
    """Return RGBA uint8 (240, 240, 4): one colour, the less transparent the more a place counts."""
    shares = cv2.resize(found.shares, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    layer = np.empty((_SIDE, _SIDE, 4), np.uint8)
    layer[..., :3], layer[..., 3] = _COLOR, (255 * _ALPHA * shares).round()
    return layer


def place(found: HeatMap) -> str:
    """Return the third of the face in which the hottest place lies: "upper", "middle" or "lower"."""
    row = int(np.unravel_index(found.drops.argmax(), found.drops.shape)[0])
    return ("upper", "middle", "lower")[3 * row // len(found.drops)]
