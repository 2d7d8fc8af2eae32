"""A frame from a client: its header is checked before any decoder sees it, then it is decoded within bounds."""

import struct

from app.captcha.refusals import RefusedError
from fersys.errors import ImageError
from fersys.images import read_image
from fersys.results import Image

MAX_BYTES = 512 * 1024
MAX_SIDE = 1920
_MOST_SCANS = 16  # of a progressive JPEG: encoders write ten; a scan of 14 bytes costs the decoder a pass over the whole picture
_SCAN = b"\xff\xda"
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_COLOURS = (0, 2, 6)  # gray, RGB, RGBA
_MOST_CHUNKS = 1000  # of a PNG: browsers write some dozens; tens of thousands of empty ones cost the decoder its time
_SIZES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # JPEG segments that hold the size
_BASELINE = (0xC0, 0xC1, 0xC2)  # of them, those that a browser writes
_BARE = {0x01, *range(0xD0, 0xD9)}  # JPEG markers without a length


def read_frame(content: bytes) -> Image:
    """Decode a frame.

    Args:
        content: a JPEG, PNG or WebP of 8 bits, at most 512 KB and 1920×1920.

    Returns:
        RGB uint8 (H, W, 3).

    Raises:
        RefusedError: "bad-frame".
    """
    try:
        width, height = _size(content)
    except (struct.error, IndexError) as error:
        raise _bad("a header that breaks off") from error
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise _bad(f"{width}×{height}")
    try:
        return read_image(content, max_pixels=MAX_SIDE * MAX_SIDE, name="the frame")
    except ImageError as error:
        raise _bad("one that is damaged") from error


def _bad(received: str) -> RefusedError:
    return RefusedError("bad-frame", 400, f"Frame: expected a JPEG, PNG or WebP of 8 bits, at most {MAX_SIDE}×{MAX_SIDE}. Received: {received}")


def _size(content: bytes) -> tuple[int, int]:
    """Width and height, as the header says them."""
    if content.startswith(b"\xff\xd8\xff"):
        return _jpeg_size(content)
    if content.startswith(_PNG):
        return _png_size(content)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return _webp_size(content)
    raise _bad("something else")


def _png_size(content: bytes) -> tuple[int, int]:
    kind, width, height, depth, colour = struct.unpack_from(">4sIIBB", content, 12)
    if kind != b"IHDR" or depth != 8 or colour not in _PNG_COLOURS:
        raise _bad("a PNG of another depth or kind of colour")
    _check_chunks(content)
    return width, height


def _check_chunks(content: bytes) -> None:
    place = len(_PNG)
    for _ in range(_MOST_CHUNKS):
        if place + 4 > len(content):
            return
        place += 12 + int.from_bytes(content[place : place + 4], "big")
    raise _bad("a PNG of too many chunks")


def _jpeg_size(content: bytes) -> tuple[int, int]:
    place = 2
    while True:
        if content[place] != 0xFF:
            raise _bad("a JPEG with a damaged header")
        marker = content[place + 1]
        if marker in _SIZES:
            return _jpeg_frame_size(content, place)
        if marker == 0xFF:
            place += 1
        elif marker in _BARE:
            place += 2
        else:
            place += 2 + max(2, *struct.unpack_from(">H", content, place + 2))


def _jpeg_frame_size(content: bytes, place: int) -> tuple[int, int]:
    marker, _, depth, height, width, channels = struct.unpack_from(">xBHBHHB", content, place)
    if marker not in _BASELINE or depth != 8 or channels not in (1, 3):
        raise _bad("a JPEG of another depth or kind of colour")
    if content.count(_SCAN) > _MOST_SCANS:
        raise _bad("a JPEG of too many scans")
    return width, height


def _webp_size(content: bytes) -> tuple[int, int]:
    kind = content[12:16]
    if kind == b"VP8X":
        flags, wide, wider, high, higher = struct.unpack_from("<B3xHBHB", content, 20)
        if flags & 0x02:
            raise _bad("an animation")
        return 1 + (wide | wider << 16), 1 + (high | higher << 16)
    if kind == b"VP8L" and content[20] == 0x2F:
        (bits,) = struct.unpack_from("<I", content, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and content[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", content, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise _bad("a WebP of an unknown kind")
