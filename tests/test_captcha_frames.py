"""The CAPTCHA takes PNG too, and refuses with a code; how headers are read is held by `test_frames.py`."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import PIL.Image
import pytest

from app import frames
from app.captcha.frames import MAX_BYTES, MAX_SIDE, read_frame
from app.captcha.refusals import RefusedError


def encode(kind: str, size: tuple[int, int] = (64, 48), mode: str = "RGB", **options: Any) -> bytes:
    buffer = io.BytesIO()
    PIL.Image.new(mode, size, 200 if mode == "L" else None).save(buffer, kind, **options)
    return buffer.getvalue()


def png(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    """A PNG's beginning, with a header that says what we like."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


@pytest.fixture
def undecoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """No decoder is reached."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a decoder saw it")

    monkeypatch.setattr(frames, "read_image", refuse)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"exif": b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00"}),
    ],
)
def test_what_browsers_send_is_read(kind: str, options: dict[str, Any]) -> None:
    image = read_frame(encode(kind, **options))
    assert image.shape == (48, 64, 3)
    assert image.dtype == np.uint8


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_transparency_and_gray_become_rgb(kind: str) -> None:
    assert read_frame(encode(kind, mode="RGBA")).shape == (48, 64, 3)
    assert read_frame(encode("JPEG", mode="L")).shape == (48, 64, 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_largest_side_is_let_through(kind: str) -> None:
    assert read_frame(encode(kind, (MAX_SIDE, 8))).shape == (8, MAX_SIDE, 3)


@pytest.mark.usefixtures("undecoded")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("size", [(MAX_SIDE + 1, 8), (8, MAX_SIDE + 1)])
def test_a_larger_one_is_refused_by_its_header(kind: str, size: tuple[int, int]) -> None:
    for lossless in (False, True):  # two kinds of WebP
        with pytest.raises(RefusedError, match=r"Received: .*×") as caught:
            read_frame(encode(kind, size, lossless=lossless))
        assert caught.value.code == "bad-frame"


@pytest.mark.usefixtures("undecoded")
@pytest.mark.parametrize("content", [png(13_000, 13_000), png(64, 48, depth=16), png(64, 48, colour=3), png(0, 48), png(2**31, 2**31)])
def test_a_bomb_or_an_odd_png_never_meets_a_decoder(content: bytes) -> None:
    with pytest.raises(RefusedError):
        read_frame(content)


@pytest.mark.usefixtures("undecoded")
@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "PPM", "ICO", "AVIF", "JPEG2000", "TGA", "PCX"])
def test_other_formats_never_meet_a_decoder(kind: str) -> None:
    with pytest.raises(RefusedError):
        read_frame(encode(kind))


@pytest.mark.usefixtures("undecoded")
def test_a_jpeg_of_four_colours_or_a_moving_webp_never_meets_a_decoder() -> None:
    moving = encode("WEBP", save_all=True, append_images=[PIL.Image.new("RGB", (64, 48), "red")], duration=100)
    for content in (encode("JPEG", mode="CMYK"), moving):
        with pytest.raises(RefusedError):
            read_frame(content)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_whatever_breaks_off_is_refused(kind: str) -> None:
    whole = encode(kind)
    for end in range(len(whole) - 2):
        try:
            read_frame(whole[:end])
        except RefusedError as refused:
            code = refused.code
        else:
            code = "read"  # a few decoders fill up what is missing of the last rows
        assert code == "bad-frame" or end > len(whole) // 2


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff", b"\xff\xd8\xff\xe0\x00\x00" * 50, b"\xff\xd8" + b"\xff" * 4000, b"RIFF\0\0\0\0WEBP", b"<svg/>"])
def test_nonsense_is_refused(content: bytes) -> None:
    with pytest.raises(RefusedError):
        read_frame(content)


def test_a_second_size_in_the_same_file_does_not_get_past_the_bound() -> None:
    """The header that we read and the one that the decoder reads may differ: both are bounded."""
    small, large = encode("JPEG", (64, 48)), encode("JPEG", (4000, 3000))
    with pytest.raises(RefusedError):
        read_frame(small[:2] + b"\xff\xe0" + struct.pack(">H", 2) + large[2:])


def test_the_bounds_on_scans_and_chunks_and_bytes_hold_here_too() -> None:
    jpeg, whole, empty = encode("JPEG", progressive=True), encode("PNG"), bytes(4) + b"teXt" + struct.pack(">I", zlib.crc32(b"teXt"))
    last = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    assert read_frame(whole[:33] + empty * 900 + whole[33:]).shape == (48, 64, 3)
    for content, words in (
        (jpeg[:-2] + last * 7 + jpeg[-2:], "scans"),
        (whole[:33] + empty * 1000 + whole[33:], "chunks"),
        (encode("JPEG").ljust(MAX_BYTES + 1024, b"\0"), "513 KB"),
    ):
        with pytest.raises(RefusedError, match=words) as caught:
            read_frame(content)
        assert (caught.value.code, caught.value.status) == ("bad-frame", 400)


@pytest.mark.parametrize(
    ("content", "received"),
    [
        (b"<svg/>", "something else"),
        (b"\xff\xd8\xff", "a header that breaks off"),
        (png(13_000, 64), "13000×64"),
        (png(64, 48, depth=16), "a PNG of another depth or kind of colour"),
        (png(64, 48), "one that is damaged"),
    ],
)
def test_clients_are_told_what_is_taken_and_what_came(content: bytes, received: str) -> None:
    with pytest.raises(RefusedError) as caught:
        read_frame(content)
    assert str(caught.value) == f"Frame: expected a JPEG, PNG or WebP of 8 bits, at most 1920×1920. Received: {received}"
