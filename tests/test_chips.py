"""Chips: levelled and framed as dlib's recogniser was trained on."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from fersys import detect
from fersys.alignment import Square
from fersys.chips import CHIP, fit_similarity, to_chip
from fersys.errors import ImageError
from fersys.face_mesh import open_mesh

Pixels = npt.NDArray[np.uint8]

# The foot of the nose and the corners of the eyes in a chip, from dlib's 5-point template with a padding of 0.25.
EYES = {33: (37.06, 46.37), 133: (58.41, 47.91), 362: (89.61, 47.90), 263: (110.96, 46.35)}
NOSE = {2: (74.01, 87.78)}


@pytest.fixture
def face(astronaut: Pixels) -> Pixels:
    return detect(astronaut)[0].crop


def turned(image: Pixels, degrees: float, scale: float = 1.0) -> Pixels:
    side = len(image)
    matrix = cv2.getRotationMatrix2D((side / 2 - 0.5, side / 2 - 0.5), -degrees, scale)
    return np.asarray(cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def points_of(chip: Pixels) -> npt.NDArray[np.float32]:
    return open_mesh().fit(chip, Square(CHIP / 2, CHIP / 2, 1.3 * CHIP)).points[:, :2]


@pytest.mark.parametrize("degrees", [0, 20, -25])
def test_eyes_and_nose_come_to_lie_where_dlib_s_mean_face_has_them(face: Pixels, degrees: float) -> None:
    chip = to_chip(turned(face, degrees))
    assert chip.shape == (CHIP, CHIP, 3)
    assert chip.dtype == np.uint8
    points = points_of(chip)
    for number, place in (EYES | NOSE).items():
        assert np.linalg.norm(points[number] - place) < (14 if number in NOSE else 7), number  # she smiles: her nose is short
    assert np.linalg.norm(points[263] - points[33]) == pytest.approx(73.9, abs=5)


@pytest.mark.parametrize(("degrees", "scale"), [(20, 1), (-15, 1), (0, 0.85)])
def test_leaning_and_small_faces_give_nearly_the_same_chip(face: Pixels, degrees: float, scale: float) -> None:
    away = points_of(to_chip(turned(face, degrees, scale))) - points_of(to_chip(face))
    assert np.linalg.norm(away, axis=1).mean() < (2 if scale == 1 else 4)


def test_gray_fer2013_size_is_enough(face: Pixels) -> None:
    small = cv2.cvtColor(cv2.cvtColor(cv2.resize(turned(face, 15), (48, 48), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    points = points_of(to_chip(np.asarray(small, np.uint8)))
    for number, place in EYES.items():
        assert np.linalg.norm(points[number] - place) < 8, number


def test_without_a_face_the_crop_is_framed_as_usual() -> None:
    right, down = np.meshgrid(np.arange(100), np.arange(100))
    ramp = np.stack([2 * right, 2 * down, 0 * right], axis=2).astype(np.uint8)
    chip = to_chip(ramp).astype(float)
    assert chip[75, 75, 0] == pytest.approx(2 * 51 - 0.5, abs=2)  # the middle of the chip: 51 % across, 58.3 % down
    assert chip[75, 75, 1] == pytest.approx(2 * 58.3 - 0.5, abs=2)
    assert (chip[75, 100, 0] - chip[75, 50, 0]) / 50 == pytest.approx(2 * 104 / 150, rel=0.05)  # 1.04 crops wide


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (48, 48), (150, 150), (400, 300), (1, 500), (3000, 10)])
def test_any_size_gives_a_chip(shape: tuple[int, int]) -> None:
    crop = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    before = crop.copy()
    assert to_chip(crop).shape == (CHIP, CHIP, 3)
    np.testing.assert_array_equal(crop, before)


def test_large_crops_are_averaged_before_they_are_shrunk() -> None:
    checks = np.indices((1200, 1200)).sum(axis=0) % 2 * 255
    chip = to_chip(np.repeat(checks[..., None], 3, axis=2).astype(np.uint8))
    assert np.abs(chip.astype(float) - 127.5).max() < 3


def test_what_is_no_rgb_image_is_refused() -> None:
    with pytest.raises(ImageError):
        to_chip(np.zeros((48, 48), np.uint8))


def test_similarity_is_recovered_from_noisy_points_and_never_mirrors() -> None:
    random = np.random.default_rng(0)
    points, angle = random.normal(size=(30, 2)), 0.7
    turn = 1.8 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    target = points @ turn.T + [4, -2] + random.normal(0, 0.01, (30, 2))
    np.testing.assert_allclose(fit_similarity(points, target), np.column_stack([turn, [4, -2]]), atol=0.02)
    mirrored = fit_similarity(points, points * [-1, 1])
    assert np.linalg.det(mirrored[:, :2]) > 0


def test_five_points_are_framed_as_dlib_s_own_aligner_does(astronaut: Pixels) -> None:
    if find_spec("dlib") is None:
        pytest.skip("no dlib here: pip install -r requirements-dlib.txt")
    dlib: Any = import_module("dlib")
    smooth = np.asarray(cv2.GaussianBlur(astronaut, (0, 0), 3), np.uint8)
    spots = {263: (246, 112), 362: (232, 113), 33: (188, 118), 133: (205, 117), 2: (220, 148)}
    order = (263, 362, 33, 133, 2)  # of dlib's 5-point model
    shape = dlib.full_object_detection(dlib.rectangle(150, 50, 290, 190), dlib.points([dlib.point(*spots[number]) for number in order]))
    theirs = dlib.get_face_chip(smooth, shape, CHIP, 0.25)
    matrix = fit_similarity(np.array([spots[n] for n in order], float), np.array([(EYES | NOSE)[n] for n in order]))
    ours = cv2.warpAffine(smooth, matrix, (CHIP, CHIP), flags=cv2.INTER_LINEAR)
    assert np.abs(ours.astype(float) - theirs)[10:-10, 10:-10].mean() < 4
