"""Reads pictures from files and bytes: always RGB uint8 (H, W, 3), upright, or one clear error."""

import io
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image

from fersys.errors import ImageError
from fersys.memory import DEEP_MODES, ORIENTATION, Content, find_scan, opened_content, pillow_pixels, plain_pixels
from fersys.results import Image

MAX_PIXELS = 50_000_000
# What photos come in (JPEG stands for MPO too). Others are left out on purpose: Pillow would hand EPS to an interpreter of PostScript.
_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
# What Pillow raises on damaged files: its AVIF reader RuntimeError, odd EXIF data TypeError, and so on.
_DAMAGED = (OSError, SyntaxError, ValueError, RuntimeError, TypeError, EOFError, struct.error, cv2.error)
_BOMB = (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning)  # the second where warnings are made errors
_STRIP = 1 << 20  # pixels that are converted at once

_PLAIN = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
_JPEG_END, _JPEG_SCAN = b"\xff\xd9", b"\xff\xda"
_MOST_SCANS = 48  # of a JPEG: encoders write ten at most, a few bytes each cost the decoder a pass over the whole picture
_PNG_START = b"\x89PNG\r\n\x1a\n"
# Chunks of a PNG: the pixels, and how the data that may hold an orientation begins.
_PNG_PIXELS, _PNG_EXIF = b"IDAT", b"eXIf"
_PNG_NOTES = (b"Raw profile type exif\0", b"XML:com.adobe.xmp\0")
_NOTE = max(map(len, _PNG_NOTES))

# From how the camera stored the picture to the upright one, by EXIF orientation. They return views.
_TURNS: dict[int, Callable[[Image], Image]] = {
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.transpose(1, 0, 2),
    6: lambda image: image[::-1].transpose(1, 0, 2),
    7: lambda image: image[::-1, ::-1].transpose(1, 0, 2),
    8: lambda image: image[:, ::-1].transpose(1, 0, 2),
}


def read_image(source: str | Path | bytes, max_pixels: int = MAX_PIXELS, name: str = "the uploaded file") -> Image:
    """Read a picture, turn it upright by its EXIF data and convert it to RGB.

    Transparent parts become white; of an animation the first frame is taken; 16 bits are
    scaled to 8. Takes at most `fersys.memory.MAX_MEMORY`: enough for 50 megapixels of JPEG, of PNG without
    transparency and of gray, for 41 of most else, for 29 of progressive JPEG, for 18 of WebP and AVIF,
    for 13 of JPEG 2000 (10 with transparency); a TIFF that lies in its file in one piece, or is to be
    turned, takes about half as much again as one in strips.

    Args:
        source: path of a file, or the file's content.
        max_pixels: larger pictures are refused by their header, before they are decoded.
        name: what errors call the picture, if its content was given.

    Returns:
        RGB uint8 (H, W, 3).

    Raises:
        ImageError: if it is missing, no picture, damaged, or larger than allowed.
    """
    if not isinstance(source, str | Path | bytes):
        raise ImageError(f"Expected the path of a picture, or its content in bytes. Received: {type(source).__name__}")
    name = name if isinstance(source, bytes) else str(source)
    try:
        image, size, orientation = _decode(source, max_pixels, name)
        stored = _decode_plain(source, size) if image is None else image
        return np.ascontiguousarray(_TURNS[orientation](stored)) if orientation in _TURNS else stored
    except FileNotFoundError as error:
        raise ImageError(f"No such picture. Received: {name}") from error
    except _BOMB as error:
        raise ImageError(f"{name} is too large: expected at most {max_pixels / 1e6:g} megapixels. Received: more than that") from error
    except _DAMAGED as error:
        raise ImageError(f"Not a picture that can be read: expected JPEG, PNG, WebP and the like. Received: {name}") from error


def _decode(source: str | Path | bytes, max_pixels: int, name: str) -> tuple[Image | None, tuple[int, int], Any]:
    """The picture as it is stored, its size and orientation; no picture if `_decode_plain` is to read it, when Pillow's memory is free again."""
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    with PIL.Image.open(file, formats=_FORMATS) as picture, opened_content(source) as content:
        _check_scans(picture, content, name)
        pixels, readable = picture.width * picture.height, pillow_pixels(picture, content)
        allowed = min(max_pixels, max(readable, plain_pixels(picture, content)))
        if pixels > allowed:
            kind = "" if allowed == max_pixels else f" of {picture.format} in mode {picture.mode}, stored like this"
            raise ImageError(f"{name} is too large: expected at most {allowed / 1e6:.3g} megapixels{kind}. Received: {picture.width}×{picture.height}")
        if pixels > readable:
            return None, picture.size, _header_orientation(picture, content)
        image = _to_rgb(picture)
        return image, picture.size, picture.getexif().get(ORIENTATION, 1)  # asked now: of a TIFF, Pillow turns the picture and drops this


