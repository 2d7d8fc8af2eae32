"""What every line of the table of detectors promises."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

import fersys.detectors
from fersys.detectors import DEFAULT, DETECTORS, open_detector
from fersys.detectors.base import Detection
from fersys.errors import ConfigError
from fersys.faces import frame
from fersys.images import read_image

Pixels = npt.NDArray[np.uint8]

# The astronaut's eye, eye, nose and mouth, read off the picture.
FEATURES = np.array([(206, 104), (246, 104), (223, 130), (226, 146)])
# Animals, flowers, buildings and things that come with packages.
BAIT = (
    *(f"skimage/data/{name}" for name in ("chelsea.png", "coffee.png", "horse.png", "rocket.jpg", "motorcycle_left.png", "hubble_deep_field.jpg", "text.png")),
    *(f"sklearn/datasets/images/{name}.jpg" for name in ("china", "flower")),
    *(f"gradio/media_assets/images/{name}.jpg" for name in ("cheetah", "cheetah1", "lion", "tower")),
    "gradio/test_data/cheetah2.jpg",
)


@pytest.fixture(params=DETECTORS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def resized(image: Pixels, scale: float) -> Pixels:
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR), dtype=np.uint8)


def holds_features(found: Detection, scale: float = 1.0) -> bool:
    x, y, width, height = found.box
    return bool(((FEATURES * scale > (x, y)) & (FEATURES * scale < (x + width, y + height))).all())


def plain(found: list[Detection]) -> list[Any]:
    return [(face.box, face.score, face.landmarks.tolist()) for face in found]


def test_the_default_is_in_the_table() -> None:
    assert DEFAULT in DETECTORS


def test_an_unknown_detector_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match=rf"expected one of {', '.join(DETECTORS)}\. Received: 'mtcnn'$"):
        open_detector("mtcnn")


def test_a_detector_is_opened_once_for_all_threads(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []

    def slowly() -> object:
        cv2.GaussianBlur(np.zeros((900, 900), np.uint8), (31, 31), 9)  # lets other threads run
        opened.append(object())
        return opened[-1]

    monkeypatch.setitem(DETECTORS, name, slowly)
    fersys.detectors._opened.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        detectors = set(pool.map(open_detector, [name] * 16))
    fersys.detectors._opened.cache_clear()
    assert detectors == set(opened)
    assert len(opened) == 1


@pytest.mark.parametrize("scale", [0.4, 1.0, 3.0])
def test_the_astronaut_is_found_once_and_the_box_holds_her_features(name: str, scale: float, astronaut: Pixels) -> None:
    (found,) = open_detector(name).find(resized(astronaut, scale))
    assert holds_features(found, scale)
    assert 70 * scale < max(found.box[2:]) < 150 * scale
    assert 0 < found.score <= 1


def test_a_gray_picture_shows_the_same_face(name: str, astronaut: Pixels) -> None:
    gray = np.repeat(np.asarray(cv2.cvtColor(astronaut, cv2.COLOR_RGB2GRAY), dtype=np.uint8)[..., None], 3, axis=2)
    (found,) = open_detector(name).find(gray)
    assert holds_features(found)


def test_a_head_that_fills_a_tiny_picture_is_found(name: str, astronaut: Pixels) -> None:
    tiny = resized(astronaut[:260, 80:370], 0.3)  # 78×87
    (found,) = open_detector(name).find(np.ascontiguousarray(tiny))
    x, y, width, height = found.box
    marks = (FEATURES - (80, 0)) * 0.3
    assert ((marks > (x, y)) & (marks < (x + width, y + height))).all()


def test_landmarks_are_the_features_or_there_are_none(name: str, astronaut: Pixels) -> None:
    (found,) = open_detector(name).find(astronaut)
    assert found.landmarks.dtype == np.float32
    assert found.landmarks.shape in {(0, 2), (6, 2)}
    if len(found.landmarks):
        np.testing.assert_allclose(found.landmarks[:4], FEATURES, atol=6)
        assert found.landmarks[4, 0] < found.landmarks[0, 0] < found.landmarks[1, 0] < found.landmarks[5, 0]  # ear, eye, eye, ear


def test_detectors_frame_a_face_alike(name: str, astronaut: Pixels) -> None:
    detector, default = open_detector(name), open_detector()
    (found,), (expected,) = detector.find(astronaut), default.find(astronaut)
    ours, theirs = frame(found, detector.framing, 0), frame(expected, default.framing, 0)
    assert ours.side == pytest.approx(theirs.side, rel=0.25)
    assert (ours.x, ours.y) == pytest.approx((theirs.x, theirs.y), abs=0.1 * theirs.side)


STRIPS = [(1, 1), (2, 3), (20, 20), (1, 5000), (3, 20_000), (20_000, 3), (23, 640), (400, 9000), (2, 40_000)]


@pytest.mark.parametrize("shape", STRIPS)
def test_blank_and_tiny_pictures_and_strips_hold_no_face(name: str, shape: tuple[int, int]) -> None:
    for shade in (0, 128, 255):
        assert open_detector(name).find(np.full((*shape, 3), shade, np.uint8)) == []


@pytest.mark.parametrize("shape", [(480, 640), (300, 900), (48, 48), (1100, 1500), (3, 20_000)])
def test_noise_and_stripes_hold_no_face(name: str, shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    stripes = np.repeat(np.tile(np.arange(shape[1]) // 20 % 2 * 255, (shape[0], 1)).astype(np.uint8)[..., None], 3, axis=2)
    assert open_detector(name).find(noise) == open_detector(name).find(stripes) == []


def bait() -> Iterator[Path]:
    """The pictures of `BAIT` that are installed."""
    for file in BAIT:
        package, _, rest = file.partition("/")
        if (spec := find_spec(package)) and (path := Path((spec.submodule_search_locations or [""])[0]) / rest).is_file():
            yield path


def test_animals_flowers_and_things_hold_no_face(name: str) -> None:
    pictures = list(bait())
    assert len(pictures) > len(BAIT) / 2
    assert {path.name: len(open_detector(name).find(read_image(path))) for path in pictures} == dict.fromkeys((path.name for path in pictures), 0)


def test_threads_find_what_one_alone_finds(name: str, astronaut: Pixels) -> None:
    detector = open_detector(name)
    pictures = [astronaut, np.ascontiguousarray(astronaut[:, ::-1]), resized(astronaut, 0.5), np.zeros((300, 300, 3), np.uint8)]
    expected = [plain(detector.find(picture)) for picture in pictures]
    assert [len(found) for found in expected] == [1, 1, 1, 0]
    with ThreadPoolExecutor(8) as pool:
        assert [plain(found) for found in pool.map(detector.find, pictures * 4)] == expected * 4


def test_a_picture_is_left_as_it_is_however_it_lies_in_memory(name: str, astronaut: Pixels) -> None:
    detector, before = open_detector(name), astronaut.copy()
    expected = plain(detector.find(astronaut))
    np.testing.assert_array_equal(astronaut, before)
    astronaut.flags.writeable = False
    assert plain(detector.find(astronaut)) == expected
    assert plain(detector.find(np.asfortranarray(astronaut))) == expected
    assert plain(detector.find(np.repeat(astronaut, 2, axis=1)[:, ::2])) == expected
