"""Pictures that are made to hurt whoever decodes them, and what each takes: memory and time.

To add one: a line in `corpus`. Memory is the growth of the process's own peak, which Linux alone can set back.
"""

import io
import struct
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import PIL.Image

from app.captcha.frames import MAX_SIDE, read_frame
from app.captcha.refusals import RefusedError

_HUGE = 13_000
_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_TRIALS = 3  # the median counts: a busy machine slows one of them
_TEXTS = {
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9e9" height="9e9"/>',
    "html": b"<!doctype html><img src=x>",
    "pdf": b"%PDF-1.7\n%%EOF",
    "ps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "xml": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>',
    "zip": b"PK\x03\x04" + bytes(60),
    "gz": zlib.compress(bytes(10**6), wbits=31),
    "mp4": b"\0\0\0\x18ftypisom" + bytes(60),
    "heic": b"\0\0\0\x18ftypheic" + bytes(60),
    "jxl": b"\xff\x0a" + bytes(60),
    "webm": b"\x1aE\xdf\xa3" + bytes(60),
    "riff": b"RIFF\x24\0\0\0WAVEfmt " + bytes(60),
    "elf": b"\x7fELF" + bytes(60),
    "pickle": b"\x80\x04]\x94.",
    "nothing": b"",
}


@dataclass(frozen=True)
class Taken:
    """What a picture took.

    Attributes:
        name: of the picture.
        size: of its file, in bytes.
        seconds: until it was read or refused, median of some trials.
        growth: of the process's peak memory, in bytes, the most of the trials; None where it cannot be told.
        is_read: whether it was decoded; else it was refused.
    """

    name: str
    size: int
    seconds: float
    growth: int | None
    is_read: bool


def measure() -> list[Taken]:
    """Read every picture of the corpus."""
    read_frame(_encode("JPEG"))  # the decoders' own start is not a picture's
    return [_take(name, content) for name, content in corpus()]