def _check_scans(picture: PIL.Image.Image, content: Content, name: str) -> None:
    """Refuse a JPEG that would keep the decoder busy for minutes; the mark cannot stand within a scan's own data."""
    start = -1
    for _ in range(_MOST_SCANS + 1 if picture.format in ("JPEG", "MPO") else 0):
        start = content.find(_JPEG_SCAN, start + 1)
        if start < 0:
            return
    if start >= 0:
        raise ImageError(f"{name} is made to keep computers busy: expected a JPEG of at most {_MOST_SCANS} scans. Received: more than that")


def _header_orientation(picture: PIL.Image.Image, content: Content) -> Any:
    """Pillow decodes every PNG before it tells of its EXIF data, since they may come after the pixels: only if they do, here."""
    if picture.format == "PNG" and not _has_late_notes(content):
        return PIL.Image.Image.getexif(picture).get(ORIENTATION, 1)
    return picture.getexif().get(ORIENTATION, 1)


def _has_late_notes(content: Content) -> bool:
    """Whether a PNG may have an orientation after its pixels."""
    late = False
    for kind, begin, _ in _chunks(content):
        if late and (kind == _PNG_EXIF or content[begin : begin + _NOTE].startswith(_PNG_NOTES)):
            return True
        late |= kind == _PNG_PIXELS
    return False


def _chunks(content: Content) -> Iterator[tuple[bytes, int, int]]:
    """Of each chunk of a PNG its kind, where its data begin, and where the next one begins."""
    place = len(_PNG_START)
    while len(kind := content[place + 4 : place + 8]) == 4:
        begin, place = place + 8, place + 12 + int.from_bytes(content[place : place + 4], "big")
        yield kind, begin, place


def _decode_plain(source: str | Path | bytes, size: tuple[int, int]) -> Image:
    """Read with OpenCV: from a file straight into place, from bytes in twice the memory."""
    if isinstance(source, bytes):
        return _from_bytes(np.frombuffer(source, np.uint8))
    width, height = size
    image = np.empty((height, width, 3), np.uint8)
    if _is_whole(Path(source)) and cv2.imread(str(source), image, _PLAIN) is image:
        return image
    del image
    return _from_bytes(np.fromfile(source, np.uint8))  # it breaks off, or lies on a path that OpenCV cannot open, on Windows


def _from_bytes(content: npt.NDArray[np.uint8]) -> Image:
    image = cv2.imdecode(content, _PLAIN)
    if image is None:
        raise ValueError("the data ends or breaks off")
    return np.asarray(image, dtype=np.uint8)


def _is_whole(path: Path) -> bool:
    """Whether a JPEG's first image has an end, or all chunks of a PNG. From a file OpenCV takes half an image for whole, from bytes it does not."""
    with opened_content(path) as content:
        if content[: len(_PNG_START)] == _PNG_START:
            return all(end <= len(content) for _, _, end in _chunks(content))
        return content.find(_JPEG_END, find_scan(content)) >= 0


def _to_rgb(picture: PIL.Image.Image) -> Image:
    """Convert strip by strip: Pillow would hold the picture twice or three times."""
    picture.load()
    wide = picture.mode == "I" and bool(np.max(picture.getextrema()) > 255)  # 32 bits hold what 16 or 8 could: some files of 16 bits come this way
    image = np.empty((picture.height, picture.width, 3), np.uint8)
    rows = max(1, _STRIP // picture.width)
    for top in range(0, picture.height, rows):
        strip = picture.crop((0, top, picture.width, min(top + rows, picture.height)))
        image[top : top + rows] = np.asarray(_strip_to_rgb(strip, wide))
    return image


def _strip_to_rgb(strip: PIL.Image.Image, wide: bool) -> PIL.Image.Image:
    if strip.mode in DEEP_MODES:
        return PIL.Image.fromarray((np.asarray(strip) >> 8).astype(np.uint8)).convert("RGB")
    if strip.mode == "I":
        values = np.asarray(strip).clip(0, 65_535)
        return PIL.Image.fromarray((values >> 8 if wide else values).astype(np.uint8)).convert("RGB")
    if not strip.has_transparency_data:
        return strip.convert("RGB")
    layered = strip.convert("RGBA")
    return PIL.Image.alpha_composite(PIL.Image.new("RGBA", layered.size, "white"), layered).convert("RGB")


def check_image(image: Image) -> None:
    """Raise ImageError unless the array is an RGB uint8 image (H, W, 3) with H, W ≥ 1."""
    if not isinstance(image, np.ndarray):
        raise ImageError(f"Expected an RGB uint8 array (H, W, 3). Received: {type(image).__name__}")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ImageError(f"Expected an RGB uint8 array (H, W, 3). Received: {image.dtype} {image.shape}")
