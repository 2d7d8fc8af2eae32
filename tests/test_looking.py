"""Looking at pictures: the same face for every model, and uploads that are gone afterwards."""

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest

from app.looking import Answer, fitted, forget, look, look_at_upload, take
from app.models import Model
from fersys.errors import ImageError
from tests.fixed import Fixed, png, uploaded

Image = npt.NDArray[np.uint8]


@pytest.fixture
def models() -> list[Model]:
    return [Model(Fixed("glad", "happy")), Model(Fixed("gloomy", "sad"))]


def test_every_model_is_asked_about_the_same_face(astronaut: Image, models: list[Model]) -> None:
    answer = look(astronaut, models, "me.jpg")
    assert [[said.model, said.label] for said in answer.faces[0].predictions] == [["glad", "happy"], ["gloomy", "sad"]]
    first, second = (model.recognizer.seen for model in models)  # type: ignore[attr-defined]
    assert len(first) == len(second) == 1
    assert np.array_equal(first[0], second[0])
    assert answer.name == "me.jpg"
    assert answer.detect_seconds > 0
    assert set(answer.model_seconds) == {"glad", "gloomy"}


def test_all_faces_of_a_picture_are_found_the_largest_first(astronaut: Image, models: list[Model]) -> None:
    small = np.asarray(PIL.Image.fromarray(astronaut).resize((256, 256)))
    both = np.full((512, 768, 3), 128, np.uint8)
    both[:256, :256], both[:, 256:] = small, astronaut
    boxes = [result.face.box for result in look(both, models).faces]
    assert len(boxes) == 2
    assert boxes[0][2] > 1.5 * boxes[1][2]
    assert boxes[0][0] > 256 > boxes[1][0]


def test_upload_is_deleted_when_it_was_read(tmp_path: Path, astronaut: Image) -> None:
    upload = uploaded(tmp_path, png(astronaut))
    assert np.array_equal(take(upload), astronaut)
    assert list(tmp_path.iterdir()) == []


def test_broken_upload_is_deleted_too(tmp_path: Path) -> None:
    with pytest.raises(ImageError):
        take(uploaded(tmp_path, b"nothing"))
    assert list(tmp_path.iterdir()) == []


def test_an_upload_that_is_gone_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="choose the picture again"):
        take({"path": str(tmp_path / "gone.png")})


def test_what_cannot_be_read_is_an_answer_with_its_reason(tmp_path: Path, models: list[Model]) -> None:
    answer = look_at_upload(uploaded(tmp_path, b"nothing"), models, "holiday.jpg")
    assert (answer.name, answer.image, answer.faces) == ("holiday.jpg", None, ())
    assert "expected JPEG" in answer.error


def test_sideways_photo_is_turned_upright(tmp_path: Path, astronaut: Image, models: list[Model]) -> None:
    exif, buffer = PIL.Image.Exif(), io.BytesIO()
    exif[0x0112] = 6  # the camera was turned: show it rotated by 90° clockwise
    PIL.Image.fromarray(np.rot90(astronaut).copy()).save(buffer, "JPEG", exif=exif, quality=95)
    assert len(look_at_upload(uploaded(tmp_path, buffer.getvalue()), models, "turned.jpg").faces) == 1


def test_what_waits_to_be_shown_is_a_small_copy_that_knows_the_real_size(models: list[Model]) -> None:
    answer = fitted(look(np.zeros((3000, 4000, 3), np.uint8), models))
    assert answer.image is not None
    assert (answer.size, max(answer.image.shape)) == ((4000, 3000), 1120)


def test_what_could_not_be_read_stays_as_it_is() -> None:
    answer = Answer("holiday.jpg", error="no picture")
    assert (fitted(answer), answer.size) == (answer, (0, 0))


def test_uploads_that_nobody_looks_at_are_deleted(tmp_path: Path) -> None:
    forget([uploaded(tmp_path, b"one", "one.png"), uploaded(tmp_path, b"two", "two.png"), {"path": str(tmp_path / "gone.png")}])
    assert list(tmp_path.iterdir()) == []
