"""From a picture to what each model says of each face in it."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from fersys.analysis import analyze
from fersys.errors import ImageError
from fersys.faces import detect
from fersys.labels import EMOTIONS

Pixels = npt.NDArray[np.uint8]


class Sure:
    """Says one expression of every face, and remembers which crops it saw."""

    certainty = 0.0

    def __init__(self, label: str) -> None:
        self.name, self.title, self.seen = f"sure of {label}", f"Sure of {label}", list[list[Pixels]]()
        self._row = np.eye(7, dtype=np.float32)[EMOTIONS.index(label)]

    def predict(self, crops: Sequence[Pixels]) -> npt.NDArray[np.float32]:
        self.seen.append(list(crops))
        return np.tile(self._row, (len(crops), 1))


class BySize:
    """Says happy of faces whose crop is wide, and sad of others."""

    name = title = "by size"
    certainty = 0.0

    def predict(self, crops: Sequence[Pixels]) -> npt.NDArray[np.float32]:
        return np.eye(7, dtype=np.float32)[[EMOTIONS.index("happy" if len(crop) > 70 else "sad") for crop in crops]]


@pytest.fixture
def two(astronaut: Pixels) -> Pixels:
    """A picture with a small face at the left and a large one at the right."""
    picture = np.zeros((512, 768, 3), np.uint8)
    picture[:256, :256] = cv2.resize(astronaut, (256, 256), interpolation=cv2.INTER_AREA)
    picture[:, 256:] = astronaut
    return picture


def test_every_model_is_asked_in_the_order_given(astronaut: Pixels) -> None:
    (result,) = analyze(astronaut, [Sure("sad"), Sure("fear"), Sure("angry")])
    assert [(p.model, p.label, p.score) for p in result.predictions] == [(f"sure of {label}", label, 1.0) for label in ("sad", "fear", "angry")]


def test_people_are_told_the_model_s_title_and_programs_its_name(astronaut: Pixels) -> None:
    (result,) = analyze(astronaut, [Sure("sad"), BySize()])
    assert [(said.model, said.shown_as) for said in result.predictions] == [("sure of sad", "Sure of sad"), ("by size", "by size")]


def test_each_model_is_judged_by_its_own_certainty(astronaut: Pixels) -> None:
    bold, shy = BySize(), BySize()
    shy.certainty = 1.01  # more than it ever says
    (result,) = analyze(astronaut, [bold, shy])
    assert [said.certain for said in result.predictions] == [True, False]


def test_every_model_is_shown_the_same_crops_once(two: Pixels) -> None:
    first, second = Sure("sad"), Sure("happy")
    results = analyze(two, [first, second])
    for model in (first, second):
        ((*crops,),) = model.seen
        assert [id(crop) for crop in crops] == [id(result.face.crop) for result in results]


def test_each_face_gets_its_own_answer_and_the_largest_comes_first(two: Pixels) -> None:
    results = analyze(two, [BySize()])
    assert [result.face.box for result in results] == [face.box for face in detect(two)]
    assert [result.predictions[0].label for result in results] == ["happy", "sad"]


def test_picture_without_a_face_gives_an_empty_list() -> None:
    assert analyze(np.zeros((100, 100, 3), np.uint8), [Sure("sad"), BySize()]) == []


def test_without_models_the_faces_are_found_all_the_same(astronaut: Pixels) -> None:
    (result,) = analyze(astronaut, [])
    assert result.predictions == ()


def test_what_is_no_rgb_image_is_refused(astronaut: Pixels) -> None:
    with pytest.raises(ImageError, match="Received: "):
        analyze(astronaut[..., 0], [Sure("sad")])
