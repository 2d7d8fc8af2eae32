import cv2
import numpy as np
import pytest

from app.captcha import cues
from tests.made_sights import TILTED, head, moved, room

JITTER = [np.random.default_rng(seed).normal(0, 0.1, (468, 3)).astype(np.float32) for seed in range(6)]


def test_a_tilted_photo_does_not_change_its_shape() -> None:
    photo = head()
    assert cues.change([photo], [moved(photo, TILTED)]) < 1e-6


def test_a_smile_changes_the_shape() -> None:
    assert cues.change([head()], [head(smile=1)]) > cues.Limits().flat


def test_noise_of_the_mesh_averages_out() -> None:
    rest, pose = [head() + noise for noise in JITTER[:3]], [head() + noise for noise in JITTER[3:]]
    assert cues.change(rest, pose) < cues.Limits().flat


def test_a_turned_head_has_parallax_and_a_turned_photo_has_none() -> None:
    ahead = head()
    assert cues.parallax([ahead], [head(yaw=20)]) > cues.Limits().planar
    assert cues.parallax([ahead], [moved(ahead, TILTED)]) < 0.001


def test_a_swapped_photo_changes_at_once_and_a_face_step_by_step() -> None:
    rest, pose = [head()] * 3, [head(smile=1)] * 3
    swapped = [*rest, *pose]
    grown = [*rest, *(head(smile=share) for share in (0.25, 0.5, 0.75)), *pose]
    assert cues.largest_share(swapped, rest, pose) == pytest.approx(1)
    assert cues.largest_share(grown, rest, pose) < 0.5


def test_without_any_change_all_of_it_is_sudden() -> None:
    assert cues.largest_share([head()] * 4, [head()], [head()]) == 1


def test_a_face_that_jumps_leaps_and_one_that_comes_nearer_little_by_little_does_not() -> None:
    here = head()
    there, nearer = here.copy(), here.copy()
    there[:, 0] += 60
    nearer[:, :2] = (nearer[:, :2] - 70) * 1.05 + 70
    assert cues.leap(here, there) > cues.Limits().leap
    assert cues.leap(here, nearer) < 0.5


def test_another_room_is_a_cut_and_a_head_that_moves_in_the_same_room_is_none() -> None:
    box = (0.35, 0.3, 0.3, 0.5)
    assert cues.cut(cues.thumb(room(0), box), cues.thumb(room(1), box)) > cues.Limits().cut
    assert cues.cut(cues.thumb(room(0), box), cues.thumb(room(0), (0.4, 0.3, 0.3, 0.5))) == 0


def test_a_face_that_fills_the_picture_leaves_no_room() -> None:
    assert cues.has_room(cues.thumb(room(), (0.35, 0.3, 0.3, 0.5)))
    assert not cues.has_room(cues.thumb(room(), (0.1, 0.05, 0.8, 0.9)))


def test_rooms_that_share_no_place_are_not_taken_for_the_same() -> None:
    assert cues.cut(np.full((16, 24), np.nan), np.zeros((16, 24))) == np.inf


def test_a_photo_in_a_hand_moves_with_its_background() -> None:
    before, shift = room(), np.array([[1, 0, 9], [0, 1, 6]], np.float32)
    after = np.asarray(cv2.warpAffine(before, shift, (160, 120), borderMode=cv2.BORDER_REPLICATE), np.uint8)
    face, box = head(), (0.35, 0.3, 0.3, 0.5)
    carried, still = face + np.array([9, 6, 0], np.float32), face
    photo, way = cues.slip(before, after, (face, carried), box)
    assert way > 0.3
    assert photo < cues.Limits().stuck < cues.slip(before, after, (face, still), box)[0]


def test_an_empty_wall_says_nothing_about_the_hand() -> None:
    wall = np.full((120, 160), 128, np.uint8)
    assert cues.slip(wall, wall, (head(), head()), (0.35, 0.3, 0.3, 0.5)) == (np.inf, 0.0)


def test_a_picture_without_a_camera_s_noise_is_frozen() -> None:
    noisy = np.clip(room().astype(int) + np.random.default_rng(1).integers(-1, 2, (120, 160)), 0, 255).astype(np.uint8)
    assert cues.is_frozen(room(), room())
    assert not cues.is_frozen(room(), noisy)
    assert not cues.is_frozen(room(), room()[:60])


def test_the_bits_of_a_frame_survive_another_compression_and_tell_frames_apart() -> None:
    frame = cv2.GaussianBlur(cv2.resize(room(3), (320, 240)), (0, 0), 6)
    crop = cv2.cvtColor(frame[:200, :200], cv2.COLOR_GRAY2RGB)
    again = [np.asarray(cv2.imdecode(cv2.imencode(".jpg", part, [cv2.IMWRITE_JPEG_QUALITY, 80])[1], kind)) for part, kind in ((crop, 1), (frame, 0))]
    bits = cues.hash_of(np.asarray(crop, np.uint8), np.asarray(frame, np.uint8))
    other = cv2.GaussianBlur(cv2.resize(room(4), (320, 240)), (0, 0), 6)
    assert len(bits) == 512
    assert (bits != cues.hash_of(again[0], again[1])).sum() <= 10
    assert (bits != cues.hash_of(np.asarray(crop, np.uint8), np.asarray(other, np.uint8))).sum() > 50


def test_points_without_a_homography_do_not_deviate() -> None:
    assert not cues.deviation(np.zeros((468, 3), np.float32), head()).any()
