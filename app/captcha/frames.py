"""A frame from a client of the CAPTCHA: read as `app.frames` reads every frame, and refused with a code for programs."""

from app import frames
from app.captcha.refusals import RefusedError
from app.frames import MAX_BYTES, MAX_SIDE
from fersys.errors import ImageError
from fersys.results import Image

__all__ = ["BAD_FRAME", "MAX_BYTES", "MAX_SIDE", "read_frame"]

BAD_FRAME = "bad-frame"
_KINDS = ("JPEG", "PNG", "WebP")


def read_frame(content: bytes) -> Image:
    """Decode a frame.

    Args:
        content: a JPEG, PNG or WebP, within the bounds of `app.frames`.

    Returns:
        RGB uint8 (H, W, 3).

    Raises:
        RefusedError: "bad-frame".
    """
    try:
        return frames.read_frame(content, _KINDS)
    except ImageError as error:
        raise RefusedError(BAD_FRAME, 400, str(error)) from error
