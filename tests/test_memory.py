"""What a picture's header tells of the memory that reading it takes. That it is enough: tests/test_images.py."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from PIL.TiffImagePlugin import ROWSPERSTRIP, STRIPBYTECOUNTS, TILELENGTH, TILEWIDTH

from fersys.memory import MAX_MEMORY, find_scan, opened_content, pillow_pixels, plain_pixels
from tests.made_jpegs import in_three_scans

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)


def encoded(mode: str, form: str, **settings: Any) -> bytes:
    file = io.BytesIO()
    PIL.Image.fromarray(PIXELS).convert(mode).save(file, form, **settings)
    return file.getvalue()


def by_pillow(content: bytes) -> int:
    with PIL.Image.open(io.BytesIO(content)) as picture:
        return pillow_pixels(picture, content)


def by_opencv(content: bytes) -> int:
    with PIL.Image.open(io.BytesIO(content)) as picture:
        return plain_pixels(picture, content)


def test_a_file_is_handed_out_without_being_read_and_bytes_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abcdef")
    for source in (tmp_path / "a", str(tmp_path / "a"), b"abcdef"):
        with opened_content(source) as content:
            assert (len(content), content[2:4], content.find(b"e")) == (6, b"cd", 4)


def test_a_decoder_with_copies_of_its_own_reads_fewer_pixels() -> None:
    simple = by_pillow(encoded("RGB", "BMP"))
    assert by_pillow(encoded("L", "BMP")) > simple
    for content in (encoded("RGB", "WEBP"), encoded("RGB", "AVIF"), encoded("RGB", "JPEG2000"), encoded("RGB", "JPEG", progressive=True)):
        assert by_pillow(content) < 0.75 * simple


def test_a_format_that_pillow_reads_in_python_reads_fewer_pixels() -> None:
    plain = b"P3 1 1 255 1 2 3", b"P6 1 1 100 \1\2\3"
    assert all(by_pillow(content) < 0.75 * by_pillow(b"P6 1 1 255 \1\2\3") for content in plain)


def test_more_colours_take_more_coefficients() -> None:
    gray, colour, ink = (by_pillow(encoded(mode, "JPEG", progressive=True)) for mode in ("L", "RGB", "CMYK"))
    assert gray > colour > ink


def test_jpeg_in_several_scans_counts_as_progressive() -> None:
    assert by_pillow(in_three_scans(16, 16)) == by_pillow(encoded("RGB", "JPEG", progressive=True)) < by_pillow(encoded("RGB", "JPEG"))


def tiff(tags: dict[int, Any] | None = None, **settings: Any) -> bytes:
    return encoded("RGB", "TIFF", compression="tiff_lzw", tiffinfo=tags or {}, **settings)


def test_strip_that_is_the_whole_picture_is_counted() -> None:
    assert by_pillow(tiff(strip_size=1 << 20)) < by_pillow(tiff(strip_size=1))


def changed(content: bytes, values: dict[int, Any]) -> int:
    with PIL.Image.open(io.BytesIO(content)) as picture:
        for tag, value in values.items():
            picture.tag_v2[tag] = value  # type: ignore[attr-defined]
        return pillow_pixels(picture, content)


def test_tile_that_is_larger_than_the_picture_is_counted() -> None:
    assert changed(tiff(), {TILEWIDTH: 60_000, TILELENGTH: 60_000}) < 60 * 40


@pytest.mark.parametrize(("tag", "value"), [(ROWSPERSTRIP, 2**32 - 1), (STRIPBYTECOUNTS, (2**32 - 1,))])
def test_tiff_that_promises_more_than_it_can_have_is_not_believed(tag: int, value: Any) -> None:
    whole = tiff(strip_size=1 << 20)
    assert changed(whole, {tag: value}) > 0.8 * by_pillow(whole)


def test_turned_tiff_is_held_twice() -> None:
    assert by_pillow(tiff({0x0112: 6}, strip_size=1)) < 0.9 * by_pillow(tiff({0x0112: 1}, strip_size=1))


def test_only_what_opencv_reads_alike_is_left_to_it() -> None:
    frames = [PIL.Image.fromarray(PIXELS), PIL.Image.fromarray(PIXELS[::-1])]
    other = [
        encoded("L", "JPEG"), encoded("RGBA", "PNG"), encoded("RGB", "PNG", transparency=(1, 2, 3)), encoded("RGB", "BMP"), encoded("RGB", "WEBP"),
        encoded("RGB", "JPEG", progressive=True), encoded("RGB", "PNG", save_all=True, append_images=frames), in_three_scans(16, 16),
    ]  # fmt: skip
    assert [by_opencv(content) for content in other] == [0] * len(other)
    for content in (encoded("RGB", "PNG"), encoded("RGB", "JPEG"), encoded("RGB", "MPO", save_all=True, append_images=frames)):
        assert by_pillow(content) < by_opencv(content) <= MAX_MEMORY // 6


def test_scan_is_found_behind_everything_else() -> None:
    content = encoded("RGB", "JPEG", comment="\xff\xda", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0")
    filled = content[:2] + b"\xff\xff" + content[2:]  # as the standard allows
    assert content[find_scan(content) :][:5] == filled[find_scan(filled) :][:5] == b"\xff\xda\x00\x0c\x03"


@pytest.mark.parametrize("content", [b"", b"\xff\xd8", b"\xff\xd8\xff", b"\xff\xd8\xff\xff", b"\xff\xd8\xff\xe0\0\0" * 9, b"hello"])
def test_search_for_a_scan_ends_in_what_has_none(content: bytes) -> None:
    assert find_scan(content) >= 0
