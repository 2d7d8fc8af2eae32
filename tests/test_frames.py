"""Frames from a camera: what is let through to a decoder, and what is refused by its header."""

import io
import struct
from typing import Any

import numpy as np
import PIL.Image
import pytest

from app import frames
from app.frames import MAX_BYTES, MAX_SIDE, read_frame
from fersys.errors import ImageError
from fersys.results import Image
from tests.made_jpegs import in_three_scans


def encoded(kind: str, size: tuple[int, int] = (64, 48), **options: Any) -> bytes:
    file = io.BytesIO()
    PIL.Image.new("RGB", size, (200, 90, 40)).save(file, kind, **options)
    return file.getvalue()


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What reached the decoder."""
    seen: list[bytes] = []

    def decode(content: bytes, *_: object) -> Image:
        seen.append(content)
        return np.zeros((1, 1, 3), np.uint8)

    monkeypatch.setattr(frames, "read_image", decode)
    return seen


@pytest.mark.parametrize(
    "content",
    [
        encoded("JPEG"),
        encoded("JPEG", progressive=True),
        encoded("WEBP"),
        encoded("WEBP", lossless=True),
        encoded("WEBP", exif=b"Exif\0\0"),
        in_three_scans(64, 48),
    ],
    ids=["jpeg", "progressive", "webp", "lossless", "extended", "scans"],
)
def test_what_browsers_send_is_read(content: bytes) -> None:
    image = read_frame(content)
    assert image.shape == (48, 64, 3)
    assert image.dtype == np.uint8


def test_colours_come_as_rgb() -> None:
    assert np.abs(read_frame(encoded("JPEG", quality=95)).mean(axis=(0, 1)) - (200, 90, 40)).max() < 3


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "TIFF", "PPM"])
def test_other_kinds_never_reach_a_decoder(kind: str, decoded: list[bytes]) -> None:
    with pytest.raises(ImageError, match="something else"):
        read_frame(encoded(kind))
    assert decoded == []


def test_a_kind_that_is_not_taken_is_refused(decoded: list[bytes]) -> None:
    with pytest.raises(ImageError, match="Received: WebP"):
        read_frame(encoded("WEBP"), kinds=("JPEG",))
    assert decoded == []


def header_of_a_webp(kind: bytes, width: int, height: int) -> bytes:
    bodies = {
        b"VP8X": bytes(4) + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3],
        b"VP8L": b"\x2f" + struct.pack("<I", width - 1 | height - 1 << 14),
        b"VP8 ": b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height),
    }
    return b"RIFF\0\0\0\0WEBP" + kind + bytes(4) + bodies[kind]


@pytest.mark.parametrize("kind", [b"VP8X", b"VP8L", b"VP8 "])
@pytest.mark.parametrize(("size", "taken"), [((MAX_SIDE, MAX_SIDE), True), ((MAX_SIDE + 1, 8), False), ((8, MAX_SIDE + 1), False)])
def test_a_webp_is_taken_up_to_its_largest_size(kind: bytes, size: tuple[int, int], taken: bool, decoded: list[bytes]) -> None:
    content = header_of_a_webp(kind, *size)
    if taken:
        read_frame(content)
    else:
        with pytest.raises(ImageError, match=f"{size[0]}×{size[1]}"):
            read_frame(content)
    assert len(decoded) == taken


@pytest.mark.parametrize(("size", "taken"), [((MAX_SIDE, 8), True), ((MAX_SIDE + 1, 8), False), ((8, MAX_SIDE + 1), False)])
def test_a_jpeg_is_taken_up_to_its_largest_size(size: tuple[int, int], taken: bool, decoded: list[bytes]) -> None:
    content = encoded("JPEG", size)
    if taken:
        read_frame(content)
    else:
        with pytest.raises(ImageError, match=f"{size[0]}×{size[1]}"):
            read_frame(content)
    assert len(decoded) == taken


def test_an_animation_is_refused(decoded: list[bytes]) -> None:
    pictures = [PIL.Image.new("RGB", (32, 32), shade) for shade in ("red", "blue")]
    file = io.BytesIO()
    pictures[0].save(file, "WEBP", save_all=True, append_images=pictures[1:])
    with pytest.raises(ImageError, match="animation"):
        read_frame(file.getvalue())
    assert decoded == []


def test_twelve_bits_are_refused(decoded: list[bytes]) -> None:
    content = bytearray(encoded("JPEG"))
    content[content.index(b"\xff\xc0") + 4] = 12
    with pytest.raises(ImageError, match="depth"):
        read_frame(bytes(content))
    assert decoded == []


def test_four_channels_are_refused(decoded: list[bytes]) -> None:
    file = io.BytesIO()
    PIL.Image.new("CMYK", (32, 32)).save(file, "JPEG")
    with pytest.raises(ImageError, match="colour"):
        read_frame(file.getvalue())
    assert decoded == []


def test_too_many_bytes_are_refused(decoded: list[bytes]) -> None:
    with pytest.raises(ImageError, match="513 KB"):
        read_frame(encoded("JPEG").ljust(MAX_BYTES + 1024, b"\0"))
    assert decoded == []


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_a_frame_that_breaks_off_anywhere_is_an_error_of_ours(kind: str) -> None:
    content = encoded(kind)
    for length in range(len(content) - 2):
        with pytest.raises(ImageError):
            read_frame(content[:length])


def test_a_jpeg_header_of_padding_alone_ends() -> None:
    with pytest.raises(ImageError, match="breaks off"):
        read_frame(b"\xff\xd8\xff" + b"\xff" * 1000)


def test_a_segment_without_a_length_of_its_own_does_not_stand_still() -> None:
    with pytest.raises(ImageError):
        read_frame(b"\xff\xd8" + b"\xff\xe0\x00\x00" * 200)
