"""Marks drawn into pictures of any size, and saved. How they look: tests/test_draw.py."""

from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageColor
import pytest

from fersys.drawing import Mark, color, draw_marks, save_drawing
from fersys.errors import ConfigError

IMAGE = np.full((300, 500, 3), 127, np.uint8)
MARK = Mark((100, 120, 150, 150), 1, "happy")


def test_marks_are_drawn_at_the_picture_s_own_size_on_a_copy() -> None:
    drawn = draw_marks(IMAGE, [MARK])
    rows, columns = np.nonzero((drawn == PIL.ImageColor.getrgb(color(1))).all(axis=2))
    assert drawn.shape == IMAGE.shape
    assert (columns.min(), columns.max(), rows.max()) == pytest.approx((100, 249, 269), abs=3)
    assert (IMAGE == 127).all()


def test_without_marks_the_picture_stays_as_it_is() -> None:
    assert (draw_marks(IMAGE, []) == IMAGE).all()


def test_a_drawing_is_saved_into_a_folder_that_is_made(tmp_path: Path) -> None:
    save_drawing(tmp_path / "new" / "a.png", IMAGE, [MARK])
    with PIL.Image.open(tmp_path / "new" / "a.png") as picture:
        assert (np.asarray(picture) == draw_marks(IMAGE, [MARK])).all()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.png"]


def test_a_place_that_cannot_be_written_to_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="Received: "):
        save_drawing(tmp_path / "file" / "a.png", IMAGE, [])


@pytest.mark.parametrize("side", [1, 2, 3, 5, 8, 9, 21, 22, 40])
def test_the_smallest_pictures_are_drawn_too(side: int) -> None:
    image = np.full((side, side, 3), 127, np.uint8)
    drawn = draw_marks(image, [Mark((0, 0, side, side), 1, "happy")])
    assert drawn.shape == image.shape
    assert (drawn != 127).any()


@pytest.mark.parametrize(("suffix", "most"), [(".webp", 16_383), (".jpg", 65_500), (".JPEG", 65_500)])
def test_a_picture_that_its_format_cannot_hold_is_refused(suffix: str, most: int, tmp_path: Path) -> None:
    save_drawing(tmp_path / f"fits{suffix}", np.zeros((1, most, 3), np.uint8), [])
    for shape in ((1, most + 1, 3), (most + 1, 1, 3)):
        with pytest.raises(ConfigError, match=rf"at most {most} pixels.*Received: .*{shape[1]}×{shape[0]}"):
            save_drawing(tmp_path / f"large{suffix}", np.zeros(shape, np.uint8), [])
    assert [path.name for path in tmp_path.iterdir()] == [f"fits{suffix}"]
    save_drawing(tmp_path / "large.png", np.zeros((1, most + 1, 3), np.uint8), [])
