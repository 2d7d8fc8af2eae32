"""Pictures to try the page with. All are made of one: the astronaut Eileen Collins, by NASA, in the public domain."""

import functools
import io
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fersys import read_image
from fersys.results import Image

PATH = "/fersys/examples"
_FILE = Path(__file__).parent / "assets" / "examples" / "astronaut.jpg"
_GRAY = 150
_DAY = 86_400  # seconds


def _one(face: Image) -> Image:
    return face


def _hard(face: Image) -> Image:
    """In half-light, out of focus, the head to one side."""
    height, width = face.shape[:2]
    turned = cv2.warpAffine(face, cv2.getRotationMatrix2D((width / 2, height / 3), 24, 1), (width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.convertScaleAbs(cv2.GaussianBlur(turned, (0, 0), 4), alpha=0.42), dtype=np.uint8)


def _several(face: Image) -> Image:
    """A near one, one in a mirror, one further away, one hard to tell."""
    near, hard = face[:340, 50:390], _hard(face)[:340, 50:390]
    heads = [(near, 440), (near[:, ::-1], 320), (near, 210), (hard, 320)]
    picture = np.full((460, 20 + sum(side + 20 for _, side in heads), 3), _GRAY, np.uint8)
    left = 20
    for head, side in heads:
        picture[440 - side : 440, left : left + side] = cv2.resize(np.ascontiguousarray(head), (side, side), interpolation=cv2.INTER_CUBIC)
        left += side + 20
    return picture


EXAMPLES: dict[str, Callable[[Image], Image]] = {"one": _one, "several": _several, "hard": _hard}


@functools.cache
def example(name: str) -> bytes:
    """Return one of `EXAMPLES` as a JPEG file."""
    buffer = io.BytesIO()
    PIL.Image.fromarray(np.ascontiguousarray(EXAMPLES[name](read_image(_FILE)))).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


async def _send(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in EXAMPLES:
        raise HTTPException(404)
    return Response(example(name), media_type="image/jpeg", headers={"Cache-Control": f"max-age={_DAY}"})


def examples_route() -> Route:
    """Return the route that the page gets them from."""
    return Route(PATH + "/{name}.jpg", _send)
