"""Tiles: they cover the image, a small face lies whole in one, and places come back in pixels of the image."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fersys.detectors.base import Detection
from fersys.detectors.tiles import Window, windows

Pixels = npt.NDArray[np.uint8]

LENGTHS = st.integers(1, 9000)


def blank(height: int, width: int) -> Pixels:
    """No memory is taken for it."""
    return np.broadcast_to(np.uint8(0), (height, width, 3))


def found(x: float, y: float, width: float, height: float) -> Detection:
    return Detection((x, y, width, height), 0.9, np.array([[x, y], [x + 1, y + 2]], np.float32))


@pytest.mark.parametrize("shape", [(1, 1), (48, 48), (720, 1000), (1023, 1023)])
def test_a_small_picture_has_no_tiles(shape: tuple[int, int]) -> None:
    assert windows(blank(*shape)) == []


@pytest.mark.parametrize("shape", [(1024, 1024), (1, 1024), (3000, 700)])
def test_a_picture_from_1024_pixels_has_tiles(shape: tuple[int, int]) -> None:
    assert windows(blank(*shape))


@given(LENGTHS, LENGTHS)
def test_tiles_lie_in_the_image_and_reach_all_its_ends(height: int, width: int) -> None:
    for tile in (tiles := windows(blank(height, width))):
        assert tile.x >= 0 <= tile.y
        assert tile.cut(blank(height, width)).shape == (tile.height, tile.width, 3)
    if tiles:
        assert min(tile.x for tile in tiles) == min(tile.y for tile in tiles) == 0
        assert max(tile.x + tile.width for tile in tiles) == width
        assert max(tile.y + tile.height for tile in tiles) == height


@given(LENGTHS, LENGTHS, st.data())
def test_a_face_up_to_a_quarter_of_a_tile_lies_whole_in_one(height: int, width: int, data: st.DataObject) -> None:
    if not (tiles := windows(blank(height, width))):
        return
    side = min(max(tile.width for tile in tiles) // 4, max(tile.height for tile in tiles) // 4)
    x, y = data.draw(st.integers(0, width - side)), data.draw(st.integers(0, height - side))
    assert any(tile.x <= x and x + side <= tile.x + tile.width and tile.y <= y and y + side <= tile.y + tile.height for tile in tiles)


@pytest.mark.parametrize(("shape", "count"), [((1080, 1920), 15), ((3000, 4000), 48), ((6000, 8000), 48), ((8000, 6000), 48), ((700, 4000), 16)])
def test_tiles_grow_with_large_pictures_so_that_their_number_stays(shape: tuple[int, int], count: int) -> None:
    assert len(windows(blank(*shape))) == count


def test_a_tile_shows_its_pixels_without_a_copy() -> None:
    image = np.arange(20 * 30 * 3, dtype=np.uint16).astype(np.uint8).reshape(20, 30, 3)
    shown = Window(5, 3, 10, 8).cut(image)
    np.testing.assert_array_equal(shown, image[3:11, 5:15])
    assert np.shares_memory(shown, image)


def test_what_is_found_in_a_tile_is_moved_to_its_place_in_the_image() -> None:
    (face,) = Window(1000, 2000, 512, 512).inside([found(10.5, 20, 30, 40)])
    assert list(face.box) == [1010.5, 2020, 30, 40]
    np.testing.assert_array_equal(face.landmarks, [[1010.5, 2020], [1011.5, 2022]])
    assert face.landmarks.dtype == np.float32
    assert face.score == 0.9


def test_what_is_large_in_a_tile_is_left_to_the_whole_image() -> None:
    small, large = found(0, 0, 300, 200), found(0, 0, 200, 320)
    faces = list(Window(0, 0, 512, 512).inside([large, small]))
    assert [face.box for face in faces] == [small.box]
    assert list(Window(0, 0, 512, 100).inside([small]))  # the longer side of a tile counts
