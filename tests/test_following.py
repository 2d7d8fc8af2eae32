"""Faces followed through frames: who is where, and what is said of them."""

import itertools
import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from fersys import following
from fersys.__main__ import main
from fersys.errors import ConfigError
from fersys.following import LONGEST_BLIND, FollowConfig, Follower
from fersys.labels import EMOTIONS
from fersys.results import Face

Pixels = npt.NDArray[np.uint8]
FRAME = np.zeros((100, 200, 3), np.uint8)


class Says:
    """Says what it is told to, of every face."""

    name = title = "says"
    certainty = 0.6

    def __init__(self, label: str = "happy") -> None:
        self.label, self.asked = label, 0

    def predict(self, crops: Sequence[Pixels]) -> npt.NDArray[np.float32]:
        self.asked += 1
        return np.tile(np.eye(7, dtype=np.float32)[EMOTIONS.index(self.label)], (len(crops), 1))


class Finds:
    """Stands for the detector: finds boxes that it is told, and counts how often it is asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.boxes: list[tuple[int, int, int, int]] = [(20, 30, 40, 40)]
        self.asked = 0
        monkeypatch.setattr(following, "detect", self)

    def __call__(self, frame: Pixels) -> list[Face]:
        self.asked += 1
        return [Face(box, 1.0, np.empty((0, 2), np.float32), frame) for box in self.boxes]


@pytest.fixture
def finds(monkeypatch: pytest.MonkeyPatch) -> Finds:
    return Finds(monkeypatch)


def follow(follower: Follower, count: int, begin: int = 0) -> list[list[following.Followed]]:
    return [follower.follow(FRAME, number / 25) for number in range(begin, begin + count)]


def test_a_face_is_shown_from_its_second_detection_on(finds: Finds) -> None:
    frames = follow(Follower(Says(), FollowConfig(detect_every=5)), 10)
    assert [len(frame) for frame in frames] == [0] + [1] * 9
    assert {frame[0].track.id for frame in frames[1:]} == {1}
    assert finds.asked == 3  # frames 0 and 5, and 1 to confirm


def test_between_detections_nobody_is_asked_and_the_answer_stays(finds: Finds) -> None:
    model = Says()
    frames = follow(Follower(model, FollowConfig(detect_every=5)), 10)
    assert model.asked == finds.asked
    assert {frame[0].prediction.label for frame in frames[1:]} == {"happy"}
    assert [frame[0].track.detection is not None for frame in frames[1:7]] == [True, False, False, False, True, False]


def test_answers_are_smoothed_over_time_and_certainty_is_judged_after_it(finds: Finds) -> None:
    model = Says("happy")
    follower = Follower(model, FollowConfig(detect_every=1, half_life=0.4))
    follow(follower, 5)
    model.label = "sad"
    later = follow(follower, 20, begin=5)
    assert [frame[0].prediction.label for frame in (later[0], later[-1])] == ["happy", "sad"]
    assert later[9][0].prediction.scores["happy"] == pytest.approx(0.5, abs=1e-5)  # ten frames are the half-life
    assert not later[9][0].prediction.certain
    assert later[-1][0].prediction.certain


def test_at_a_low_rate_faces_are_looked_for_twice_a_second_all_the_same(finds: Finds) -> None:
    follower = Follower(Says(), FollowConfig(detect_every=100))
    for second in range(10):
        follower.follow(FRAME, float(second))
    assert finds.asked == 10


@pytest.mark.parametrize(
    ("times", "shown"),
    [
        ([0.0], [1]),
        ([0.0, 2.0, 4.0], [1, 1, 1]),
        ([0.0, 0.04], [0, 1]),
        ([0.0, 0.04, 2.0], [0, 1, 1]),
        ([0.0, 2.0, 2.04], [1, 1, 1]),  # of one and the same face; it is known from the first on
    ],
)
def test_a_frame_without_another_one_near_it_shows_its_faces_at_once(finds: Finds, times: list[float], shown: list[int]) -> None:
    follower = Follower(Says())
    pauses = [later - time for time, later in itertools.pairwise([*times, math.inf])]
    frames = [follower.follow(FRAME, time, pause) for time, pause in zip(times, pauses, strict=True)]
    assert [len(frame) for frame in frames] == shown
    assert {face.track.id for frame in frames for face in frame} == {1}


def test_a_false_alarm_in_the_last_frame_is_not_shown(finds: Finds) -> None:
    follower = Follower(Says(), FollowConfig(detect_every=1))
    finds.boxes = []
    follow(follower, 3)
    finds.boxes = [(20, 30, 40, 40)]
    assert follower.follow(FRAME, 3 / 25, math.inf) == []


def test_a_slow_camera_shows_a_face_from_its_second_detection_on(finds: Finds) -> None:
    follower = Follower(Says())
    assert [len(follower.follow(FRAME, 3.0 * number)) for number in range(3)] == [0, 1, 1]


def test_boxes_end_at_the_border_of_the_frame(finds: Finds) -> None:
    follower = Follower(Says(), FollowConfig(detect_every=1))
    for number in range(6):
        finds.boxes = [(100 + 12 * number, 30, 40, 40)]
        follower.follow(FRAME, number / 25)
    finds.boxes = []
    (carried,) = follower.follow(FRAME, 6 / 25)
    x, y, width, height = carried.box
    assert (y, height, x + width) == (30, 40, 200)
    assert 165 < x < 180


def test_a_real_face_is_followed(astronaut: Pixels) -> None:
    follower = Follower(Says(), FollowConfig(detect_every=2))
    small = cv2.resize(astronaut, (256, 256), interpolation=cv2.INTER_AREA)
    frames = [follower.follow(np.roll(small, 2 * number, axis=1), number / 25) for number in range(8)]
    assert [[face.track.id for face in frame] for frame in frames] == [[]] + [[1]] * 7
    assert frames[7][0].box[0] - frames[1][0].box[0] == pytest.approx(12, abs=5)


def test_the_help_says_that_faces_are_looked_for_at_least_so_often(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["video", "--help"])
    assert f"at least every {LONGEST_BLIND} s" in " ".join(capsys.readouterr().out.split())


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match="Received: 0"):
        FollowConfig(detect_every=0)
    with pytest.raises(ConfigError, match="Received: -1"):
        Follower(Says(), FollowConfig(half_life=-1))


def test_further_models_are_asked_about_the_same_faces_and_smoothed_for_themselves(finds: Finds) -> None:
    first, second = Says("happy"), Says("sad")
    frames = follow(Follower(first, FollowConfig(detect_every=2), [second]), 6)
    assert {(face.prediction.label, *(said.label for said in face.others)) for frame in frames for face in frame} == {("happy", "sad")}
    assert first.asked == second.asked == finds.asked
