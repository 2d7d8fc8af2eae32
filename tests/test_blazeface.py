"""BlazeFace's arithmetic by hand-made examples, and the checking of its candidates with a made-up network and mesh."""

from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from fersys.alignment import Square
from fersys.detectors.base import Detection
from fersys.detectors.blazeface import BACK, FULL, SHORT, BlazeFace, CheckedBlazeFace, Variant, halved, letterbox, measured, overlaps, suppress
from fersys.detectors.tiles import windows
from fersys.face_mesh import POINTS, Mesh, Pose, open_mesh
from fersys.networks import open_weights

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

VARIANTS = {"full": FULL, "short": SHORT, "back": BACK}
SHAPES = [(100, 100), (360, 640), (640, 360), (50, 31), (719, 1281), (1, 5000), (5000, 1), (3, 4), (3000, 4000)]


def colours(height: int, width: int) -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def box(left: float, top: float, right: float, bottom: float) -> Floats:
    return np.array([[left, top], [right, bottom]], np.float32)


# The letterbox.


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("side", [128, 192])
def test_a_letterbox_holds_the_whole_image_in_its_middle(shape: tuple[int, int], side: int) -> None:
    square, scale, margin = letterbox(np.full((*shape, 3), 255, np.uint8), side)
    rows, columns = np.flatnonzero(square.any(axis=(1, 2))), np.flatnonzero(square.any(axis=(0, 2)))
    assert square.shape == (side, side, 3)
    assert square.dtype == np.uint8
    assert scale == side / max(shape)
    assert (len(rows), len(columns)) == tuple(max(1, round(length * scale)) for length in shape)
    assert (columns[0], rows[0]) == tuple(margin.astype(int))
    for used in (rows, columns):
        assert abs(used[0] - (side - 1 - used[-1])) <= 1
        assert np.array_equal(used, np.arange(used[0], used[-1] + 1))


