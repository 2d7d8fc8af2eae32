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
