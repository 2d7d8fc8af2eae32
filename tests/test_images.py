"""Reading pictures: the right pixels, or one clear error."""

import io
import struct
import subprocess
import sys
import warnings
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest

import fersys.images
import fersys.memory
from fersys.errors import ImageError
from fersys.images import MAX_PIXELS, check_image, read_image
from fersys.memory import opened_content, pillow_pixels, plain_pixels
from tests.made_jpegs import in_three_scans

Pixels = npt.NDArray[np.uint8]

WIDTH, HEIGHT = 30, 20
CMYK_RED = (0, 255, 255, 0)


def colours(height: int = HEIGHT, width: int = WIDTH) -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def encoded(picture: PIL.Image.Image, kind: str = "PNG", **settings: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **settings)
    return file.getvalue()


def is_refused(source: str | Path | bytes, **settings: Any) -> str:
    with pytest.raises(ImageError, match=r"Received: \S.*$") as caught:
        read_image(source, **settings)
    return str(caught.value)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_colours_come_back_as_red_green_blue(kind: str) -> None:
    image = read_image(encoded(PIL.Image.fromarray(colours()), kind))
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, colours())


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF", "JPEG2000"])
def test_lossy_formats_are_read(kind: str) -> None:
    smooth = np.full((HEIGHT, WIDTH, 3), (200, 80, 30), np.uint8)
    np.testing.assert_allclose(read_image(encoded(PIL.Image.fromarray(smooth), kind)).astype(int), smooth, atol=6)


def test_path_text_and_bytes_give_the_same(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(PIL.Image.fromarray(colours())))
    for source in (path, str(path), path.read_bytes()):
        np.testing.assert_array_equal(read_image(source), colours())


def test_gray_is_repeated_into_three_channels() -> None:
    gray = colours()[..., 0]
    np.testing.assert_array_equal(read_image(encoded(PIL.Image.fromarray(gray))), np.repeat(gray[..., None], 3, axis=2))


def test_black_and_white_is_read() -> None:
    image = read_image(encoded(PIL.Image.fromarray(colours()[..., 0]).convert("1")))
    assert image.shape == (HEIGHT, WIDTH, 3)
    assert set(np.unique(image)) == {0, 255}


def test_transparent_parts_become_white_and_half_transparent_ones_half_white() -> None:
    layered = np.zeros((1, 3, 4), np.uint8)
    layered[0, :, 3] = 255, 0, 128
    image = read_image(encoded(PIL.Image.fromarray(layered)))
    assert image[0, 0].tolist() == [0, 0, 0]
    assert image[0, 1].tolist() == [255, 255, 255]
    np.testing.assert_allclose(image[0, 2].astype(int), 127, atol=1)


def test_gray_with_transparency_becomes_white_there() -> None:
    layered = np.stack([np.full((4, 4), 50, np.uint8), np.zeros((4, 4), np.uint8)], axis=2)
    assert read_image(encoded(PIL.Image.fromarray(layered, "LA"))).min() == 255


def test_palette_is_resolved_and_its_transparent_entry_is_white() -> None:
    picture = PIL.Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 200, 100, 50])
    picture.putdata([0, 1])
    assert read_image(encoded(picture)).tolist() == [[[10, 20, 30], [200, 100, 50]]]
    assert read_image(encoded(picture, transparency=1)).tolist() == [[[10, 20, 30], [255, 255, 255]]]


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_gray_of_16_bits_is_scaled_to_8_however_dark(kind: str) -> None:
    deep = np.array([[0, 200, 255, 256, 32_768, 65_535]], np.uint16)
    expected = [0, 0, 0, 1, 128, 255]
    assert read_image(encoded(PIL.Image.fromarray(deep), kind))[0, :, 0].tolist() == expected
    assert read_image(encoded(PIL.Image.fromarray(deep[:, :3]), kind))[0, :, 0].tolist() == expected[:3]


def test_gray_of_32_bits_is_read_as_what_it_holds() -> None:
    assert read_image(encoded(PIL.Image.fromarray(np.array([[-5, 0, 40_000, 90_000]], np.int32)), "TIFF"))[0, :, 0].tolist() == [0, 0, 156, 255]
    assert read_image(encoded(PIL.Image.fromarray(np.array([[0, 90, 255]], np.int32)), "TIFF"))[0, :, 0].tolist() == [0, 90, 255]