@pytest.mark.parametrize("shape", [(360, 640), (641, 363), (1500, 1999), (90, 50), (193, 192)])
def test_what_is_at_a_place_of_the_image_is_found_at_that_place_of_the_letterbox(shape: tuple[int, int]) -> None:
    height, width = shape
    image = np.zeros((*shape, 3), np.uint8)
    reach = max(2, max(shape) // 60)
    x, y = round(0.3 * width), round(0.8 * height)
    image[y - reach : y + reach, x - reach : x + reach] = 255
    square, scale, margin = letterbox(image, 192)
    weights = square[..., 0].astype(float)
    rows, columns = np.mgrid[:192, :192] + 0.5
    found = np.array([(columns * weights).sum(), (rows * weights).sum()]) / weights.sum()
    np.testing.assert_allclose((found - margin) / scale, (x, y), atol=0.5 / scale)


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_a_shrunk_image_is_made_of_means(factor: int) -> None:
    image = colours(96 * factor, 192 * factor)
    means = image.reshape(96, factor, 192, factor, 3).mean(axis=(1, 3))
    square, _, _ = letterbox(image, 192)
    np.testing.assert_allclose(square[48:144].astype(float), means, atol=1.5)  # rounded at each halving


def test_a_small_image_is_enlarged_and_one_of_equal_size_kept() -> None:
    image = colours(192, 192)
    np.testing.assert_array_equal(letterbox(image, 192)[0], image)
    enlarged = letterbox(np.full((24, 24, 3), 77, np.uint8), 192)[0]
    assert np.unique(enlarged).tolist() == [77]


@pytest.mark.parametrize(("shape", "expected"), [((100, 383), (100, 383)), ((100, 384), (50, 192)), ((1001, 700), (250, 175)), ((1, 5000), (1, 312))])
def test_an_image_is_halved_until_it_is_less_than_twice_the_side(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    assert halved(np.zeros((*shape, 3), np.uint8), 192).shape == (*expected, 3)


def test_halving_takes_the_mean_of_four_pixels() -> None:
    image = colours(8, 8)
    expected = image.reshape(4, 2, 4, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(halved(image, 4).astype(float), expected, atol=0.5)


# Overlapping boxes.


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (box(0, 0, 4, 4), 1),
        (box(2, 0, 6, 4), 1 / 3),
        (box(2, 2, 6, 6), 4 / 28),
        (box(1, 1, 3, 3), 1 / 4),
        (box(-2, 1, 6, 3), 8 / 24),  # across
        (box(4, 0, 8, 4), 0),  # they touch
        (box(5, 5, 6, 6), 0),  # apart both ways: no product of two negative lengths
        (box(2, 2, 2, 2), 0),
    ],
)
def test_overlap_is_intersection_over_union(other: Floats, expected: float) -> None:
    one = box(0, 0, 4, 4)
    assert overlaps(one, other[None]).tolist() == pytest.approx([expected])
    assert overlaps(other, one[None]).tolist() == pytest.approx([expected])


def test_overlaps_ignore_what_follows_the_corners() -> None:
    marked = np.concatenate([box(0, 0, 4, 4), np.full((6, 2), 99, np.float32)])
    assert overlaps(marked, np.stack([marked, marked + 2])).tolist() == pytest.approx([1, 4 / 28])


def test_two_empty_boxes_do_not_overlap() -> None:
    assert overlaps(box(1, 1, 1, 1), box(1, 1, 1, 1)[None]).tolist() == [0]


def test_candidates_of_one_face_become_their_mean_weighted_by_score() -> None:
    candidates = np.stack([box(0, 0, 10, 10), box(100, 0, 110, 10), box(2, 0, 12, 10)])
    first, second = suppress(candidates, np.array([0.6, 0.8, 0.9], np.float32))
    assert [first[1], second[1]] == pytest.approx([0.9, 0.8])  # the best score of each, best first
    left = (0.6 * 0 + 0.9 * 2) / 1.5
    np.testing.assert_allclose(first[0], box(left, 0, left + 10, 10), rtol=1e-5)
    np.testing.assert_allclose(second[0], box(100, 0, 110, 10))


def test_candidates_that_overlap_little_are_two_faces() -> None:
    apart, alike = box(0, 0, 10, 10), box(5.5, 0, 15.5, 10)  # 45 of 155
    assert len(suppress(np.stack([apart, alike]), np.array([0.9, 0.8], np.float32))) == 2


def test_a_candidate_with_an_empty_box_and_none_at_all_end() -> None:
    ((points, score),) = suppress(box(5, 5, 5, 5)[None], np.array([0.7], np.float32))
    np.testing.assert_array_equal(points, box(5, 5, 5, 5))
    assert score == pytest.approx(0.7)
    assert suppress(np.empty((0, 8, 2), np.float32), np.empty(0, np.float32)) == []


# From the answers of a network to places in the image.


class Session:
    """Answers like a BlazeFace network with one sure cell; keeps what it was shown."""

    def __init__(self, cells: int, sure: int, logit: float = 3.0, shifts: Floats | None = None) -> None:
        self.logits, self.shifts = np.full((1, cells, 1), -9, np.float32), np.zeros((1, cells, 16), np.float32)
        self.logits[0, sure], self.shifts[0, sure] = logit, np.zeros(16, np.float32) if shifts is None else shifts
        self.shown: Floats = np.empty(0, np.float32)

    def get_inputs(self) -> list[Any]:
        return [type("Input", (), {"name": "picture"})]

    def run(self, _: None, fed: dict[str, Floats]) -> list[Floats]:
        self.shown = fed["picture"]
        return [self.shifts, self.logits]


# By cell of the network: the centre of the cell in pixels of the input, as MediaPipe lays them out.
ANCHORS = [
    (FULL, 2304, 0, (2, 2)),
    (FULL, 2304, 1, (6, 2)),
    (FULL, 2304, 48, (2, 6)),
    (FULL, 2304, 2303, (190, 190)),
    (SHORT, 896, 1, (4, 4)),  # two a cell …
    (SHORT, 896, 2, (12, 4)),
    (SHORT, 896, 511, (124, 124)),
    (SHORT, 896, 517, (8, 8)),  # … then six
    (SHORT, 896, 518, (24, 8)),
    (BACK, 896, 895, (240, 240)),
]


@pytest.mark.parametrize(("variant", "cells", "sure", "centre"), ANCHORS)
def test_an_answer_is_placed_by_its_cell(variant: Variant, cells: int, sure: int, centre: tuple[int, int]) -> None:
    network = BlazeFace(Session(cells, sure, shifts=np.array([1, 2, 10, 20, *range(12)], np.float32)), variant)
    (found,) = network.find(np.zeros((variant.side, variant.side, 3), np.uint8))
    x, y = centre
    assert found.box == pytest.approx((x + 1 - 5, y + 2 - 10, 10, 20), abs=1e-3)
    np.testing.assert_allclose(found.landmarks, np.arange(12).reshape(6, 2) + np.array([x, y]))
    assert found.landmarks.dtype == np.float32
    assert found.score == pytest.approx(1 / (1 + np.exp(-3)))


def test_an_answer_is_given_in_pixels_of_the_image() -> None:
    network = BlazeFace(Session(2304, 24 * 48 + 24, shifts=np.array([0, 0, 12, 12, *[0] * 12], np.float32)), FULL)
    (found,) = network.find(np.zeros((360, 640, 3), np.uint8))  # 192 pixels for 640, margin of 42 above
    scale = 640 / 192
    assert found.box == pytest.approx(((98 - 6) * scale, (98 - 6 - 42) * scale, 12 * scale, 12 * scale), rel=1e-5)


def test_a_network_is_shown_values_from_minus_1_to_1() -> None:
    session, image = Session(2304, 0), np.zeros((192, 192, 3), np.uint8)
    image[..., 0], image[:, 96:, 1] = 255, 51
    BlazeFace(session, FULL).find(image)
    assert session.shown.shape == (1, 192, 192, 3)
    assert session.shown.dtype == np.float32
    np.testing.assert_allclose(session.shown[0, 0, [0, 191]], np.array([[1, -1, -1], [1, 51 / 127.5 - 1, -1]]), atol=1e-6)


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_a_candidate_must_reach_the_threshold(variant: Variant) -> None:
    cells, image = sum(count * side**2 for side, count in variant.grids), np.zeros((64, 64, 3), np.uint8)
    edge = float(np.log(variant.threshold / (1 - variant.threshold)))
    assert BlazeFace(Session(cells, 5, edge + 0.01), variant).find(image)
    assert not BlazeFace(Session(cells, 5, edge - 0.01), variant).find(image)


@pytest.mark.parametrize("logit", [-1e6, 1e6])
def test_an_extreme_answer_overflows_nothing(logit: float) -> None:
    with np.errstate(all="raise"):
        found = BlazeFace(Session(2304, 0, logit), FULL).find(np.zeros((64, 64, 3), np.uint8))
    assert len(found) == (logit > 0)


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_each_network_alone_sees_the_astronaut_and_its_marks(variant: Variant, astronaut: Pixels) -> None:
    found = max(BlazeFace(open_weights(variant.weights), variant).find(astronaut), key=lambda face: face.score)
    features = [(206, 104), (246, 104), (223, 130), (226, 146)]  # eye, eye, nose, mouth, read off the picture
    np.testing.assert_allclose(found.landmarks[:4], features, atol=12)
    assert found.landmarks[4, 0] < found.landmarks[0, 0] < found.landmarks[1, 0] < found.landmarks[5, 0]


# Checking by the mesh.


def detection(x: float, y: float, side: float, score: float = 0.9) -> Detection:
    return Detection((x, y, side, side), score, np.array([[x, y], [x + side, y]], np.float32))


def points(left: float, top: float, width: float, height: float) -> Floats:
    """A mesh whose points fill a box, the eyes level."""
    spread = np.random.default_rng(0).random((POINTS, 3)).astype(np.float32)
    spread[:2] = (0, 0, 0), (1, 1, 0)
    spread[[33, 133, 362, 263], :2] = (0.2, 0.3), (0.3, 0.3), (0.7, 0.3), (0.8, 0.3)
    spread[:, :2] = spread[:, :2] * (width, height) + (left, top)
    return spread


def mesh_of(placed: Floats, score: float = 1.0) -> Mesh:
    return Mesh(placed, score, Pose(0, 0, 0))


class Network:
    """Finds in an image of each size what it was told to."""

    def __init__(self, found: Callable[[Pixels], list[Detection]], tiled: bool = False) -> None:
        self.find, self.tiled = found, tiled


class Fitter:
    """Fits to each square a mesh of two thirds of it, all sure by the same score; keeps the squares."""

    def __init__(self, score: float = 1.0) -> None:
        self.score, self.squares = score, list[Square]()

    def fit(self, _: Pixels, square: Square) -> Mesh:
        self.squares.append(square)
        side = square.side / 1.5
        return mesh_of(points(square.x - side / 2, square.y - side / 2, side, side), self.score)


def checked(network: Network, fitter: Fitter) -> CheckedBlazeFace:
    return CheckedBlazeFace(network, fitter)  # type: ignore[arg-type]


IMAGE = np.zeros((100, 200, 3), np.uint8)


def test_a_face_is_what_the_mesh_measures_with_the_score_of_blazeface() -> None:
    (face,) = checked(Network(lambda _: [detection(20, 30, 40, 0.8)]), Fitter()).find(IMAGE)
    assert face.box == pytest.approx((20, 30, 40, 40), abs=1e-3)
    assert face.score == 0.8
    assert face.landmarks.shape == (6, 2)


@pytest.mark.parametrize(("score", "faces"), [(0.1, 0), (0.97, 0), (0.99, 1)])
def test_what_the_mesh_takes_for_no_face_is_none(score: float, faces: int) -> None:
    assert len(checked(Network(lambda _: [detection(20, 30, 40)]), Fitter(score)).find(IMAGE)) == faces


def test_the_mesh_looks_at_a_wider_square_turned_like_the_face() -> None:
    leaning = Detection((20, 30, 40, 30), 0.9, np.array([[30, 40], [50, 60]], np.float32))
    fitter = Fitter()
    checked(Network(lambda _: [leaning]), fitter).find(IMAGE)
    (square,) = fitter.squares
    assert (square.x, square.y, square.side, square.angle) == pytest.approx((40, 45, 60, 45))


def test_a_face_seen_twice_is_one_and_is_fitted_once() -> None:
    fitter = Fitter()
    faces = checked(Network(lambda _: [detection(20, 30, 40, 0.9), detection(24, 32, 40, 0.8), detection(120, 30, 40, 0.7)]), fitter).find(IMAGE)
    assert [face.score for face in faces] == [0.9, 0.7]
    assert len(fitter.squares) == 2


def test_two_candidates_that_the_mesh_fits_to_one_face_are_one() -> None:
    class Gathering(Fitter):
        def fit(self, image: Pixels, square: Square) -> Mesh:
            super().fit(image, square)
            return mesh_of(points(10, 10, 50, 50))

    fitter = Gathering()
    assert len(checked(Network(lambda _: [detection(0, 0, 20), detection(150, 50, 20)]), fitter).find(IMAGE)) == 1
    assert len(fitter.squares) == 2


def tile_by_tile(image: Pixels) -> list[Detection]:
    """A face at (30, 40) of the first tile, which is marked."""
    return [detection(30, 40, 60)] if image.shape[:2] == (512, 512) and image[0, 0, 0] == 9 else []


def test_a_face_in_a_tile_is_found_at_its_place_in_the_image() -> None:
    image = np.zeros((1200, 1600, 3), np.uint8)
    second = windows(image)[1]
    image[second.y, second.x] = 9
    (face,) = checked(Network(tile_by_tile, tiled=True), Fitter()).find(image)
    assert face.box == pytest.approx((30 + second.x, 40 + second.y, 60, 60), abs=1e-2)
    assert checked(Network(tile_by_tile, tiled=False), Fitter()).find(image) == []


def test_a_face_in_the_overlap_of_tiles_is_one() -> None:
    class Eye:
        """Sees one face at (400, 400) of the image in every tile that holds it whole."""

        tiles: Iterator[Any]

        def __call__(self, image: Pixels) -> list[Detection]:
            if image.shape[0] == 1200:
                self.tiles = iter(windows(image))
                return []
            tile = next(self.tiles)
            x, y = 400 - tile.x, 400 - tile.y
            return [detection(x, y, 60)] if 0 <= x <= 452 and 0 <= y <= 452 else []

    image = np.zeros((1200, 1600, 3), np.uint8)
    assert sum(tile.x <= 400 <= tile.x + 452 and tile.y <= 400 <= tile.y + 452 for tile in windows(image)) > 1
    assert len(checked(Network(Eye(), tiled=True), Fitter()).find(image)) == 1


@pytest.mark.parametrize("angle", [0, 30, -75, 170])
def test_box_of_a_mesh_is_the_square_around_it_in_the_face_s_own_axes(angle: float) -> None:
    upright, turn, pivot = points(100, 80, 60, 90), np.exp(1j * np.deg2rad(angle)), 300 + 200j
    turned = (upright[:, 0] + 1j * upright[:, 1] - pivot) * turn + pivot
    placed = np.column_stack([turned.real, turned.imag, upright[:, 2]]).astype(np.float32)
    middle = (130 + 125j - pivot) * turn + pivot
    found = measured(mesh_of(placed), 0.75)
    assert found.box == pytest.approx((middle.real - 45, middle.imag - 45, 90, 90), abs=0.01)
    assert found.score == 0.75
    assert np.degrees(np.arctan2(*(found.landmarks[1] - found.landmarks[0])[::-1])) == pytest.approx(angle, abs=1e-3)


# A small face in a large picture.


def with_small_face(astronaut: Pixels, side: int, shape: tuple[int, int]) -> Pixels:
    """The astronaut's head (110 pixels wide) so that it is `side` pixels wide, in gray."""
    scale = side / 110
    head = cv2.resize(astronaut[20:240, 120:340], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    image = np.full((*shape, 3), 128, np.uint8)
    image[1310 : 1310 + len(head), 2105 : 2105 + len(head)] = head
    return image


def test_a_small_face_in_a_large_picture_is_found_in_a_tile_only(astronaut: Pixels) -> None:
    image = with_small_face(astronaut, 40, (2000, 3000))
    network, mesh = BlazeFace(open_weights(FULL.weights), FULL), open_mesh()
    (found,) = CheckedBlazeFace(network, mesh).find(image)
    x, y, side, _ = found.box
    assert x < 2105 + (226 - 120) * 40 / 110 < x + side
    assert y < 1310 + (125 - 20) * 40 / 110 < y + side
    assert 25 < side < 60
    assert CheckedBlazeFace(Network(network.find), mesh).find(image) == []  # type: ignore[arg-type]
