"""OpenCV's cascade: places at every scale, scores, a missing file."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from fersys.detectors.haar import Haar, open_haar
from fersys.errors import ModelError

Pixels = npt.NDArray[np.uint8]


class Cascade:
    """Finds what it was told to; keeps the picture that it was shown."""

    def __init__(self, boxes: list[tuple[int, int, int, int]], weights: list[float]) -> None:
        self.answer = boxes, None, weights
        self.shown: Pixels = np.empty(0, np.uint8)
        self.inside = self.most = 0

    def detectMultiScale3(self, picture: Pixels, **_: Any) -> tuple[Any, None, list[float]]:  # noqa: N802 – OpenCV's name
        self.inside += 1
        self.most = max(self.most, self.inside)
        cv2.GaussianBlur(np.zeros((600, 600), np.uint8), (31, 31), 9)  # lets other threads run
        self.shown, self.inside = picture, self.inside - 1
        return self.answer


def haar(cascade: Cascade) -> Haar:
    return Haar(cascade)  # type: ignore[arg-type]


@pytest.mark.parametrize(("shape", "scale"), [((480, 640), 1), ((100, 100), 1), ((960, 1280), 2), ((4000, 3000), 6.25)])
def test_boxes_are_in_pixels_of_the_image(shape: tuple[int, int], scale: float) -> None:
    cascade = Cascade([(10, 20, 30, 30), (50, 60, 70, 70)], [5, 10])
    found = haar(cascade).find(np.zeros((*shape, 3), np.uint8))
    assert [face.box for face in found] == [tuple(scale * value for value in box) for box in cascade.answer[0]]
    assert cascade.shown.shape == (round(shape[0] / scale), round(shape[1] / scale))


def test_scores_lie_between_0_and_1() -> None:
    found = haar(Cascade([(0, 0, 9, 9)] * 4, [-3.0, 25.0, 99.0, 140.0])).find(np.zeros((50, 50, 3), np.uint8))
    assert [face.score for face in found] == [0, 0.25, 0.99, 1]
    assert all(face.landmarks.shape == (0, 2) for face in found)
    assert all(face.landmarks.dtype == np.float32 for face in found)


def test_the_picture_is_searched_in_gray_by_its_luminance() -> None:
    cascade, image = Cascade([], []), np.zeros((100, 100, 3), np.uint8)
    image[:50, :, 0] = image[50:, :, 2] = 255  # red is brighter than blue
    haar(cascade).find(image)
    assert cascade.shown.ndim == 2
    assert cascade.shown[0, 0] > cascade.shown[-1, 0]


def test_a_dark_picture_of_little_contrast_is_searched_too(astronaut: Pixels) -> None:
    assert len(open_haar().find(astronaut // 6)) == 1


def test_threads_wait_for_one_another() -> None:
    cascade = Cascade([], [])
    detector = haar(cascade)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(detector.find, [np.zeros((64, 64, 3), np.uint8)] * 40))
    assert cascade.most == 1


def test_a_missing_cascade_is_a_clear_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("cv2.data.haarcascades", f"{tmp_path}/")
    with pytest.raises(ModelError, match=r"cascade is missing: expected \S+\.xml.*Received: "):
        open_haar()
