import numpy as np
import pytest

from app.captcha.spoof_pictures import Hand, Still, bend, hold, lend, morph, place, turn, warp
from fersys.results import Image
from tests.made_sights import head


def picture() -> Image:
    return np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8).repeat(10, axis=0).repeat(10, axis=1)


def still(smile: float = 0.0) -> Still:
    return Still(picture(), head(smile).astype(np.float64))


def test_points_that_stay_leave_the_picture_as_it_is() -> None:
    assert (warp(picture(), head(), head()) == picture()).all()


def test_a_warp_moves_the_face_and_leaves_the_corners_alone() -> None:
    moved = head() + np.array([4, 0, 0], np.float32)
    warped = warp(picture(), head(), moved)
    x, y = head()[1, :2].round().astype(int)
    assert abs(int(warped[y, x + 4, 0]) - int(picture()[y, x, 0])) < 20
    assert (warped[:3, :3] == picture()[:3, :3]).all()


def test_half_a_morph_lies_half_way() -> None:
    half = morph(still(), still(1), 0.5)
    assert np.allclose(half.points, (still().points + still(1).points) / 2)
    assert morph(still(), still(1), 0.0).points is not None
    assert np.allclose(morph(still(), still(1), 1.0).points, still(1).points)


def test_a_turn_moves_the_nose_to_its_side_and_none_leaves_everything() -> None:
    nose = still().points[1, 0] - still().points[[33, 263], 0].mean()
    right, left = (turn(still(), degrees).points for degrees in (20, -20))
    assert right[1, 0] - right[[33, 263], 0].mean() > nose > left[1, 0] - left[[33, 263], 0].mean()
    assert np.allclose(turn(still(), 0).points, still().points)


def test_a_donor_s_points_are_placed_as_a_whole() -> None:
    away = Still(picture(), still().points * 0.5 + 7)
    assert np.allclose(place(away, still())[:, :2], still().points[:, :2], atol=1.5)


def test_who_is_lent_a_face_keeps_the_picture_around_it() -> None:
    donor = Still(np.full_like(picture(), 200), head(1).astype(np.float64))
    lent = lend(donor, still())
    assert (lent.image[:3] == picture()[:3]).all()
    assert lent.image.shape == picture().shape


@pytest.mark.parametrize("hand", [Hand(scale=0.5), Hand(scale=0.5, yaw=30, roll=10), Hand(scale=0.5, bend=1.0)])
def test_around_a_photo_that_is_held_there_is_the_room(hand: Hand) -> None:
    room = np.full_like(picture(), 7)
    held = hold(picture(), room, hand)
    assert (held[:5] == 7).all()
    assert (held[55:65, 75:85] != 7).any()


def test_a_photo_that_is_not_bent_stays_flat() -> None:
    assert bend(picture(), 0.0) is not None
    assert (bend(picture(), 0.0) == picture()).all()
    assert (bend(picture(), 1.0) != picture()).any()
