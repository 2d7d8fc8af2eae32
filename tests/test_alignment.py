"""The geometry of a turned square, against complex numbers, slices and numpy's own padding and quarter turns."""

import cmath
import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fersys.alignment import Square, angle_of, box_of, cut, to_image, view, view_matrix

Pixels = npt.NDArray[np.uint8]

PLACES, SIDES, ANGLES = st.floats(-500, 500), st.floats(1, 400), st.floats(-180, 180)
SQUARES = st.builds(Square, PLACES, PLACES, SIDES, ANGLES)


def colours(height: int, width: int) -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def eyes(*points: tuple[float, float]) -> npt.NDArray[np.float32]:
    return np.array(points, np.float32).reshape(-1, 2)


def padded(image: Pixels, by: int) -> Pixels:
    """The image with its last pixels repeated around it."""
    return np.pad(image, ((by, by), (by, by), (0, 0)), mode="edge")


@given(SQUARES, st.integers(1, 300), st.floats(-50, 350), st.floats(-50, 350))
def test_a_point_of_the_view_lies_where_complex_numbers_put_it(square: Square, size: int, x: float, y: float) -> None:
    from_centre = complex(x - size / 2, y - size / 2) * square.side / size
    expected = complex(square.x, square.y) + from_centre * cmath.exp(1j * math.radians(square.angle))  # y points down: clockwise
    (found,) = to_image(np.array([[x, y]]), view_matrix(square, size))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, (expected.real, expected.imag), rtol=1e-5, atol=1e-2)


def test_corners_of_a_view_are_the_corners_of_its_square() -> None:
    corners = np.array([[0.0, 0], [50, 0], [50, 50], [0, 50]])
    upright = [[90, 190], [110, 190], [110, 210], [90, 210]]
    np.testing.assert_allclose(to_image(corners, view_matrix(Square(100, 200, 20), 50)), upright, atol=1e-4)
    turned = [upright[1], upright[2], upright[3], upright[0]]  # a quarter turn clockwise brings the first corner to the second
    np.testing.assert_allclose(to_image(corners, view_matrix(Square(100, 200, 20, 90), 50)), turned, atol=1e-4)


@given(SQUARES, st.floats(-100, 100), st.floats(-100, 100))
def test_a_square_moves_along_its_own_sides(square: Square, right: float, down: float) -> None:
    expected = complex(square.x, square.y) + complex(right, down) * cmath.exp(1j * math.radians(square.angle))
    moved = square.moved(right, down)
    assert (moved.x, moved.y) == pytest.approx((expected.real, expected.imag), abs=1e-6)
    assert (moved.side, moved.angle) == (square.side, square.angle)


@pytest.mark.parametrize(
    ("right_eye", "angle"),
    [((10, 0), 0), ((10, 10), 45), ((10, -10), -45), ((0, 5), 90), ((0, -5), -90), ((-10, 10), 135), ((-7, 0), 180), ((math.sqrt(3), 1), 30)],
)
def test_the_angle_is_above_0_if_the_eye_on_the_right_is_lower(right_eye: tuple[float, float], angle: float) -> None:
    assert angle_of(eyes((0, 0), right_eye, (99, 99))) == pytest.approx(angle, abs=1e-4)
    assert angle_of(eyes((20, 30), (20 + right_eye[0], 30 + right_eye[1]))) == pytest.approx(angle, abs=1e-4)


@pytest.mark.parametrize("points", [eyes(), eyes((3, 4))])
def test_there_is_no_angle_without_two_eyes(points: npt.NDArray[np.float32]) -> None:
    assert angle_of(points) == 0


def test_an_upright_view_of_equal_size_shows_the_pixels_themselves() -> None:
    image = colours(60, 80)
    np.testing.assert_array_equal(view(image, Square(30, 25, 20), 20), image[15:35, 20:40])


@pytest.mark.parametrize("quarters", [-1, 1, 2])
def test_a_view_of_a_turned_square_is_upright(quarters: int) -> None:
    image = colours(60, 80)
    shown = view(image, Square(30, 25, 20, 90 * quarters), 20)
    np.testing.assert_allclose(shown.astype(int), np.rot90(image[15:35, 20:40], quarters), atol=1)  # numpy turns counterclockwise


