"""A short video to try the page with: the astronaut Eileen Collins, by NASA, in the public domain, as a camera would find her."""

import functools
import math
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.examples import example
from app.webm import writing_webm
from fersys import read_image
from fersys.results import Image
from fersys.video import Shape

PATH = "/fersys/example.webm"
_SHAPE = Shape(400, 300, 12.0, 96)
_DAY = 86_400  # seconds


def frames() -> Iterator[Image]:
    """Yield the frames: the camera comes nearer, wanders, loses focus and light, and recovers."""
    face = read_image(example("one"))
    for number in range(_SHAPE.frames):
        share = number / (_SHAPE.frames - 1)
        yield _frame(face, share)


def _frame(face: Image, share: float) -> Image:
    hard = max(0.0, math.sin(2 * math.pi * share) * -1)
    scale, angle = 0.8 + 0.25 * share, 22 * hard
    height, width = face.shape[:2]
    matrix = cv2.getRotationMatrix2D((0.43 * width, 0.22 * height), angle, scale * 400 / width * 1.5)
    matrix[:, 2] += (_SHAPE.width / 2 + 35 * math.sin(4 * math.pi * share) - 0.43 * width, 0.45 * _SHAPE.height - 0.22 * height)
    moved = cv2.warpAffine(face, matrix, (_SHAPE.width, _SHAPE.height), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    soft = cv2.GaussianBlur(moved, (0, 0), 0.1 + 5 * hard)
    return np.asarray(cv2.convertScaleAbs(soft, alpha=1 - 0.5 * hard), dtype=np.uint8)


@functools.cache
def moving_example() -> bytes:
    """Return the video, a WebM file."""
    with TemporaryDirectory(prefix="fersys-video-") as folder:
        path = Path(folder) / "example.webm"
        with writing_webm(path, _SHAPE) as writer:
            for number, frame in enumerate(frames()):
                writer.write(number / _SHAPE.rate, frame)
        return path.read_bytes()


async def _send(_: Request) -> Response:
    content = await run_in_threadpool(moving_example)
    return Response(content, media_type="video/webm", headers={"Cache-Control": f"max-age={_DAY}"})


def example_route() -> Route:
    """Return the route that the page gets it from."""
    return Route(PATH, _send)