@pytest.mark.parametrize("kind", ["TIFF", "JPEG"])
def test_cmyk_is_converted(kind: str) -> None:
    image = read_image(encoded(PIL.Image.new("CMYK", (8, 8), CMYK_RED), kind))
    np.testing.assert_allclose(image.reshape(-1, 3).mean(axis=0), (255, 0, 0), atol=8)


TURNS: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.transpose(1, 0, 2),
    6: lambda image: np.rot90(image, 1),
    7: lambda image: image[::-1, ::-1].transpose(1, 0, 2),
    8: lambda image: np.rot90(image, -1),
}


def scene() -> Pixels:
    """A quarter of each colour, so that lossy formats tell every way of lying from the others."""
    image = np.zeros((32, 48, 3), np.uint8)
    image[:16, :24], image[16:, :24], image[:16, 24:], image[16:, 24:] = (250, 10, 10), (10, 250, 10), (10, 10, 250), (240, 240, 240)
    return image


LOSSLESS: dict[str, dict[str, Any]] = {
    "PNG": {},
    "TIFF": {},
    "TIFF ": {"compression": "tiff_lzw"},
    "JPEG": {"quality": 95, "subsampling": 0},
    "MPO": {"quality": 95, "subsampling": 0},
    "WEBP": {"lossless": True},
    "AVIF": {"quality": 95, "subsampling": "4:4:4"},
}


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("kind", LOSSLESS)
def test_photo_is_turned_upright_by_its_exif_data(kind: str, orientation: int) -> None:
    as_taken = np.ascontiguousarray(TURNS[orientation](scene()))  # how the camera stored the upright scene
    image = read_image(encoded(PIL.Image.fromarray(as_taken), kind.strip(), exif=turned(orientation), **LOSSLESS[kind]))
    assert image.shape == scene().shape
    assert np.abs(image.astype(int) - scene()).mean() < 8  # a wrong way of lying: above 60


def turned(orientation: int) -> PIL.Image.Exif:
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    return exif


def test_photo_with_a_second_one_inside_is_read_as_the_first() -> None:
    red, blue = (PIL.Image.new("RGB", (16, 16), colour) for colour in ("red", "blue"))
    content = encoded(red, "MPO", save_all=True, append_images=[blue])  # as phones store a photo with its preview
    np.testing.assert_allclose(read_image(content).reshape(-1, 3).mean(axis=0), (255, 0, 0), atol=3)


def test_first_frame_of_an_animation_is_taken() -> None:
    frames = [PIL.Image.new("RGB", (5, 4), colour) for colour in ("red", "lime", "blue")]
    image = read_image(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert image.shape == (4, 5, 3)
    assert np.unique(image.reshape(-1, 3), axis=0).tolist() == [[255, 0, 0]]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "AVIF"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_truncated_file_is_refused(kind: str, share: float) -> None:
    whole = encoded(PIL.Image.fromarray(colours(60, 80)), kind)
    assert "the uploaded file" in is_refused(whole[: int(len(whole) * share)])


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "AVIF", "TIFF", "BMP"])
def test_damaged_bytes_give_an_image_or_our_error(kind: str) -> None:
    whole, random = encoded(PIL.Image.fromarray(colours()), kind), np.random.default_rng(1)
    for _ in range(60):
        damaged = bytearray(whole)
        for position in random.integers(0, len(whole), 3):
            damaged[position] = random.integers(0, 256)
        with suppress(ImageError):
            check_image(read_image(bytes(damaged), max_pixels=10_000))


