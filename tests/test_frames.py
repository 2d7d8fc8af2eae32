"""Frames from a camera: what is let through to a decoder, and what is refused by its header."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import PIL.Image
import pytest

from app import frames
from app.frames import MAX_BYTES, MAX_SIDE, read_frame
from fersys.errors import ImageError
from fersys.results import Image
from tests.made_jpegs import in_three_scans

EXIF = b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"  # with no tag in it: Pillow leaves out less
EVERY = ("JPEG", "PNG", "WebP")


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
        encoded("WEBP", exif=EXIF),
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


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "PPM"])
def test_other_kinds_never_reach_a_decoder(kind: str, decoded: list[bytes]) -> None:
    for kinds in (frames.LIVE, EVERY):
        with pytest.raises(ImageError, match="something else"):
            read_frame(encoded(kind), kinds)
    assert decoded == []


@pytest.mark.parametrize("kind", EVERY)
def test_a_kind_is_taken_only_where_it_is_named(kind: str, decoded: list[bytes]) -> None:
    content, others = encoded(kind.upper()), [other for other in EVERY if other != kind]
    with pytest.raises(ImageError, match=f"expected a {' or '.join(others)} of 8 bits.* Received: {kind}"):
        read_frame(content, others)
    assert decoded == []
    read_frame(content, [kind])
    assert decoded == [content]


def test_the_live_view_takes_no_png(decoded: list[bytes]) -> None:
    with pytest.raises(ImageError, match=r"expected a JPEG or WebP of 8 bits, at most 1920×1920\. Received: PNG"):
        read_frame(encoded("PNG"))
    assert decoded == []


def test_what_a_decoder_cannot_read_is_called_damaged() -> None:
    content = encoded("JPEG")
    with pytest.raises(ImageError, match=r"Frame: .*Received: one that is damaged"):
        read_frame(content[: content.index(b"\xff\xda") + 12])


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


@pytest.mark.parametrize("length", [0, 1])
def test_a_segment_shorter_than_its_own_length_is_refused(length: int, decoded: list[bytes]) -> None:
    """Decoders refuse it; whoever steps over it, or into it, may come to another size than they do."""
    content = encoded("JPEG")
    for count in (1, 200):
        with pytest.raises(ImageError, match="a JPEG with a damaged header"):
            read_frame(content[:2] + (b"\xff\xe0" + struct.pack(">H", length)) * count + content[2:])
    read_frame(content[:2] + b"\xff\xe0\x00\x02" * 200 + content[2:])
    assert len(decoded) == 1


@pytest.mark.parametrize("kind", [b"VP8X", b"VP8L", b"VP8 "])
def test_a_webp_whose_header_breaks_off_never_reaches_a_decoder(kind: bytes, decoded: list[bytes]) -> None:
    whole = header_of_a_webp(kind, 64, 48)
    for length in range(len(whole)):
        with pytest.raises(ImageError):
            read_frame(whole[:length])
    assert decoded == []


@pytest.mark.parametrize("size", [(65_600, 8), (8, 65_600), (2**24, 2**24)])
def test_all_24_bits_of_an_extended_webp_s_size_count(size: tuple[int, int], decoded: list[bytes]) -> None:
    content = header_of_a_webp(b"VP8X", 8, 8)[:24] + b"".join((side - 1).to_bytes(3, "little") for side in size)
    with pytest.raises(ImageError, match=f"{size[0]}×{size[1]}"):
        read_frame(content)
    assert decoded == []


@pytest.mark.parametrize("said", [(64, 48), (MAX_SIDE, MAX_SIDE)])
def test_a_webp_that_holds_another_size_than_it_says_is_refused(said: tuple[int, int]) -> None:
    content = encoded("WEBP", (4000, 900), exif=EXIF)
    assert content[12:16] == b"VP8X"
    with pytest.raises(ImageError, match="damaged"):
        read_frame(content[:24] + header_of_a_webp(b"VP8X", *said)[24:] + content[30:])


def test_a_jpeg_of_ten_scans_is_read_and_one_of_many_is_refused() -> None:
    """A scan of a few bytes costs a pass over the whole picture: 36 KB of them took six seconds."""
    whole = encoded("JPEG", progressive=True)
    assert whole.count(b"\xff\xda") == 10
    last = whole[whole.rindex(b"\xff\xda") : -2]
    assert read_frame(whole[:-2] + last * 6 + whole[-2:]).shape == (48, 64, 3)
    with pytest.raises(ImageError, match="scans"):
        read_frame(whole[:-2] + last * 7 + whole[-2:])


def test_a_png_of_many_chunks_is_refused() -> None:
    whole, empty = encoded("PNG"), bytes(4) + b"teXt" + struct.pack(">I", zlib.crc32(b"teXt"))
    assert read_frame(whole[:33] + empty * 900 + whole[33:], EVERY).shape == (48, 64, 3)
    with pytest.raises(ImageError, match="chunks"):
        read_frame(whole[:33] + empty * 1000 + whole[33:], EVERY)