def test_a_view_is_neither_shifted_when_it_is_enlarged_nor_when_it_is_shrunk() -> None:
    ramp = np.repeat(np.arange(60, dtype=np.uint8)[None, :, None] * 4, 60, axis=0).repeat(3, axis=2)
    for size in (10, 40, 80):
        centres = 10 + (np.arange(size) + 0.5) * 40 / size  # of the view's pixels, in the image
        np.testing.assert_allclose(view(ramp, Square(30, 30, 40), size)[5, :, 0], 4 * (centres - 0.5), atol=1)


def test_beyond_the_border_a_view_repeats_the_last_pixels() -> None:
    image = colours(30, 40)
    around = padded(image, 50)
    for x, y in ((2, 3), (39, 28), (-20, 15), (20, 60), (-30, -30), (60, 45)):
        expected = view(around, Square(x + 50, y + 50, 16, 25), 16)
        np.testing.assert_allclose(view(image, Square(x, y, 16, 25), 16).astype(int), expected, atol=1)


@pytest.mark.parametrize("shape", [(20, 40_000), (40_000, 20)])
def test_a_view_is_cut_out_of_images_longer_than_opencv_warps(shape: tuple[int, int]) -> None:
    image = colours(*shape)
    y, x = (10 if length == 20 else 35_000 for length in shape)
    around = np.ascontiguousarray(image[max(0, y - 100) : y + 100, max(0, x - 100) : x + 100])
    expected = view(around, Square(min(x, 100), min(y, 100), 12, 20), 24)
    np.testing.assert_array_equal(view(image, Square(x, y, 12, 20), 24), expected)


@pytest.mark.parametrize(
    ("square", "box"),
    [
        (Square(50, 40, 20), (40, 30, 20, 20)),
        (Square(50, 40, 20, 30), (40, 30, 20, 20)),  # its turn is left out
        (Square(5, 40, 20), (0, 30, 20, 20)),
        (Square(98, 79, 20), (80, 60, 20, 20)),
        (Square(-60, 300, 20), (0, 60, 20, 20)),
        (Square(50, 40, 90), (10, 0, 80, 80)),
        (Square(50, 40, 0.2), (50, 40, 1, 1)),
    ],
)
def test_box_is_the_square_in_whole_pixels_inside_the_image(square: Square, box: tuple[int, int, int, int]) -> None:
    found = box_of(square, np.zeros((80, 100, 3), np.uint8))
    assert found == box
    assert all(type(value) is int for value in found)


@given(SQUARES, st.integers(1, 90), st.integers(1, 90))
def test_every_box_is_a_square_inside_the_image(square: Square, height: int, width: int) -> None:
    x, y, side, other = box_of(square, np.zeros((height, width, 3), np.uint8))
    assert 1 <= side == other
    assert 0 <= x <= width - side
    assert 0 <= y <= height - side


def test_an_upright_square_is_copied_pixel_by_pixel() -> None:
    image = colours(60, 80)
    crop = cut(image, Square(30, 25, 20))
    np.testing.assert_array_equal(crop, image[15:35, 20:40])
    np.testing.assert_array_equal(cut(image, Square(40, 30, 60)), image[:, 10:70])  # it ends at the border
    assert not np.shares_memory(crop, image)
    assert crop.flags["C_CONTIGUOUS"]


@given(st.integers(-60, 120), st.integers(-60, 120), st.integers(1, 100))
def test_beyond_the_border_a_crop_repeats_the_last_pixels(left: int, top: int, side: int) -> None:
    image = colours(40, 50)
    crop = cut(image, Square(left + side / 2, top + side / 2, side))
    assert crop.shape == (side, side, 3)
    np.testing.assert_array_equal(crop, padded(image, 200)[top + 200 : top + 200 + side, left + 200 : left + 200 + side])
    assert crop.flags["C_CONTIGUOUS"]


def test_a_turned_square_is_cut_upright_at_the_image_s_own_scale() -> None:
    image = colours(60, 80)
    np.testing.assert_allclose(cut(image, Square(30, 25, 20, 90)).astype(int), np.rot90(image[15:35, 20:40]), atol=1)


@pytest.mark.parametrize("angle", [0, 20])
def test_a_square_smaller_than_a_pixel_is_cut_as_one(angle: float) -> None:
    assert cut(colours(5, 5), Square(2.5, 2.5, 0.1, angle)).shape == (1, 1, 3)
