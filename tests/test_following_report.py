"""How well faces are followed: the measurement on made movements, not its result."""

import json
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from fersys.errors import DataError
from fersys.labels import EMOTIONS
from fersys.package import load
from tests.made_videos import squares, write
from tests.tiny_package import make_package
from train.following_report import (
    CHANGING,
    HALF_LIVES,
    STEPS,
    WAYS,
    WITH_ONE_FACE,
    WITHOUT_FACES,
    Look,
    agreement,
    flowed,
    label_changes,
    look,
    run_following,
    shown,
    write_report,
)

Gray = npt.NDArray[np.uint8]
BOX = (20.0, 30.0, 40.0, 40.0)


def texture(right: int = 0, down: int = 0) -> Gray:
    """Smooth noise, moved by whole pixels."""
    noise = np.random.default_rng(0).integers(0, 256, (120, 200), np.uint8)
    return np.asarray(np.roll(cv2.GaussianBlur(noise, (0, 0), 3), (down, right), (0, 1)), np.uint8)


def seen(number: int, x: float | None = 20.0, label: str = "happy") -> Look:
    """A frame of 25 a second with one face at `x`, or none."""
    boxes = () if x is None else ((x, 30.0, 40.0, 40.0),)
    answers = np.tile(np.eye(7, dtype=np.float32)[EMOTIONS.index(label)], (len(boxes), 1))
    return Look(number / 25, texture(int(x or 0)), boxes, answers)


def test_a_box_flows_with_the_pixels_in_it() -> None:
    assert flowed(BOX, texture(), texture(right=3, down=2)) == pytest.approx((23, 32, 40, 40), abs=0.3)
    assert flowed(BOX, texture(), texture()) == pytest.approx(BOX, abs=0.01)


def test_where_nothing_can_be_followed_a_box_stays() -> None:
    assert flowed((500.0, 500.0, 10.0, 10.0), texture(), texture(3)) == (500, 500, 10, 10)


def test_a_face_that_moves_steadily_is_lost_by_a_box_that_stays_and_kept_by_the_others() -> None:
    looks = [seen(number, 20.0 + 3 * number) for number in range(40)]
    stays, moves, flows = (agreement(looks, way(), 5)["mean"] for way in WAYS.values())
    assert stays == pytest.approx(np.mean([(40 - 3 * n) / (40 + 3 * n) for n in range(1, 5)]))  # the overlap of two squares
    assert moves > 0.9  # its speed is learnt first
    assert flows > 0.95


def test_agreement_is_that_of_the_frames_between_looks() -> None:
    looks = [seen(0), seen(1), seen(2, None), seen(3, 60.0), seen(4, 60.0), seen(5, 60.0)]
    assert agreement(looks, WAYS["box stays"](), 2) == {"mean": pytest.approx(2 / 3), "least": 0, "same": pytest.approx(2 / 3)}
    assert agreement(looks[:1], WAYS["box stays"](), 2)["mean"] == 0


def test_changes_of_the_label_are_counted_after_smoothing() -> None:
    labels = ["happy"] * 10 + ["sad"] + ["happy"] * 10 + ["sad"] * 30
    looks = [seen(number, label=label) for number, label in enumerate(labels)] + [seen(60, None)]
    assert label_changes(looks, 0.0, 1) == 3
    assert label_changes(looks, 0.4, 1) == 1
    assert label_changes(looks, 0.0, 3) == 1  # the single sad one falls between


def test_faces_are_counted_by_their_numbers() -> None:
    looks = [seen(number, None if number in {4, 5} else 20.0) for number in range(10)] + [seen(10, 150.0)]
    assert shown(looks, confirm=1) == 2
    assert shown(looks, confirm=2) == 1
    assert shown(looks, confirm=1, step=3) == 1


@pytest.fixture
def videos(tmp_path: Path, astronaut: npt.NDArray[np.uint8]) -> Path:
    """Short stand-ins for the trial videos."""
    small = cv2.resize(astronaut, (256, 256), interpolation=cv2.INTER_AREA)
    (tmp_path / "media").mkdir()
    for name in WITH_ONE_FACE:
        write(tmp_path / "media" / name, (np.roll(small, number, axis=1) for number in range(12)))
    write(tmp_path / "media" / WITHOUT_FACES, squares(5))
    return tmp_path / "media"


def test_trial_videos_are_measured_and_reported(videos: Path, tmp_path: Path) -> None:
    result = run_following(videos, load(make_package(tmp_path, "tiny")))
    assert result["frames"] == {**dict.fromkeys(WITH_ONE_FACE, 12), WITHOUT_FACES: 5}
    assert {name: set(steps.values()) for name, steps in result["faces_shown"].items()} == {name: {1} for name in WITH_ONE_FACE}
    assert result["false_alarms"] == {"frames": 0, "shown": {"1": 0, "2": 0}}
    assert all(figures["same"] == 1 for ways in result["carried"].values() for way in ways.values() for figures in way.values())
    text = write_report(result, tmp_path / "reports")
    assert json.loads((tmp_path / "reports" / "following.json").read_text()) == result
    assert (tmp_path / "reports" / "following.md").read_text() == text
    table = next(line for line in text.splitlines() if line.startswith(f"| {STEPS[0]} |"))
    assert table.count("|") == len(WAYS) + 2
    assert "all have 0.5 or more" in text
    assert f"| 1 | {' | '.join(str(result['label_changes']['1'][str(value)]) for value in HALF_LIVES)} |" in text


def test_a_look_holds_the_face_and_what_the_model_says_of_it(videos: Path, tmp_path: Path) -> None:
    looks = look(videos / CHANGING, load(make_package(tmp_path, "tiny")))
    assert [one.time for one in looks] == pytest.approx([number / 25 for number in range(12)], abs=0.002)
    assert {(one.gray.shape, len(one.boxes), one.answers.shape) for one in looks} == {((256, 256), 1, (1, 7))}


def test_without_a_trial_video_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"Expected a video of the trial media\. Received: .*{WITH_ONE_FACE[0]}"):
        run_following(tmp_path, load(make_package(tmp_path, "tiny")))
