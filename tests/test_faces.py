"""Finding faces: in the one picture that may be shown, in what is no face, and in the trial media."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

import fersys.faces
from fersys.detectors.base import Detection, Framing
from fersys.errors import ImageError
from fersys.faces import detect
from fersys.images import read_image
from fersys.results import Face

Pixels = npt.NDArray[np.uint8]

# The astronaut's features in (x, y), read off the picture.
EYES_AND_MOUTH = ((206, 104), (246, 104), (226, 146))


@pytest.fixture
def face(astronaut: Pixels) -> Face:
    (found,) = detect(astronaut)
    return found


def frames(path: Path, every: int) -> Iterator[Pixels]:
    """Every n-th frame of a video, RGB."""
    capture, number = cv2.VideoCapture(str(path)), 0
    while (read := capture.read())[0]:
        if number % every == 0:
            yield np.asarray(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB), dtype=np.uint8)
        number += 1
    assert number, f"no frame could be read from {path}"


def is_inside(face: Face, image: Pixels) -> bool:
    x, y, width, height = face.box
    return min(x, y) >= 0 and x + width <= image.shape[1] and y + height <= image.shape[0]


def test_box_is_around_the_astronaut_s_face(face: Face) -> None:
    x, y, width, height = face.box
    assert all(x < px < x + width and y < py < y + height for px, py in EYES_AND_MOUTH)
    assert 60 < width < 160


def test_face_holds_a_square_rgb_crop_of_its_box(face: Face, astronaut: Pixels) -> None:
    x, y, width, height = face.box
    assert width == height
    np.testing.assert_array_equal(detect(astronaut, align=False)[0].crop, astronaut[y : y + height, x : x + width])
    assert face.crop.shape == (height, width, 3)
    assert face.crop.dtype == np.uint8
    assert face.landmarks.shape == (6, 2)
    assert face.landmarks.dtype == np.float32
    assert isinstance(face.score, float)


def test_crop_does_not_share_memory_with_the_picture(face: Face, astronaut: Pixels) -> None:
    assert not np.shares_memory(face.crop, astronaut)
    assert face.crop.flags["C_CONTIGUOUS"]


@pytest.mark.parametrize("scale", [0.5, 2.0, 3.0])
def test_box_grows_with_the_picture(face: Face, astronaut: Pixels, scale: float) -> None:
    resized = np.asarray(cv2.resize(astronaut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    (found,) = detect(resized)
    np.testing.assert_allclose(found.box, np.array(face.box) * scale, atol=0.12 * face.box[2] * scale)


def test_faces_come_with_the_largest_first(astronaut: Pixels) -> None:
    small = np.asarray(cv2.resize(astronaut, (256, 256), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    both = np.zeros((512, 768, 3), np.uint8)
    both[:256, :256], both[:, 256:] = small, astronaut
    found = detect(both)
    assert len(found) == 2
    assert found[0].box[0] > 256 > found[1].box[0]
    assert found[0].box[2] > found[1].box[2]


def test_face_cut_by_the_edge_has_its_box_inside(astronaut: Pixels) -> None:
    for picture in (astronaut[100:], astronaut[:, 180:], astronaut[:, :270]):
        picture = np.ascontiguousarray(picture)
        (found,) = detect(picture)
        assert is_inside(found, picture)


class Pretended:
    """A detector that finds what it was told to."""

    def __init__(self, *found: Detection, framing: Framing | None = None) -> None:
        self.found, self.framing = list(found), framing or Framing(1.0)

    def find(self, _: Pixels) -> list[Detection]:
        return self.found


def boxed(*box: float, eyes: tuple[tuple[float, float], ...] = ()) -> Detection:
    x, y, width, height = box
    return Detection((x, y, width, height), 0.9, np.array(eyes, np.float32).reshape(-1, 2))


@pytest.mark.parametrize("box", [(-20, 5, 60, 60), (70, -3, 50, 40), (0, 0, 300, 300), (90, 60, 40, 41)])
def test_box_that_leaves_the_picture_is_moved_into_it(box: tuple[int, int, int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fersys.faces, "open_detector", lambda _: Pretended(boxed(*box)))
    picture = np.zeros((80, 100, 3), np.uint8)
    (found,) = detect(picture)
    assert is_inside(found, picture)
    assert found.box[2] == found.box[3] == min(max(box[2], box[3]), 80)
    assert len(found.crop) == max(box[2], box[3])  # the crop is not moved: what lies outside repeats the border


STRIPS = [(1, 1), (2, 3), (20, 20), (1, 5000), (3, 20_000), (20_000, 3), (23, 640), (400, 9000)]


@pytest.mark.parametrize("shape", STRIPS)
def test_blank_and_tiny_pictures_and_strips_hold_no_face(shape: tuple[int, int]) -> None:
    assert detect(np.full((*shape, 3), 128, np.uint8)) == []


def test_noise_and_stripes_hold_no_face() -> None:
    random = np.random.default_rng(0)
    for shape in ((480, 640, 3), (300, 900, 3), (48, 48, 3)):
        assert detect(random.integers(0, 256, shape, dtype=np.uint8)) == []
    assert detect(np.tile(np.repeat(np.array([0, 255], np.uint8), 20), (400, 16))[..., None].repeat(3, axis=2)) == []


def test_threads_find_what_one_alone_finds(astronaut: Pixels) -> None:
    pictures = [astronaut, astronaut[:, ::-1].copy(), np.zeros((300, 300, 3), np.uint8)] * 4
    expected = [[face.box for face in detect(picture)] for picture in pictures[:3]] * 4
    with ThreadPoolExecutor(8) as pool:
        assert [[face.box for face in found] for found in pool.map(detect, pictures)] == expected


def test_what_is_no_rgb_image_is_refused(astronaut: Pixels) -> None:
    for wrong in (astronaut[..., 0], astronaut.astype(np.float32), np.zeros((0, 10, 3), np.uint8)):
        with pytest.raises(ImageError, match="Received: "):
            detect(wrong)  # type: ignore[arg-type]


def test_one_face_is_found_in_the_photo_of_one(media: Path) -> None:
    assert len(detect(read_image(media / "single_face.jpg"))) == 1


def test_several_faces_are_found_in_the_photo_of_a_group(media: Path) -> None:
    picture = read_image(media / "multi_face.jpg")
    found = detect(picture)
    assert len(found) >= 4
    assert all(is_inside(face, picture) for face in found)


def test_no_face_is_found_in_the_video_without_one(media: Path) -> None:
    counts = [len(detect(frame)) for frame in frames(media / "no_face.mp4", every=1)]
    assert counts == [0] * len(counts)


def test_the_face_is_found_in_every_frame_of_the_video_of_one(media: Path) -> None:
    assert all(detect(frame) for frame in frames(media / "single_face.mp4", every=6))
