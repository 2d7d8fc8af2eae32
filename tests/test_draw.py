"""What is drawn into a picture, pixel by pixel."""

import base64
import io

import numpy as np
import numpy.typing as npt
import PIL.Image
import PIL.ImageColor
import pytest

from app.draw import PALETTE, color, fit, jpeg_url, network_view, png_url, thumbnail
from fersys.drawing import Mark, draw_marks
from fersys.preprocess import to_model_input

Image = npt.NDArray[np.uint8]
GRAY = 127


def gray(height: int, width: int) -> Image:
    return np.full((height, width, 3), GRAY, np.uint8)


def rgb(number: int) -> tuple[int, ...]:
    return PIL.ImageColor.getrgb(color(number))


def painted(image: Image, number: int) -> npt.NDArray[np.bool_]:
    return np.asarray((image == rgb(number)).all(axis=2))


def edge_width(image: Image, number: int, row: int) -> int:
    """Pixels of the face's colour in the left half of a row."""
    return int(painted(image, number)[row, : image.shape[1] // 2].sum())


def luminance(hexadecimal: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [value / 255 for value in PIL.ImageColor.getrgb(hexadecimal)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_box_stands_where_the_face_is_in_its_own_colour() -> None:
    drawn = draw_marks(gray(800, 800), [Mark((200, 300, 400, 400), 1, "happy")])
    rows, columns = np.nonzero(painted(drawn, 1)[310:])  # below the label
    assert (columns.min(), columns.max(), rows.max() + 310) == pytest.approx((200, 599, 699), abs=3)
    assert (drawn[400:600, 300:500] == GRAY).all()  # the face itself stays untouched
    assert (drawn[:200] == GRAY).all()


def test_a_line_has_black_on_both_sides() -> None:
    row = draw_marks(gray(800, 800), [Mark((200, 300, 400, 400), 1, "happy")])[500, :300]
    inked = np.nonzero((row != GRAY).any(axis=1))[0]
    assert (row[inked[0]] == 0).all()
    assert (row[inked[-1]] == 0).all()
    assert tuple(row[inked[len(inked) // 2]]) == rgb(1)


def test_label_is_black_on_the_face_s_colour_above_the_box() -> None:
    tag = draw_marks(gray(800, 800), [Mark((200, 300, 400, 400), 2, "sad")])[262:296, 204:240]
    assert painted(tag, 2).mean() > 0.4
    assert (tag == 0).all(axis=2).any()


@pytest.mark.parametrize("corner", [(0, 0), (740, 0), (740, 740), (0, 400)])
def test_label_wider_than_its_box_stays_inside_the_picture(corner: tuple[int, int]) -> None:
    at_rim, inside = (draw_marks(gray(800, 800), [Mark((*place, 60, 60), 1, "fear")]) for place in (corner, (400, 400)))
    widest = painted(at_rim, 1).sum(axis=1).max()
    assert widest == painted(inside, 1).sum(axis=1).max() > 60


def test_lines_grow_with_the_picture() -> None:
    small, large = (draw_marks(gray(side, side), [Mark((side // 4,) * 2 + (side // 2,) * 2, 1, "sad")]) for side in (640, 1120))
    assert edge_width(large, 1, 560) > edge_width(small, 1, 320) >= 2


@pytest.mark.parametrize(("shape", "shown"), [((3000, 2000), (1120, 747)), ((48, 48), (640, 640)), ((900, 700), (900, 700)), ((1, 4000), (1, 1120))])
def test_picture_is_brought_to_a_size_for_the_screen(shape: tuple[int, int], shown: tuple[int, int]) -> None:
    fitted = fit(gray(*shape))
    assert fitted.shape == (*shown, 3)
    assert fitted.dtype == np.uint8


def test_a_picture_can_be_brought_to_a_smaller_size() -> None:
    assert fit(gray(3000, 1500), 800).shape == (800, 400, 3)


def test_the_picture_handed_in_stays_as_it_was() -> None:
    image = gray(700, 700)
    draw_marks(image, [Mark((100, 100, 200, 200), 1, "happy")])
    assert (image == GRAY).all()


def test_a_small_face_in_a_large_picture_gets_its_number_alone() -> None:
    word, number = (draw_marks(gray(1120, 1120), [Mark((500, 500, side, side), 1, "surprise")]) for side in (400, 40))
    assert np.ptp(np.nonzero(painted(word, 1)[400:490])[1]) > 150
    assert np.ptp(np.nonzero(painted(number, 1)[400:490])[1]) < 60


def test_the_largest_face_lies_on_top() -> None:
    drawn = draw_marks(gray(800, 800), [Mark((200, 300, 400, 400), 1, "happy"), Mark((200, 300, 400, 400), 2, "sad")])
    assert painted(drawn, 1).sum() > 1000
    assert not painted(drawn, 2)[305:].any()


def test_black_text_can_be_read_on_every_colour() -> None:
    assert all((luminance(name) + 0.05) / 0.05 >= 4.5 for name in PALETTE)
    assert len(set(PALETTE)) == len(PALETTE)


def test_colours_come_again_after_the_last() -> None:
    assert color(1) == color(1 + len(PALETTE)) == PALETTE[0]


def test_data_url_holds_the_picture_and_nothing_about_it() -> None:
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[:, :30] = (200, 30, 30)
    head, _, body = jpeg_url(picture).partition(",")
    decoded = PIL.Image.open(io.BytesIO(base64.b64decode(body)))
    assert (head, decoded.format, decoded.size) == ("data:image/jpeg;base64", "JPEG", (60, 40))
    assert not decoded.getexif()
    assert np.abs(np.asarray(decoded).astype(int)[:, 5:20] - picture[:, 5:20]).max() < 12


def test_thumbnail_has_the_side_that_was_asked_for() -> None:
    assert thumbnail(gray(31, 31), 160).shape == (160, 160, 3)


def decoded(url: str) -> PIL.Image.Image:
    return PIL.Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))


@pytest.mark.parametrize(("shape", "mode"), [((30, 20), "L"), ((30, 20, 3), "RGB"), ((30, 20, 4), "RGBA")])
def test_png_url_holds_every_pixel(shape: tuple[int, ...], mode: str) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    back = decoded(png_url(picture))
    assert (back.format, back.mode) == ("PNG", mode)
    assert np.array_equal(np.asarray(back), picture)


def test_network_view_is_what_the_network_sees_of_a_crop() -> None:
    crop = np.random.default_rng(0).integers(0, 256, (90, 90, 3), dtype=np.uint8)
    assert np.array_equal(np.asarray(decoded(network_view(crop))), to_model_input(crop)[..., 0])