def _take(name: str, content: bytes) -> Taken:
    trials = [_read(content) for _ in range(_TRIALS)]
    growths = [growth for _, growth, _ in trials if growth is not None]
    return Taken(name, len(content), sorted(seconds for seconds, _, _ in trials)[_TRIALS // 2], max(growths, default=None), trials[0][2])


def _read(content: bytes) -> tuple[float, int | None, bool]:
    before, begun = _reset_peak(), time.perf_counter()
    try:
        read_frame(content)
        is_read = True
    except RefusedError:
        is_read = False
    seconds = time.perf_counter() - begun
    return seconds, None if before is None else _memory("VmHWM") - before, is_read


def _reset_peak() -> int | None:
    try:
        _RESET.write_text("5")
        return _memory("VmRSS")
    except OSError:
        return None


def _memory(field: str) -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024


def corpus() -> Iterator[tuple[str, bytes]]:
    """Yield each picture's name and content."""
    yield from _bombs()
    yield from _largest()
    yield from _odd()
    yield from _truncated()
    yield from _formats()


def _bombs() -> Iterator[tuple[str, bytes]]:
    yield f"png {_HUGE}×{_HUGE}, whole", _huge_png()
    jpeg, webp, canvas = _encode("JPEG"), _encode("WEBP", lossless=True), _encode("WEBP", mode="RGBA", exif=b"Exif\0\0")
    place = jpeg.index(b"\xff\xc0") + 5
    yield "jpeg that says 65500×65500", jpeg[:place] + struct.pack(">HH", 65_500, 65_500) + jpeg[place + 4 :]
    yield "webp that says 16383×16383", webp[:21] + struct.pack("<I", 0x3FFF << 14 | 0x3FFE) + webp[25:]
    yield "webp, a canvas of 2^24×2^24", canvas[:24] + b"\xff" * 6 + canvas[30:]
    yield "png that says 2^31×2^31", _png(2**31 - 1, 2**31 - 1, b"")
    yield f"png {MAX_SIDE}×{MAX_SIDE} with 200 MB of pixels", _png(MAX_SIDE, MAX_SIDE, _zeros(200))
    for kind in (b"zTXt", b"iCCP", b"iTXt"):
        note = b"a\0\0" + (b"\1\0\0\0" if kind == b"iTXt" else b"") + _zeros(200)
        yield f"png with 200 MB in {kind.decode()}", _png(64, 64, zlib.compress(bytes(64 * 193)), _chunk(kind, note))
    yield "png of 40,000 empty chunks", _png(64, 64, zlib.compress(bytes(64 * 193)), _chunk(b"teXt", b"") * 40_000)
    for scans in (16, 1_000, 30_000):
        yield f"jpeg {MAX_SIDE}×{MAX_SIDE} of {scans} scans", _scans(scans)


def _huge_png() -> bytes:
    packer = zlib.compressobj(9)
    row = bytes(_HUGE * 3 + 1)
    return _png(_HUGE, _HUGE, b"".join(packer.compress(row) for _ in range(_HUGE)) + packer.flush())


def _zeros(megabytes: int) -> bytes:
    packer, block = zlib.compressobj(9), bytes(1 << 20)
    return b"".join(packer.compress(block) for _ in range(megabytes)) + packer.flush()


def _png(width: int, height: int, pixels: bytes, before: bytes = b"") -> bytes:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + before + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _scans(count: int) -> bytes:
    """A progressive JPEG with its last scan again and again: a few bytes each, and a pass over the whole picture."""
    whole = _encode("JPEG", (MAX_SIDE, MAX_SIDE), progressive=True)
    first, last = whole.count(b"\xff\xda"), whole[whole.rindex(b"\xff\xda") : -2]
    return whole[:-2] + last * (count - first) + whole[-2:]


def _largest() -> Iterator[tuple[str, bytes]]:
    """The most that is let through: as large as may be, and with something in it."""
    side = (MAX_SIDE, MAX_SIDE)
    for mode in ("RGB", "RGBA", "L"):
        yield f"png {mode} {MAX_SIDE}×{MAX_SIDE}", _encode("PNG", side, mode)
    jpegs: tuple[dict[str, Any], ...] = ({}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_blocks": 1})
    for options in jpegs:
        yield f"jpeg {MAX_SIDE}×{MAX_SIDE} {options}", _encode("JPEG", side, pattern=True, quality=30, **options)
    noise = PIL.Image.effect_noise(side, 40).convert("RGB")
    for kind, options in (("JPEG", {"quality": 8}), ("WEBP", {"quality": 1, "method": 0})):
        buffer = io.BytesIO()
        noise.save(buffer, kind, **options)
        yield f"{kind.lower()} {MAX_SIDE}×{MAX_SIDE} of noise", buffer.getvalue()
    webps: tuple[dict[str, Any], ...] = ({}, {"lossless": True})
    for options in webps:
        yield f"webp {MAX_SIDE}×{MAX_SIDE} {options}", _encode("WEBP", side, pattern=True, quality=30, method=0, **options)


def _odd() -> Iterator[tuple[str, bytes]]:
    for kind, modes in {"PNG": ("1", "L", "LA", "P", "I;16", "RGBA"), "JPEG": ("L", "CMYK"), "WEBP": ("RGBA",)}.items():
        for mode in modes:
            yield f"{kind.lower()} {mode}", _encode(kind, mode=mode)


def _truncated() -> Iterator[tuple[str, bytes]]:
    for kind in ("PNG", "JPEG", "WEBP"):
        whole = _encode(kind, (1280, 720), pattern=True)
        for percent in (1, 10, 50, 99):
            yield f"{kind.lower()}, {percent} % of it", whole[: len(whole) * percent // 100]


def _formats() -> Iterator[tuple[str, bytes]]:
    """Whatever else Pillow can write, and what is no picture."""
    PIL.Image.init()
    for kind in sorted(set(PIL.Image.SAVE) - {"PNG", "JPEG", "WEBP"}):
        for mode in ("RGB", "L", "1", "P"):
            try:
                content = _encode(kind, mode=mode)
            except (OSError, ValueError, KeyError, TypeError, RuntimeError):
                continue  # not in this mode, or not on this machine
            yield kind.lower(), content
            break
    yield from _TEXTS.items()


def _encode(kind: str, size: tuple[int, int] = (64, 48), mode: str = "RGB", pattern: bool = False, **options: Any) -> bytes:
    picture = PIL.Image.radial_gradient("L").resize(size).convert(mode) if pattern else PIL.Image.new(mode, size)
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()
