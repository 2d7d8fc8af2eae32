"""How much memory a picture takes while it is read, told by its header, before it is decoded."""

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import PIL.Image
from PIL.TiffImagePlugin import (
    BITSPERSAMPLE,
    COMPRESSION,
    IMAGELENGTH,
    IMAGEWIDTH,
    ROWSPERSTRIP,
    SAMPLESPERPIXEL,
    STRIPBYTECOUNTS,
    TILEBYTECOUNTS,
    TILELENGTH,
    TILEWIDTH,
    ImageFileDirectory_v2,
    TiffImageFile,
)

MAX_MEMORY = 300 << 20  # bytes that reading a picture may take beside the file's content
Content = bytes | mmap.mmap

DEEP_MODES = ("I;16", "I;16B", "I;16L", "I;16N")
ORIENTATION = 0x0112  # EXIF's tag, and TIFF's
RGB_BYTES = 3
_PILLOW_BESIDE = 20 << 20  # what Pillow holds however small the picture
# Bytes a pixel in Pillow's memory, by mode.
_MODE_BYTES = {"1": 1, "L": 1, "P": 1, **dict.fromkeys(DEEP_MODES, 2)}
_ANY_MODE_BYTES = 4
# Where decoders keep copies of their own: bytes a pixel with the picture's, the most that was measured at 4 to
# 50 megapixels, by format or by the name that Pillow gives the decoder.
_DECODER_BYTES = {"AVIF": 16, "WEBP": 16, "ppm": 12, "ppm_plain": 12}
_OPENJPEG_BYTES = 4  # a sample, beside the sample itself
_COEFFICIENT_BYTES = 2  # a sample, in libjpeg
_LIBTIFF_RGBA = 4  # bytes a pixel of a strip that libtiff converts itself
_TIFF_JPEGS = (6, 7)  # the values of TIFF's tag Compression that mean JPEG

_JPEG_SCAN = 0xDA


@contextmanager
def opened_content(source: str | Path | bytes) -> Iterator[Content]:
    """Hand out the bytes of a file without reading those that nobody asks for; bytes as they are.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is empty.
    """
    if isinstance(source, bytes):
        yield source
        return
    with Path(source).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        yield content


def pillow_pixels(picture: PIL.Image.Image, content: Content) -> int:
    """Return how many pixels of its kind Pillow can read in `MAX_MEMORY`.

    It takes the most while it decodes, while it turns the picture (TIFF), or while the pixels are copied out of it.

    Args:
        picture: opened, not decoded.
        content: its file's bytes.
    """
    held = _MODE_BYTES.get(picture.mode, _ANY_MODE_BYTES)
    return int((MAX_MEMORY - _PILLOW_BESIDE) // max(_decoding(picture, content, held), held + RGB_BYTES))


def plain_pixels(picture: PIL.Image.Image, content: Content) -> int:
    """Return how many pixels of its kind OpenCV can read in `MAX_MEMORY`, to the same result as Pillow; 0: it would be another.

    Args:
        picture: opened, not decoded.
        content: its file's bytes.
    """
    simple = picture.mode == "RGB" and not picture.has_transparency_data
    if picture.format == "PNG":
        simple = simple and not getattr(picture, "is_animated", False)  # of an animation OpenCV holds several frames
    elif picture.format in {"JPEG", "MPO"}:
        simple = simple and not _in_several_scans(picture, content)
    else:
        return 0
    return MAX_MEMORY // (2 * RGB_BYTES) if simple else 0


def find_scan(content: Content) -> int:
    """Return where the first scan of a JPEG begins, at its marker FF DA; elsewhere if the file is damaged."""
    place = 2
    while content[place : place + 1] == b"\xff" and place + 1 < len(content) and content[place + 1] != _JPEG_SCAN:
        filled = content[place + 1] == 0xFF  # any number of FF may stand before a marker
        place += 1 if filled else 2 + int.from_bytes(content[place + 2 : place + 4], "big")
    return place


def _decoding(picture: PIL.Image.Image, content: Content, held: int) -> float:
    """Bytes a pixel, the picture's own among them."""
    bands = len(picture.getbands())
    if picture.format == "JPEG2000":
        return held + bands * (_OPENJPEG_BYTES + (1 if picture.mode in {"L", "P"} else 2))  # Pillow does not say whether colours have 8 bits or 16
    if picture.format in {"JPEG", "MPO"}:
        return held + _COEFFICIENT_BYTES * bands * _in_several_scans(picture, content)
    if isinstance(picture, TiffImageFile):
        turned = picture.getexif().get(ORIENTATION, 1) != 1
        return held * (2 if turned else 1) + _libtiff_bytes(picture, len(content))
    return max(_DECODER_BYTES.get(picture.format or "", 0), _DECODER_BYTES.get(_decoder(picture), 0))


def _decoder(picture: PIL.Image.Image) -> str:
    tiles = getattr(picture, "tile", ())
    return str(tiles[0][0]) if tiles else ""


def _in_several_scans(picture: PIL.Image.Image, content: Content) -> bool:
    """Whether libjpeg holds the coefficients of the whole JPEG, since each scan brings a part of them."""
    scan = find_scan(content)
    components = content[scan + 4 : scan + 5] if content[scan + 1 : scan + 2] == bytes([_JPEG_SCAN]) else b""
    return "progressive" in picture.info or components != bytes([len(picture.getbands())])


def _libtiff_bytes(picture: TiffImageFile, size: int) -> float:
    """Bytes a pixel of the picture for its largest strip or tile, compressed and not: libtiff holds it whole, and some files have a single one."""
    if _decoder(picture) != "libtiff":
        return 0
    tags = picture.tag_v2
    width, height = int(tags.get(TILEWIDTH, tags[IMAGEWIDTH])), int(tags[IMAGELENGTH])
    rows = int(tags.get(TILELENGTH, min(height, int(tags.get(ROWSPERSTRIP, height)))))
    sizes = tags.get(TILEBYTECOUNTS) or tags.get(STRIPBYTECOUNTS) or (0,)
    return float(width * rows * _decoded_bytes(tags) + min(size, max(map(int, sizes)))) / (picture.width * picture.height)


def _decoded_bytes(tags: ImageFileDirectory_v2) -> float:
    """Bytes a pixel of a strip or tile that was decoded."""
    samples = int(tags.get(SAMPLESPERPIXEL, 1))
    stored = samples * max(map(int, tags.get(BITSPERSAMPLE, (1,)))) / 8
    return max(_LIBTIFF_RGBA, stored) + samples * _COEFFICIENT_BYTES * (tags.get(COMPRESSION) in _TIFF_JPEGS)
