"""`fersys webcam`, with a camera that is made up."""

import io
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from fersys.errors import VideoError
from fersys.following import FollowConfig, Follower
from fersys.labels import EMOTIONS
from fersys.webcam import NOTICE, line, opened, watch

Pixels = npt.NDArray[np.uint8]


class Happy:
    """Says happy of every face."""

    name = title = "happy"
    certainty = 0.5

    def predict(self, crops: Sequence[Pixels]) -> npt.NDArray[np.float32]:
        return np.tile(np.eye(7, dtype=np.float32)[EMOTIONS.index("happy")], (len(crops), 1))


class Camera:
    """Gives the frames that it was made with, in BGR as OpenCV does; then Ctrl+C, or no more."""

    def __init__(self, frames: list[Pixels], stops: bool = False) -> None:
        self._frames, self._stops = iter(frames), stops

    def read(self) -> tuple[bool, Any]:
        frame = next(self._frames, None)
        if frame is None and self._stops:
            raise KeyboardInterrupt
        return frame is not None, None if frame is None else cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)


def clock() -> Any:
    """A tenth of a second later at each call."""
    times = iter(np.arange(0, 100, 0.1))
    return lambda: float(next(times))


def seen(frames: list[Pixels]) -> list[str]:
    out = io.StringIO()
    watch(Camera(frames), Follower(Happy(), FollowConfig(detect_every=1)), out, clock())
    return out.getvalue().removesuffix("\n").split("\r")[1:]


def test_a_line_over_itself_says_what_the_face_shows(astronaut: Pixels) -> None:
    lines = seen([astronaut] * 3)
    assert lines[0].startswith("no face")
    assert all(said.startswith("happy") and "100%" in said and "1 face" in said and "10 fps" in said for said in lines[1:])
    assert len({len(said) for said in lines}) == 1  # a shorter line would leave the end of a longer one


def test_without_a_face_it_says_so() -> None:
    assert all(said.startswith("no face") for said in seen([np.zeros((60, 80, 3), np.uint8)] * 2))
    assert line([], 12.4).endswith("12 fps")


def test_ctrl_c_is_handed_on(astronaut: Pixels) -> None:
    with pytest.raises(KeyboardInterrupt):
        watch(Camera([astronaut], stops=True), Follower(Happy()), io.StringIO(), clock())


def test_a_camera_without_pictures_is_an_error() -> None:
    with pytest.raises(VideoError, match="gives no picture"):
        watch(Camera([]), Follower(Happy()), io.StringIO(), clock())


def test_no_camera_is_one_clear_error() -> None:
    with pytest.raises(VideoError, match="Received: camera 99"), opened(99):
        pass


@pytest.mark.parametrize("number", [-1, -(2**31), 2**31, 99_999_999_999_999])
def test_a_number_that_no_camera_has_is_not_given_to_the_driver(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cv2.VideoCapture", lambda _: pytest.fail("was asked"))  # which may crash the whole process
    with pytest.raises(VideoError, match=rf"from 0 to 2147483647\. Received: {number}$"), opened(number):
        pass


def test_the_notice_says_what_runs_and_where_pictures_stay() -> None:
    for words in ("Expression recognition will run", "in memory", "none is stored", "none leaves this computer"):
        assert words in NOTICE
