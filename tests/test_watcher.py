"""One visitor's faces: who is where, and what each model says of them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from app import watcher
from app.models import Model
from app.watcher import LOOKS, Sight, Watcher
from fersys.errors import ConfigError, ImageError
from fersys.labels import EMOTIONS
from fersys.results import Box, Face, Image

FRAME = b"a frame"
SHAPE = (100, 200, 3)


class Says:
    """Says what it is told to, of every face."""

    certainty = 0.6

    def __init__(self, name: str, label: str = "happy") -> None:
        self.name = self.title = name
        self.label, self.asked = label, 0

    def predict(self, crops: Sequence[Image]) -> npt.NDArray[np.float32]:
        self.asked += 1
        return np.tile(np.eye(7, dtype=np.float32)[EMOTIONS.index(self.label)], (len(crops), 1))


class Finds:
    """Stands for the detector: finds boxes that it is told, and counts how often it is asked."""

    def __init__(self) -> None:
        self.boxes: list[Box] = [(20, 30, 40, 40)]
        self.asked = 0

    def __call__(self, frame: Image) -> list[Face]:
        self.asked += 1
        return [Face(box, 1.0, np.empty((0, 2), np.float32), frame) for box in self.boxes]


@pytest.fixture
def finds(monkeypatch: pytest.MonkeyPatch) -> Finds:
    found = Finds()
    monkeypatch.setattr(watcher, "detect", found)
    return found


def made(*names: str, half_life: float = 0.0) -> Watcher:
    return Watcher([Model(Says(name)) for name in names], half_life, read=lambda content: np.zeros(SHAPE, np.uint8))


def watch(seen: Watcher, times: Sequence[float]) -> list[Sight]:
    return [seen.watch(FRAME, time) for time in times]


def test_every_model_is_asked_about_the_same_face(finds: Finds) -> None:
    (face,) = watch(made("one", "two"), [0.0, 0.1])[-1].faces
    assert [said.model for said in face.predictions] == ["one", "two"]
    assert {said.label for said in face.predictions} == {"happy"}


def test_a_face_is_shown_from_its_second_detection_on_which_comes_at_once(finds: Finds) -> None:
    sights = watch(made("one"), [0.0, 0.001, 0.002])
    assert [len(sight.faces) for sight in sights] == [0, 1, 1]
    assert [sight.looked for sight in sights] == [True, True, False]


def test_boxes_are_shares_of_the_frame(finds: Finds) -> None:
    (face,) = watch(made("one"), [0.0, 0.1])[-1].faces
    assert face.box == pytest.approx((0.1, 0.3, 0.2, 0.4))


def test_faces_are_looked_for_a_bounded_number_of_times_a_second(finds: Finds) -> None:
    sights = watch(made("one"), [number / 60 for number in range(60)])
    assert sum(sight.looked for sight in sights) <= LOOKS + 1
    assert finds.asked == sum(sight.looked for sight in sights)


def test_frames_that_come_slowly_are_all_looked_at(finds: Finds) -> None:
    assert all(sight.looked for sight in watch(made("one"), [number / 10 for number in range(10)]))


def test_between_looks_a_face_moves_on(finds: Finds) -> None:
    seen = made("one")
    for number in range(4):
        finds.boxes = [(20 + 10 * number, 30, 40, 40)]
        seen.watch(FRAME, number * 0.1)
    (carried,) = seen.watch(FRAME, 0.32).faces
    assert not carried.found
    assert carried.box[0] > 0.25


def test_frames_between_looks_are_not_decoded(finds: Finds) -> None:
    read: list[bytes] = []

    def decode(content: bytes) -> Image:
        read.append(content)
        return np.zeros(SHAPE, np.uint8)

    seen = Watcher([Model(Says("one"))], read=decode)
    watch(seen, [0.0, 0.1, 0.101, 0.102])
    assert len(read) == 2


def test_a_box_does_not_fly_away_while_nobody_looks(finds: Finds) -> None:
    seen = made("one")
    for number in range(4):
        finds.boxes = [(20 + 10 * number, 30, 40, 40)]
        seen.watch(FRAME, number * 0.1)
    near, far = (seen.sight(time).faces[0].box[0] for time in (0.5, 1.2))
    assert near > 0.25
    assert far < near + 0.1
    assert seen.sight(1.4).faces == ()


def test_what_is_known_can_be_asked_for_while_a_look_is_under_way(finds: Finds) -> None:
    sights: list[Sight] = []

    def read(content: bytes) -> Image:
        sights.append(seen.sight(0.25))  # in the middle of the third look
        return np.zeros(SHAPE, np.uint8)

    seen = Watcher([Model(Says("one"))], read=read)
    watch(seen, [0.0, 0.1, 0.2])
    assert [(len(sight.faces), sight.looked) for sight in sights] == [(0, False), (0, False), (1, False)]
    assert seen.sight(0.3).faces[0].id == 1


def test_numbers_stay_with_faces_whatever_their_order(finds: Finds) -> None:
    seen = made("one")
    finds.boxes = [(20, 30, 40, 40), (120, 30, 50, 50)]
    watch(seen, [0.0, 0.1])
    finds.boxes = [(121, 30, 50, 50), (21, 30, 40, 40)]
    assert [(face.id, round(face.box[0], 3)) for face in seen.watch(FRAME, 0.2).faces] == [(1, 0.105), (2, 0.605)]


def test_answers_are_smoothed_over_time(finds: Finds) -> None:
    says = Says("one")
    seen = Watcher([Model(says)], half_life=0.1, read=lambda content: np.zeros(SHAPE, np.uint8))
    watch(seen, [0.0, 0.1])
    says.label = "sad"
    (face,) = seen.watch(FRAME, 0.2).faces
    assert face.predictions[0].scores["happy"] == pytest.approx(0.5)
    assert not face.predictions[0].certain


def test_other_smoothing_keeps_what_is_known(finds: Finds) -> None:
    says = Says("one")
    model = Model(says)
    seen = Watcher([model], half_life=0.0, read=lambda content: np.zeros(SHAPE, np.uint8))
    watch(seen, [0.0, 0.1, 0.101])
    seen.choose([model], half_life=0.1)
    says.label = "sad"
    (face,) = seen.watch(FRAME, 0.2).faces
    assert face.predictions[0].scores["happy"] == pytest.approx(0.5)


def test_another_model_answers_from_the_next_look_on(finds: Finds) -> None:
    seen = made("one")
    watch(seen, [0.0, 0.1])
    other = Says("other", "sad")
    seen.choose([Model(other)], 0.0)
    assert seen.watch(FRAME, 0.101).faces == ()
    (face,) = seen.watch(FRAME, 0.2).faces
    assert [(said.model, said.label) for said in face.predictions] == [("other", "sad")]
    assert set(seen.watch(FRAME, 0.201).model_seconds) == {"other"}


def test_a_model_is_not_asked_about_nobody(finds: Finds) -> None:
    finds.boxes, says = [], Says("one")
    seen = Watcher([Model(says)], read=lambda content: np.zeros(SHAPE, np.uint8))
    assert watch(seen, [0.0, 0.1])[-1].faces == ()
    assert says.asked == 0


def test_an_impossible_half_life_is_an_error_of_ours() -> None:
    with pytest.raises(ConfigError, match="half-life"):
        made("one").choose([Model(Says("one"))], -1.0)


def test_what_is_no_frame_is_an_error_of_ours() -> None:
    with pytest.raises(ImageError):
        Watcher([Model(Says("one"))]).watch(b"nothing", 0.0)
