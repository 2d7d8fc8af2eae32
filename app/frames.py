"""A frame from a visitor's camera: its header is checked before any decoder sees it, then it is decoded within bounds.

To take another kind of picture: a line in `_SIZES`.
"""

import struct
from collections.abc import Callable, Collection

from fersys.errors import ImageError
from fersys.images import read_image
from fersys.results import Image

MAX_BYTES = 512 * 1024
MAX_SIDE = 1920
LIVE = ("JPEG", "WebP")  # what browsers make of a canvas, in a size fit to be sent
_JPEG_SIZES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # segments that hold the size
_JPEG_PLAIN = (0xC0, 0xC1, 0xC2)  # of them, those that browsers write
_JPEG_BARE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
_WEBP_ANIMATED = 0x02


def read_frame(content: bytes, kinds: Collection[str] = LIVE) -> Image:
    """Decode a frame.

    Args:
        content: a picture of 8 bits a channel, at most `MAX_BYTES` long and `MAX_SIDE` × `MAX_SIDE` large.
        kinds: of JPEG and WebP, which are taken.

    Returns:
        RGB uint8 (H, W, 3).

    Raises:
        ImageError: if it is something else or damaged. Nothing was decoded unless the header kept within bounds.
    """
    if len(content) > MAX_BYTES:
        raise _wrong(f"{len(content) // 1024} KB")
    try:
        width, height = _size(content, kinds)
    except (struct.error, IndexError) as error:
        raise _wrong("a header that breaks off") from error
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise _wrong(f"{width}×{height}")
    return read_image(content, MAX_SIDE * MAX_SIDE, "the frame")


def _wrong(received: str) -> ImageError:
    return ImageError(f"Frame: expected JPEG or WebP of 8 bits, at most {MAX_BYTES // 1024} KB and {MAX_SIDE}×{MAX_SIDE}. Received: {received}")


def _size(content: bytes, kinds: Collection[str]) -> tuple[int, int]:
    """Width and height, as the header says them."""
    kind = "JPEG" if content.startswith(b"\xff\xd8\xff") else "WebP" if content[:4] == b"RIFF" and content[8:12] == b"WEBP" else "something else"
    if kind not in kinds:
        raise _wrong(kind)
    return _SIZES[kind](content)


def _jpeg_size(content: bytes) -> tuple[int, int]:
    place = 2
    while content[place] == 0xFF:
        marker = content[place + 1]
        if marker in _JPEG_SIZES:
            depth, height, width, channels = struct.unpack_from(">BHHB", content, place + 4)
            if marker not in _JPEG_PLAIN or depth != 8 or channels not in (1, 3):
                raise _wrong("a JPEG of another depth or kind of colour")
            return width, height
        if marker == 0xFF:  # padding
            place += 1
        else:
            place += 2 + (0 if marker in _JPEG_BARE else struct.unpack_from(">H", content, place + 2)[0])
    raise _wrong("a JPEG with a damaged header")


def _webp_size(content: bytes) -> tuple[int, int]:
    kind = content[12:16]
    if kind == b"VP8X" and not content[20] & _WEBP_ANIMATED:
        return 1 + int.from_bytes(content[24:27], "little"), 1 + int.from_bytes(content[27:30], "little")
    if kind == b"VP8L" and content[20] == 0x2F:
        (bits,) = struct.unpack_from("<I", content, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and content[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", content, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise _wrong("an animation, or a WebP of an unknown kind")


_SIZES: dict[str, Callable[[bytes], tuple[int, int]]] = {"JPEG": _jpeg_size, "WebP": _webp_size}