@pytest.mark.parametrize("content", [b"", b"hello", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    assert "Not a picture" in is_refused(content)


def test_postscript_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *_, **__: pytest.fail("was run"))
    assert "Not a picture" in is_refused(encoded(PIL.Image.fromarray(colours()), "EPS"))


@pytest.mark.parametrize("source", [None, 7, bytearray(b"x"), [b"x"]])
def test_what_is_neither_a_path_nor_bytes_is_refused(source: Any) -> None:
    assert is_refused(source).endswith(f"Received: {type(source).__name__}")


def test_content_is_called_as_the_caller_says(tmp_path: Path) -> None:
    assert is_refused(b"hello", name="row 3 of a table").endswith("Received: row 3 of a table")
    assert str(tmp_path / "a.png") in is_refused(tmp_path / "a.png", name="not this")


def test_missing_file_and_folder_are_named(tmp_path: Path) -> None:
    assert str(tmp_path / "none.png") in is_refused(tmp_path / "none.png")
    assert str(tmp_path) in is_refused(tmp_path)
    assert "Received" in is_refused("a\0b.png")


def test_largest_allowed_picture_is_read_and_one_pixel_more_is_not() -> None:
    content = encoded(PIL.Image.fromarray(colours()))
    assert read_image(content, max_pixels=WIDTH * HEIGHT).shape == (HEIGHT, WIDTH, 3)
    assert is_refused(content, max_pixels=WIDTH * HEIGHT - 1).endswith(f"Received: {WIDTH}×{HEIGHT}")


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header promises a large picture and that ends there."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)), b"\0\0\0\0IDAT" + struct.pack(">I", zlib.crc32(b"IDAT")))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize("side", [8_000, 60_000])
def test_too_many_pixels_are_refused_by_the_header_before_decoding(side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PIL.Image.Image, "load", lambda _: pytest.fail("was decoded"))
    assert "too large: expected at most 50 megapixels" in is_refused(bomb(side, side))


def test_a_picture_that_pillow_warns_of_is_refused_where_warnings_are_errors() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "too large" in is_refused(bomb(10_000, 10_000))


def test_gray_of_32_bits_is_judged_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fersys.images, "_STRIP", 1)  # one row at a time
    assert read_image(encoded(PIL.Image.fromarray(np.array([[90], [40_000]], np.int32)), "TIFF"))[:, 0, 0].tolist() == [0, 156]


MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"]


