"""A made camera for a browser: the one face that may be shown, in slow motion, and the flags to see it with."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL.Image

from fersys.results import Image

FRAMES = 90  # three seconds, as browsers play it; then it begins anew
# How Chromium starts without asking anybody for anything.
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_SIZE = (640, 480)
_WINDOW = (300, 225)  # of the picture, that fills the frame: the face is a third of its height
_QUALITY = 85


def write_clip(picture: Image, path: Path, frames: int = FRAMES) -> Path:
    """Write a picture, RGB uint8 (512, 512, 3), as a moving MJPEG clip of 640×480 and return its path."""
    path.write_bytes(b"".join(_jpeg(frame) for frame in _moving(picture, frames)))
    return path


def _moving(picture: Image, frames: int) -> Iterator[PIL.Image.Image]:
    """The window wanders in a circle, so that the end fits the beginning."""
    for angle in np.linspace(0, 2 * np.pi, frames, endpoint=False):
        left, top = 75 + 18 * np.cos(angle), 12 + 10 * np.sin(angle)
        yield PIL.Image.fromarray(picture).resize(_SIZE, PIL.Image.Resampling.BILINEAR, (left, top, left + _WINDOW[0], top + _WINDOW[1]))


def _jpeg(frame: PIL.Image.Image) -> bytes:
    file = io.BytesIO()
    frame.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


def browser_flags(clip: Path | None) -> list[str]:
    """Return how Chromium is started: quiet, and with a clip as its camera, or with no camera at all."""
    devices = ["--use-fake-device-for-media-stream" if clip else "--use-fake-device-for-media-stream=device-count=0", "--use-fake-ui-for-media-stream"]
    return [*QUIET, *devices, *([f"--use-file-for-fake-video-capture={clip}"] if clip else [])]
