"""Finding faces: in the one picture that may be shown, in what is no face, and in the trial media."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

import fersys.faces
from fersys.alignment import Square, cut
from fersys.detectors.base import Detection, Framing
from fersys.errors import ConfigError, ImageError
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


def test_faces_of_one_box_are_framed_by_the_detector_s_own_framing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fersys.faces, "open_detector", lambda _: Pretended(boxed(40, 30, 20, 10), framing=Framing(1.5, 0.25)))
    picture = np.random.default_rng(0).integers(0, 256, (90, 100, 3), dtype=np.uint8)
    (found,) = detect(picture)
    assert found.box == (35, 25, 30, 30)  # centre (50, 35), moved down by 5; side 30
    np.testing.assert_array_equal(found.crop, picture[25:55, 35:65])
    assert found.score == 0.9


@pytest.mark.parametrize(("angle", "centre"), [(0, (50, 45)), (90, (40, 35)), (-90, (60, 35)), (180, (50, 25))])
def test_the_frame_of_a_turned_face_moves_towards_its_chin(angle: float, centre: tuple[float, float]) -> None:
    framed = fersys.faces.frame(boxed(40, 25, 20, 20), Framing(2.0, 0.5), angle)
    assert (framed.x, framed.y) == pytest.approx(centre)
    assert (framed.side, framed.angle) == (40, angle)


@pytest.mark.parametrize(("drop", "align", "turned"), [(4, True, True), (4, False, False), (0.5, True, False), (-4, True, True), (0, True, False)])
def test_a_crop_is_turned_if_the_eyes_lean_and_it_is_wanted(drop: float, align: bool, turned: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    found = boxed(30, 30, 40, 40, eyes=((40, 45), (60, 45 + drop)))
    monkeypatch.setattr(fersys.faces, "open_detector", lambda _: Pretended(found))
    picture = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    (face,) = detect(picture, align=align)
    angle = float(np.degrees(np.arctan2(drop, 20)))
    assert face.angle == pytest.approx(angle, abs=1e-4)  # told even if nothing is turned
    assert face.box == (30, 30, 40, 40)
    np.testing.assert_array_equal(face.crop, cut(picture, Square(50, 50, 40, face.angle if turned else 0)))


def rotated(image: Pixels, angle: float) -> Pixels:
    """The picture turned clockwise by so many degrees around the astronaut's nose."""
    matrix = cv2.getRotationMatrix2D((226, 125), -angle, 1)
    return np.asarray(cv2.warpAffine(image, matrix, (512, 512), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8)


def likeness(one: Pixels, other: Pixels) -> float:
    """Correlation of two crops as the networks see them: gray, 48×48."""
    small = [cv2.resize(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), (48, 48), interpolation=cv2.INTER_AREA).ravel() for crop in (one, other)]
    return float(np.corrcoef(small[0], small[1])[0, 1])


@pytest.mark.parametrize("angle", [-30, -15, 15, 30])
def test_a_turned_picture_gives_the_same_crop_if_it_is_aligned(angle: float, face: Face, astronaut: Pixels) -> None:
    (aligned,), (as_it_is,) = detect(rotated(astronaut, angle)), detect(rotated(astronaut, angle), align=False)
    assert aligned.angle - face.angle == pytest.approx(angle, abs=3)
    assert likeness(aligned.crop, face.crop) > likeness(as_it_is.crop, face.crop) + 0.3
    assert likeness(aligned.crop, face.crop) > 0.8  # the box of a face that leans much is a little smaller


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


def test_another_detector_can_be_named(astronaut: Pixels) -> None:
    (found,) = detect(astronaut, "haar")
    assert found.angle == 0
    assert not len(found.landmarks)
    with pytest.raises(ConfigError, match=r"Unknown face detector: expected one of .*Received: 'none'$"):
        detect(astronaut, "none")


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
