"""The face mesh: where its points lie, how sure it is, and the signs of the pose."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from skimage import data

from fersys.alignment import Square
from fersys.errors import ImageError
from fersys.face_mesh import POINTS, mesh, open_mesh, pose_of
from fersys.faces import detect
from fersys.images import read_image
from fersys.results import Face

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

# The astronaut's eye, eye, nose and mouth, read off the picture.
FEATURES = ((206, 104), (246, 104), (223, 130), (226, 146))
LEFT_EYE, RIGHT_EYE, TOP, CHIN = 33, 263, 10, 152  # numbers of MediaPipe's points, left and right in the picture


def turned(image: Pixels, angle: float) -> Pixels:
    """The picture turned clockwise by so many degrees around the astronaut's nose."""
    matrix = cv2.getRotationMatrix2D(FEATURES[2], -angle, 1)
    return np.asarray(cv2.warpAffine(image, matrix, (512, 512), borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8)


def the_face(image: Pixels) -> Face:
    (found,) = detect(image)
    return found


def test_there_are_468_points_on_the_face(astronaut: Pixels) -> None:
    fitted = mesh(astronaut, face := the_face(astronaut))
    x, y, width, height = face.box
    assert fitted.points.shape == (POINTS, 3) == (468, 3)
    assert fitted.points.dtype == np.float32
    inside = (fitted.points[:, :2] > (x, y)) & (fitted.points[:, :2] < (x + width, y + height))
    assert inside.all()
    assert fitted.score > 0.99
    assert np.ptp(fitted.points[:, 2]) == pytest.approx(np.ptp(fitted.points[:, 0]), rel=0.5)  # z is of the unit of x


def test_landmarks_are_the_features_in_the_order_of_a_face(astronaut: Pixels) -> None:
    fitted = mesh(astronaut, the_face(astronaut))
    assert fitted.landmarks.shape == (6, 2)
    assert fitted.landmarks.dtype == np.float32
    np.testing.assert_allclose(fitted.landmarks[:4], FEATURES, atol=6)
    assert fitted.landmarks[4, 0] < fitted.landmarks[0, 0] < fitted.landmarks[1, 0] < fitted.landmarks[5, 0]  # ear, eye, eye, ear


def test_a_face_without_landmarks_is_enough(astronaut: Pixels) -> None:
    (found,) = detect(astronaut, "haar")
    assert not len(found.landmarks)
    fitted = mesh(astronaut, found)
    assert fitted.score > 0.99
    np.testing.assert_allclose(fitted.landmarks[:4], FEATURES, atol=6)


def test_points_move_with_the_picture(astronaut: Pixels) -> None:
    face, moved = the_face(astronaut), np.roll(astronaut, (40, 60), axis=(0, 1))
    x, y, width, height = face.box
    there = replace(face, box=(x + 60, y + 40, width, height))
    np.testing.assert_allclose(mesh(moved, there).points, mesh(astronaut, face).points + np.array([60, 40, 0]), atol=0.02)


def test_points_grow_with_the_picture(astronaut: Pixels) -> None:
    large = np.asarray(cv2.resize(astronaut, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
    plain = open_mesh().fit(astronaut, Square(225, 120, 160))
    np.testing.assert_allclose(open_mesh().fit(large, Square(675, 360, 480)).points, 3 * plain.points, atol=3)


@pytest.mark.parametrize("angle", [-60, -25, 25, 60])
def test_a_turned_face_keeps_its_points(astronaut: Pixels, angle: float) -> None:
    plain = mesh(astronaut, the_face(astronaut))
    fitted = open_mesh().fit(turned(astronaut, angle), Square(224, 120, 160, angle))
    spin, nose = np.exp(1j * np.deg2rad(angle)), complex(*FEATURES[2])
    expected = (plain.points[:, 0] + 1j * plain.points[:, 1] - nose) * spin + nose
    np.testing.assert_allclose(fitted.points[:, 0] + 1j * fitted.points[:, 1], expected, atol=6)
    assert fitted.pose.roll - plain.pose.roll == pytest.approx(angle, abs=4)


def test_a_mirrored_face_leans_the_other_way(astronaut: Pixels) -> None:
    leaning = turned(astronaut, 12)
    mirrored = np.ascontiguousarray(leaning[:, ::-1])
    one, other = (mesh(image, the_face(image)).pose for image in (leaning, mirrored))
    assert one.roll > 8
    assert other.roll == pytest.approx(-one.roll, abs=4)
    assert (other.yaw, other.pitch) == pytest.approx((-one.yaw, one.pitch), abs=5)


@pytest.mark.parametrize(("name", "yaw"), [("0-f1-su-ph.jpg", 0), ("15-f13-anc-ph.jpg", -15), ("45-m7-di-ph.jpg", -45)])
def test_a_head_photographed_from_the_side_is_turned_by_that_angle(name: str, yaw: float, media: Path) -> None:
    image = read_image(media / name)  # the angle is in the file's name; they face the left of the picture
    mirrored = np.ascontiguousarray(image[:, ::-1])
    assert mesh(image, the_face(image)).pose.yaw == pytest.approx(yaw, abs=8)
    assert mesh(mirrored, the_face(mirrored)).pose.yaw == pytest.approx(-yaw, abs=8)


def rotation(axis: tuple[float, float, float], degrees: float) -> npt.NDArray[np.float64]:
    return np.asarray(cv2.Rodrigues(np.deg2rad(degrees) * np.array(axis))[0])


def posed(matrix: npt.NDArray[np.float64]) -> tuple[Floats, npt.NDArray[np.float64]]:
    """Mesh points of a head that was turned, and where its nose points to: x to the right, y down, z away from the camera."""
    points = np.zeros((POINTS, 3))
    points[[LEFT_EYE, RIGHT_EYE, TOP, CHIN]] = (-30, 0, 0), (30, 0, 0), (0, -50, 0), (0, 50, 0)
    return (points @ matrix.T + (200, 150, 0)).astype(np.float32), matrix @ (0, 0, -1)


def test_a_head_that_looks_into_the_camera_has_no_angles() -> None:
    points, _ = posed(np.eye(3))
    pose = pose_of(points)
    assert (pose.yaw, pose.pitch, pose.roll) == pytest.approx((0, 0, 0), abs=1e-4)


@pytest.mark.parametrize("degrees", [-50, -20, 20, 50])
@pytest.mark.parametrize("axis", [(1, 0, 0), (0, 1, 0), (0, 0, 1)])
def test_each_angle_has_its_sign_and_degrees(axis: tuple[float, float, float], degrees: float) -> None:
    points, nose = posed(rotation(axis, degrees))
    pose = pose_of(points)
    assert pose.yaw == pytest.approx(math.degrees(math.asin(nose[0])), abs=0.01)  # the nose to the right
    assert pose.pitch == pytest.approx(math.degrees(math.asin(-nose[1])), abs=0.01)  # the nose up
    assert pose.roll == pytest.approx(degrees if axis == (0, 0, 1) else 0, abs=0.01)
    assert max(abs(pose.yaw), abs(pose.pitch), abs(pose.roll)) == pytest.approx(abs(degrees), abs=0.01)


def test_a_longer_face_has_the_same_pose() -> None:
    points, _ = posed(rotation((0, 1, 0), 30))
    longer = points * np.float32(3)
    assert pose_of(longer).yaw == pytest.approx(pose_of(points).yaw, abs=1e-3)


NO_FACES: dict[str, Callable[[], Pixels]] = {
    "blank": lambda: np.full((300, 300, 3), 128, np.uint8),
    "noise": lambda: np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8),
    "coffee": lambda: np.asarray(data.coffee(), dtype=np.uint8),
    "rocket": lambda: np.asarray(data.rocket(), dtype=np.uint8),
}


@pytest.mark.parametrize("name", NO_FACES)
def test_where_no_face_is_the_score_is_low(name: str) -> None:
    image = NO_FACES[name]()
    height, width = image.shape[:2]
    assert open_mesh().fit(image, Square(width / 2, height / 2, 0.6 * height)).score < 0.5


def test_what_is_no_rgb_image_is_refused(astronaut: Pixels) -> None:
    face = the_face(astronaut)
    for wrong in (astronaut[..., 0], astronaut.astype(np.float32)):
        with pytest.raises(ImageError, match="Received: "):
            mesh(wrong, face)  # type: ignore[arg-type]


def test_the_network_is_opened_once() -> None:
    assert open_mesh() is open_mesh()