@pytest.mark.parametrize("mode", MODES)
def test_strips_give_what_the_whole_gives(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = encoded(PIL.Image.fromarray(colours()).convert(mode), "TIFF" if mode == "CMYK" else "PNG")
    whole = read_image(content)
    monkeypatch.setattr(fersys.images, "_STRIP", 7 * WIDTH)
    np.testing.assert_array_equal(read_image(content), whole)


@pytest.mark.parametrize("kind", ["WEBP", "PNG", "AVIF"])
def test_first_frame_of_other_animations_is_taken(kind: str) -> None:
    frames = [PIL.Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    image = read_image(encoded(frames[0], kind, save_all=True, append_images=frames[1:]))
    np.testing.assert_allclose(image.reshape(-1, 3).mean(axis=0), (255, 0, 0), atol=3)


@pytest.mark.parametrize("bits", [2**16 - 1, 2**15])
def test_colours_of_16_bits_are_scaled_to_8(bits: int, tmp_path: Path) -> None:
    for name in ("deep.png", "deep.tif"):
        cv2.imwrite(str(tmp_path / name), np.array([[[0, 256, bits]]], np.uint16))  # blue, green, red
        assert read_image(tmp_path / name).tolist() == [[[bits >> 8, 1, 0]]]


def plain_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes every JPEG and PNG count as too large for Pillow."""
    monkeypatch.setattr(fersys.memory, "_PILLOW_BESIDE", fersys.memory.MAX_MEMORY)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", TURNS)
def test_large_pictures_are_read_like_small_ones(kind: str, orientation: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"photo.{kind}"
    path.write_bytes(encoded(PIL.Image.fromarray(colours()), kind, exif=turned(orientation)))
    expected = read_image(path)
    plain_reading(monkeypatch)
    np.testing.assert_array_equal(read_image(path), expected)
    np.testing.assert_array_equal(read_image(path.read_bytes()), expected)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
@pytest.mark.parametrize("side", [60, 400])  # a small PNG has its pixels in one chunk
def test_large_picture_that_breaks_off_is_refused(kind: str, share: float, side: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain_reading(monkeypatch)
    whole = encoded(PIL.Image.fromarray(colours(side, side)), kind)
    (tmp_path / "part").write_bytes(whole[: int(len(whole) * share)])
    assert "Not a picture" in is_refused(tmp_path / "part")
    assert "Not a picture" in is_refused((tmp_path / "part").read_bytes())


def test_large_png_with_wrong_bytes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain_reading(monkeypatch)
    content = bytearray(encoded(PIL.Image.fromarray(colours(60, 80))))
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "wrong.png").write_bytes(content)
    assert "Not a picture" in is_refused(tmp_path / "wrong.png")
    assert "Not a picture" in is_refused(bytes(content))


@pytest.mark.parametrize("exif", [{}, {"exif": turned(6)}])
def test_large_png_is_decoded_once(exif: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    content = encoded(PIL.Image.fromarray(colours()), **exif)
    expected = read_image(content)
    plain_reading(monkeypatch)
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", lambda _: pytest.fail("was decoded by Pillow too"))
    np.testing.assert_array_equal(read_image(content), expected)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
EXIF = turned(6).tobytes().removeprefix(b"Exif\0\0")
LATE = {
    "EXIF": chunk(b"eXIf", EXIF),
    "XMP": chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP),
    "EXIF as text": chunk(b"tEXt", b"Raw profile type exif\0\nexif\n" + str(len(EXIF)).encode() + b"\n" + EXIF.hex().encode() + b"\n"),
}


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("kind", LATE)
def test_orientation_that_stands_after_a_png_s_pixels_counts(kind: str, large: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    content = encoded(PIL.Image.fromarray(colours()))
    end = chunk(b"IEND", b"")
    if large:
        plain_reading(monkeypatch)
    np.testing.assert_array_equal(read_image(content.removesuffix(end) + LATE[kind] + end), np.rot90(colours(), -1))


def test_jpeg_in_several_scans_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(in_three_scans(48, 32))
    with PIL.Image.open(tmp_path / "a.jpg") as picture:
        np.testing.assert_array_equal(read_image(tmp_path / "a.jpg"), np.asarray(picture.convert("RGB")))


def test_kinds_that_take_more_memory_are_refused_at_fewer_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = PIL.Image.fromarray(colours())
    monkeypatch.setattr(fersys.memory, "_PILLOW_BESIDE", 0)
    monkeypatch.setattr(fersys.memory, "MAX_MEMORY", 8 * WIDTH * HEIGHT)
    assert read_image(encoded(picture, "JPEG")).shape == read_image(encoded(picture, "BMP")).shape == (HEIGHT, WIDTH, 3)
    assert "megapixels of WEBP" in is_refused(encoded(picture, "WEBP"))
    assert "megapixels of JPEG" in is_refused(encoded(picture, "JPEG", progressive=True))


_PEAK = """
import re, sys
from pathlib import Path
import fersys.images
source = Path(sys.argv[1])
source = source.read_bytes() if sys.argv[2:] else source
Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
def peak(): return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before = peak()
image = fersys.images.read_image(source)
print(image.shape[0] * image.shape[1], (peak() - before) // 1024)
"""


def plain(mode: str, form: str, **settings: Any) -> Callable[[int, int], bytes]:
    return lambda width, height: encoded(PIL.Image.new(mode, (width, height)), form, **settings)


def noise(width: int, height: int) -> PIL.Image.Image:
    """What no method can pack."""
    return PIL.Image.frombytes("RGB", (width, height), np.random.default_rng(0).bytes(width * height * 3))


def deep_tiff(width: int, height: int) -> bytes:
    rows = [cv2.IMWRITE_TIFF_ROWSPERSTRIP, height, cv2.IMWRITE_TIFF_COMPRESSION, 8]
    return cv2.imencode(".tif", np.zeros((height, width, 3), np.uint16), rows)[1].tobytes()


def deep_jpeg2000(width: int, height: int) -> bytes:
    return cv2.imencode(".jp2", np.zeros((height, width, 3), np.uint16))[1].tobytes()


def animated_png(width: int, height: int) -> bytes:
    frames = [PIL.Image.new("RGB", (width, height), colour) for colour in ("red", "blue")]
    return encoded(frames[0], save_all=True, append_images=frames[1:], compress_level=1)


def packed_tiff(width: int, height: int) -> bytes:
    return encoded(noise(width, height), "TIFF", compression="packbits", strip_size=1 << 30)


# How a picture of each kind is made, and up to how many megapixels `read_image` promises to read it.
LARGE: dict[str, tuple[int, Callable[[int, int], bytes]]] = {
    "JPEG": (50, plain("RGB", "JPEG")),
    "JPEG turned by EXIF": (50, plain("RGB", "JPEG", exif=turned(6))),
    "gray JPEG turned by EXIF": (50, plain("L", "JPEG", exif=turned(6))),
    "JPEG in several scans": (29, in_three_scans),
    "progressive JPEG": (29, plain("RGB", "JPEG", progressive=True, subsampling=0)),
    "CMYK JPEG": (41, plain("CMYK", "JPEG")),
    "progressive CMYK JPEG": (24, plain("CMYK", "JPEG", progressive=True, subsampling=0)),
    "PNG": (50, plain("RGB", "PNG", compress_level=1)),
    "PNG turned by EXIF": (50, plain("RGB", "PNG", compress_level=1, exif=turned(6))),
    "gray PNG of 16 bits": (50, plain("I;16", "PNG", compress_level=1)),
    "transparent PNG": (41, plain("RGBA", "PNG", compress_level=1)),
    "animated PNG": (41, animated_png),
    "WebP": (18, plain("RGB", "WEBP", method=0)),
    "transparent AVIF": (18, plain("RGBA", "AVIF", speed=10)),
    "JPEG 2000": (13, plain("RGB", "JPEG2000")),
    "JPEG 2000 of 16 bits": (13, deep_jpeg2000),
    "transparent JPEG 2000": (10, plain("RGBA", "JPEG2000")),
    "TIFF": (41, plain("RGB", "TIFF", compression="tiff_lzw")),
    "TIFF turned by EXIF": (36, plain("RGB", "TIFF", compression="tiff_lzw", exif=turned(6))),
    "TIFF of 16 bits in one strip": (29, deep_tiff),
    "packed TIFF in one strip": (26, packed_tiff),
}


def allowed(content: bytes) -> int:
    with PIL.Image.open(io.BytesIO(content)) as picture, opened_content(content) as there:
        return min(MAX_PIXELS, max(pillow_pixels(picture, there), plain_pixels(picture, there)))


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells the peak of a process's memory")
@pytest.mark.parametrize("kind", LARGE)
def test_the_largest_picture_of_each_kind_takes_at_most_300_megabytes(kind: str, tmp_path: Path) -> None:
    promised, make = LARGE[kind]
    most = allowed(make(2000, 1000))
    assert most >= promised * 1_000_000
    width = most // 5000 - 20  # a large one is packed a little better or worse than a small one
    (tmp_path / "large").write_bytes(make(width, 5000))
    for way in ([], ["its bytes"]):
        done = subprocess.run([sys.executable, "-c", _PEAK, str(tmp_path / "large"), *way], capture_output=True, text=True, check=True)
        pixels, megabytes = map(int, done.stdout.split())
        assert pixels == width * 5000
        assert megabytes <= 300, way


@pytest.mark.parametrize("wrong", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8)])
def test_array_that_is_no_rgb_image_is_refused(wrong: Any) -> None:
    with pytest.raises(ImageError, match=rf"Received: {wrong.dtype} \({', '.join(map(str, wrong.shape))}"):
        check_image(wrong)


def test_what_is_no_array_is_refused() -> None:
    with pytest.raises(ImageError, match=r"Received: list$"):
        check_image([[[1, 2, 3]]])  # type: ignore[arg-type]


def test_a_jpeg_of_ever_more_scans_is_refused_before_it_is_decoded() -> None:
    """A scan of a few bytes costs a pass over the whole picture."""
    buffer = io.BytesIO()
    PIL.Image.new("RGB", (64, 48), "orange").save(buffer, "JPEG", progressive=True)
    whole, scan = buffer.getvalue(), b"\xff\xda"
    last = whole[whole.rindex(scan) : -2]
    assert read_image(whole[:-2] + last * (48 - whole.count(scan)) + whole[-2:]).shape == (48, 64, 3)
    with pytest.raises(ImageError, match="at most 48 scans"):
        read_image(whole[:-2] + last * (49 - whole.count(scan)) + whole[-2:])
