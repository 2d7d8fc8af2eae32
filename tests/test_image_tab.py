"""The Image tab's handlers, without a browser; and its endpoint, over HTTP."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest

from app.models import Model
from app.tabs.image import describe, look, respond, take
from fersys import EMOTIONS
from fersys.errors import ImageError
from tests.served import Served, serve

Image = npt.NDArray[np.uint8]


class Fixed:
    """Gives every face the same answer and remembers the faces."""

    def __init__(self, name: str, label: str, certainty: float = 0.0, title: str = "") -> None:
        self.name, self.certainty, self._label, self.title = name, certainty, label, title or name
        self.seen: list[Image] = []

    def predict(self, crops: Sequence[Image]) -> npt.NDArray[np.float32]:
        self.seen.extend(crops)
        row = [0.94 if emotion == self._label else 0.01 for emotion in EMOTIONS]
        return np.asarray([row] * len(crops), np.float32).reshape(len(crops), len(EMOTIONS))


@pytest.fixture
def models() -> list[Model]:
    return [Model(Fixed("glad", "happy")), Model(Fixed("gloomy", "sad"))]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("served")) as page:
        yield page


def png(image: Image) -> bytes:
    buffer = io.BytesIO()
    PIL.Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def huge() -> bytes:
    """A small file of 25 megapixels."""
    buffer = io.BytesIO()
    PIL.Image.new("1", (5000, 5001)).save(buffer, "PNG")
    return buffer.getvalue()


def uploaded(folder: Path, content: bytes, name: str = "face.png") -> dict[str, Any]:
    (folder / name).write_bytes(content)
    return {"path": str(folder / name)}


@pytest.fixture
def noise() -> Image:
    return np.random.default_rng(0).integers(0, 255, (200, 300, 3), dtype=np.uint8)


def test_every_model_is_asked_about_the_same_face(astronaut: Image, models: list[Model]) -> None:
    answer = look(astronaut, models)
    assert [[said.model, said.label] for said in answer.faces[0].predictions] == [["glad", "happy"], ["gloomy", "sad"]]
    first, second = (model.recognizer.seen for model in models)  # type: ignore[attr-defined]
    assert len(first) == len(second) == 1
    assert np.array_equal(first[0], second[0])
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


def test_sideways_photo_is_turned_upright(tmp_path: Path, astronaut: Image, models: list[Model]) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it rotated by 90° clockwise
    PIL.Image.fromarray(np.rot90(astronaut).copy()).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    assert len(describe({"path": str(tmp_path / "turned.jpg")}, models)["faces"]) == 1


def test_answer_empties_the_drop_zone_and_shows_picture_and_faces(tmp_path: Path, astronaut: Image, models: list[Model]) -> None:
    zone, picture, faces = respond(uploaded(tmp_path, png(astronaut)), models)
    assert zone is None
    assert "face 1 happy" in picture
    assert "One face found" in faces
    assert "gloomy" in faces


def test_picture_without_a_face_gets_a_message_and_is_shown(tmp_path: Path, noise: Image, models: list[Model]) -> None:
    _, picture, faces = respond(uploaded(tmp_path, png(noise)), models)
    assert "No face found" in faces
    assert "data:image/jpeg" in picture


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff nothing more", b"<svg xmlns='http://www.w3.org/2000/svg'></svg>", b"%PDF-1.7"])
def test_a_file_that_is_no_picture_gets_a_message_without_its_path(tmp_path: Path, content: bytes, models: list[Model]) -> None:
    zone, picture, faces = respond(uploaded(tmp_path, content, "holiday.jpg"), models)
    assert (zone, picture) == (None, "")
    assert "could not be read as a picture" in faces
    assert "holiday" not in faces
    assert str(tmp_path) not in faces


def test_half_a_photo_gets_the_same_message(tmp_path: Path, astronaut: Image, models: list[Model]) -> None:
    whole = png(astronaut)
    assert "could not be read as a picture" in respond(uploaded(tmp_path, whole[: len(whole) // 2]), models)[2]


def test_a_picture_of_too_many_pixels_is_refused_with_the_limit(tmp_path: Path, models: list[Model]) -> None:
    faces = respond(uploaded(tmp_path, huge()), models)[2]
    assert "at most 24 megapixels. Received: 5000×5001" in faces


def test_no_upload_shows_the_welcome(models: list[Model]) -> None:
    assert "Seven expressions" in respond(None, models)[2]


def test_description_names_box_labels_and_all_scores(tmp_path: Path, astronaut: Image, models: list[Model]) -> None:
    said = describe(uploaded(tmp_path, png(astronaut)), models)
    assert (said["width"], said["height"]) == (512, 512)
    (face,) = said["faces"]
    x, y, width, height = face["box"]
    assert 0 <= x < x + width <= 512
    assert 0 <= y < y + height <= 512
    assert face["predictions"]["glad"]["label"] == "happy"
    assert list(face["predictions"]["glad"]["scores"]) == list(EMOTIONS)
    assert sum(face["predictions"]["gloomy"]["scores"].values()) == pytest.approx(1)


def test_description_says_who_is_certain(tmp_path: Path, astronaut: Image) -> None:
    models = [Model(Fixed("bold", "happy", 0.9)), Model(Fixed("shy", "sad", 0.95))]
    said = describe(uploaded(tmp_path, png(astronaut)), models)["faces"][0]["predictions"]
    assert (said["bold"]["certain"], said["shy"]["certain"]) == (True, False)
    assert said["shy"]["label"] == "sad"


@pytest.mark.parametrize("content", [None, b"nothing"])
def test_description_of_no_picture_is_an_error_for_the_client(tmp_path: Path, content: bytes | None, models: list[Model]) -> None:
    with pytest.raises(gr.Error):
        describe(None if content is None else uploaded(tmp_path, content), models)


def test_endpoint_answers_and_leaves_no_file(served: Served, astronaut: Image) -> None:
    ended, (said,) = served.analyze(served.upload("face.png", png(astronaut)))
    assert ended == "complete"
    assert set(said["faces"][0]["predictions"]) == {"first", "second"}
    assert served.files() == []


def test_endpoint_says_why_it_cannot_read_a_file(served: Served, capfd: pytest.CaptureFixture[str]) -> None:
    ended, data = served.analyze(served.upload("holiday.jpg", b"\xff\xd8\xff nothing more"))
    assert ended == "error"
    assert "expected JPEG, PNG, WebP" in str(data)
    output = capfd.readouterr()
    assert "holiday" not in output.out + output.err
    assert "Traceback" not in output.out + output.err
    assert served.files() == []
