"""A frame from a visitor's camera: its header is checked before any decoder sees it, then it is decoded within bounds.

To take another kind of picture: a line in `_STARTS` and one in `_SIZES`.
"""

import struct
from collections.abc import Callable, Sequence

from fersys.errors import ImageError
from fersys.images import read_image
from fersys.results import Image

MAX_BYTES = 512 * 1024
MAX_SIDE = 1920
LIVE = ("JPEG", "WebP")  # what browsers make of a canvas, in a size fit to be sent
_PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_COLOURS = (0, 2, 6)  # gray, RGB, RGBA
_MOST_CHUNKS = 1000  # of a PNG: browsers write some dozens; tens of thousands of empty ones cost the decoder its time
_JPEG_SIZES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # segments that hold the size
_JPEG_PLAIN = (0xC0, 0xC1, 0xC2)  # of them, those that browsers write
_JPEG_BARE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
_JPEG_SCAN = b"\xff\xda"
_MOST_SCANS = 16  # of a progressive JPEG: encoders write ten; a scan of 14 bytes costs the decoder a pass over the whole picture
_WEBP_ANIMATED = 0x02


class _UnfitError(Exception):
    """What a frame is that is not taken, in words."""


def read_frame(content: bytes, kinds: Sequence[str] = LIVE) -> Image:
    """Decode a frame.

    Args:
        content: a picture of 8 bits a channel, at most `MAX_BYTES` long and `MAX_SIDE` × `MAX_SIDE` large.
        kinds: of JPEG, PNG and WebP, which are taken.

    Returns:
        RGB uint8 (H, W, 3).

    Raises:
        ImageError: if it is something else or damaged. Nothing was decoded unless the header kept within bounds.
    """
    if len(content) > MAX_BYTES:
        raise ImageError(f"Frame: expected at most {MAX_BYTES // 1024} KB. Received: {len(content) // 1024} KB")
    try:
        _check_header(content, kinds)
    except _UnfitError as error:
        raise _wrong(kinds, str(error)) from error
    try:
        return read_image(content, MAX_SIDE * MAX_SIDE, "the frame")
    except ImageError as error:
        raise _wrong(kinds, "one that is damaged") from error


def _wrong(kinds: Sequence[str], received: str) -> ImageError:
    taken = " or ".join(filter(None, (", ".join(kinds[:-1]), kinds[-1])))
    return ImageError(f"Frame: expected a {taken} of 8 bits, at most {MAX_SIDE}×{MAX_SIDE}. Received: {received}")


def _check_header(content: bytes, kinds: Sequence[str]) -> None:
    kind = next((kind for kind, is_one in _STARTS.items() if is_one(content)), "something else")
    if kind not in kinds:
        raise _UnfitError(kind)
    try:
        width, height = _SIZES[kind](content)
    except (struct.error, IndexError) as error:
        raise _UnfitError("a header that breaks off") from error
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise _UnfitError(f"{width}×{height}")


def _jpeg_size(content: bytes) -> tuple[int, int]:
    place = 2
    while content[place] == 0xFF:
        marker = content[place + 1]
        if marker in _JPEG_SIZES:
            return _jpeg_frame_size(content, place)
        if marker == 0xFF:  # padding
            place += 1
        elif marker in _JPEG_BARE:
            place += 2
        else:
            place += 2 + struct.unpack_from(">H", content, place + 2)[0]  # 0 or 1, which decoders refuse, lead to no 0xFF
    raise _UnfitError("a JPEG with a damaged header")


def _jpeg_frame_size(content: bytes, place: int) -> tuple[int, int]:
    marker, _, depth, height, width, channels = struct.unpack_from(">xBHBHHB", content, place)
    if marker not in _JPEG_PLAIN or depth != 8 or channels not in (1, 3):
        raise _UnfitError("a JPEG of another depth or kind of colour")
    if content.count(_JPEG_SCAN) > _MOST_SCANS:
        raise _UnfitError("a JPEG of too many scans")
    return width, height


def _png_size(content: bytes) -> tuple[int, int]:
    kind, width, height, depth, colour = struct.unpack_from(">4sIIBB", content, 12)
    if kind != b"IHDR" or depth != 8 or colour not in _PNG_COLOURS:
        raise _UnfitError("a PNG of another depth or kind of colour")
    _check_chunks(content)
    return width, height


def _check_chunks(content: bytes) -> None:
    place = len(_PNG_START)
    for _ in range(_MOST_CHUNKS):
        if place + 4 > len(content):
            return
        place += 12 + int.from_bytes(content[place : place + 4], "big")
    raise _UnfitError("a PNG of too many chunks")


def _webp_size(content: bytes) -> tuple[int, int]:
    kind = content[12:16]
    if kind == b"VP8X":
        flags, wide, wider, high, higher = struct.unpack_from("<B3xHBHB", content, 20)
        if flags & _WEBP_ANIMATED:
            raise _UnfitError("an animation")
        return 1 + (wide | wider << 16), 1 + (high | higher << 16)
    if kind == b"VP8L" and content[20] == 0x2F:
        (bits,) = struct.unpack_from("<I", content, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and content[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", content, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise _UnfitError("a WebP of an unknown kind")


_STARTS: dict[str, Callable[[bytes], bool]] = {
    "JPEG": lambda content: content.startswith(b"\xff\xd8\xff"),
    "PNG": lambda content: content.startswith(_PNG_START),
    "WebP": lambda content: content[:4] == b"RIFF" and content[8:12] == b"WEBP",
}
_SIZES: dict[str, Callable[[bytes], tuple[int, int]]] = {"JPEG": _jpeg_size, "PNG": _png_size, "WebP": _webp_size}
