"""Ids that stay over frames: on made-up movements, and on real videos."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fersys.errors import ConfigError
from fersys.faces import detect
from fersys.tracking import FloatBox, Tracker, TrackerConfig, likeness, overlap
from fersys.video import opened

SIDES = st.floats(10, 200)
BOXES = st.tuples(st.floats(0, 600), st.floats(0, 400), SIDES, SIDES)


def ids(tracker: Tracker, boxes: list[FloatBox], time: float) -> list[int]:
    """The id of each box, in the order of the boxes."""
    return [track.id for track in sorted((t for t in tracker.update(boxes, time) if t.detection is not None), key=lambda t: t.detection or 0)]


def square(x: float, y: float = 100.0, side: float = 50.0) -> FloatBox:
    return x, y, side, side


def test_a_face_that_moves_keeps_its_id() -> None:
    tracker = Tracker()
    assert {ids(tracker, [square(10 * frame)], frame / 25)[0] for frame in range(100)} == {1}


def test_two_faces_that_pass_each_other_keep_their_ids() -> None:
    tracker = Tracker()
    for frame in range(40):
        there, back = square(20 * frame), square(780 - 20 * frame, y=140)
        expected = [1, 2]
        if frame % 2:  # the order of the detections says nothing
            assert ids(tracker, [back, there], frame / 25) == expected[::-1]
        else:
            assert ids(tracker, [there, back], frame / 25) == expected


def test_a_jump_off_its_own_box_is_still_the_same_face() -> None:
    tracker = Tracker()
    assert ids(tracker, [square(0)], 0.0) == ids(tracker, [square(30, 112)], 0.2) == [1]


def test_a_far_face_is_another_one() -> None:
    tracker = Tracker()
    assert ids(tracker, [square(0)], 0.0) + ids(tracker, [square(300)], 0.04) == [1, 2]


@pytest.mark.parametrize(("sides", "same"), [(0.65, True), (0.75, False), (1.5, False)])
def test_boxes_apart_are_one_face_only_if_they_are_near(sides: float, same: bool) -> None:
    away = 50 * sides / math.sqrt(2)  # to the right and down
    apart = square(away, 100 + away)
    assert overlap(square(0), apart) < 0.2
    assert (likeness(square(0), apart) > 0) == same


@pytest.mark.parametrize(("side", "same"), [(95, True), (130, False), (22, False)])
def test_a_much_larger_or_smaller_face_at_the_same_place_is_another_one(side: float, same: bool) -> None:
    corner = 25 - side / 2
    assert (likeness(square(0), (corner, 100 + corner, side, side)) > 0) == same


def test_the_better_overlap_wins_whatever_the_order() -> None:
    for boxes in ([square(4), square(20)], [square(20), square(4)]):
        tracker = Tracker()
        tracker.update([square(0)], 0.0)
        assert ids(tracker, boxes, 0.04)[boxes.index(square(4))] == 1


def test_a_lost_face_is_shown_for_a_while_remembered_longer_then_forgotten() -> None:
    tracker = Tracker(TrackerConfig(bridge=0.2, keep=1.0))
    tracker.update([square(0)], 0.0)
    assert [(track.id, track.detection) for track in tracker.update([], 0.1)] == [(1, None)]
    assert tracker.update([], 0.5) == []
    assert ids(tracker, [square(2)], 0.9) == [1]
    tracker.update([], 1.5)
    assert ids(tracker, [square(2)], 2.0) == [2]


def test_a_single_false_alarm_is_not_shown_if_confirmation_is_asked_for() -> None:
    tracker = Tracker(TrackerConfig(confirm=2))
    assert tracker.update([square(0)], 0.0) == tracker.carry(0.02) == []
    assert tracker.waits
    assert [track.id for track in tracker.update([square(1)], 0.04)] == [1]
    assert not tracker.waits


def test_frames_further_apart_than_a_face_is_remembered_still_show_the_same_face() -> None:
    tracker = Tracker(TrackerConfig(keep=1.0, confirm=2))
    shown = [[track.id for track in tracker.update([square(number)], 7.0 * number)] for number in range(4)]
    assert shown == [[], [1], [1], [1]]
    tracker.update([], 35.0)
    assert ids(tracker, [square(4)], 42.0) == []  # one look without it, and it is forgotten: new, so not confirmed


def test_a_frame_that_stands_alone_confirms_its_faces() -> None:
    tracker = Tracker(TrackerConfig(confirm=3))
    assert [track.id for track in tracker.update([square(0)], 0.0, alone=True)] == [1]
    assert [track.id for track in tracker.update([square(1), square(300)], 9.0, alone=True)] == [1, 2]
    assert [track.id for track in tracker.update([square(2), square(600)], 9.1)] == [1, 2]  # the third is new, the second bridged


def test_between_detections_a_box_goes_on_at_its_speed() -> None:
    tracker = Tracker()
    for frame in range(20):
        tracker.update([square(100.0 * frame / 5)], frame / 5)
    (carried,) = tracker.carry(19 / 5 + 0.1)
    assert carried.detection is None
    assert carried.box == pytest.approx(square(100.0 * (19 / 5 + 0.1)), abs=0.1)


def test_carrying_changes_nothing_of_what_is_known() -> None:
    carried, plain = Tracker(), Tracker()
    for tracker in (carried, plain):
        tracker.update([square(0)], 0.0)
        tracker.update([square(5)], 0.1)
    carried.carry(0.15)
    carried.carry(0.18)
    assert carried.update([square(9)], 0.2) == plain.update([square(9)], 0.2)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(BOXES, max_size=6), max_size=12))
def test_every_detection_gets_one_track_and_no_id_comes_twice(frames: list[list[FloatBox]]) -> None:
    tracker, born = Tracker(TrackerConfig(bridge=0.3, keep=0.3)), list[int]()
    before = set[int]()
    for number, boxes in enumerate(frames):
        tracks = tracker.update(boxes, number * 0.2)
        assert sorted(track.detection for track in tracks if track.detection is not None) == list(range(len(boxes)))
        shown = {track.id for track in tracks}
        assert len(shown) == len(tracks)
        born += sorted(shown - before)  # all that is remembered is shown here: what is not, is new
        before = shown
    assert born == list(range(1, len(born) + 1))


@settings(deadline=None, max_examples=60)
@given(st.lists(BOXES, min_size=1, max_size=6))
def test_the_answer_does_not_depend_on_the_order_of_the_detections(boxes: list[FloatBox]) -> None:
    known = [square(60.0 * index) for index in range(5)]
    answers = []
    for order in (boxes, boxes[::-1]):
        tracker = Tracker()
        tracker.update(known, 0.0)
        answers.append({track.id: track.box for track in tracker.update(order, 0.04) if track.id <= len(known)})
    assert answers[0] == answers[1]


def test_time_that_runs_backwards_is_an_error() -> None:
    tracker = Tracker()
    tracker.update([], 1.0)
    with pytest.raises(ConfigError, match=r"Received: 0\.5"):
        tracker.update([], 0.5)
    with pytest.raises(ConfigError, match="Received: nan"):
        tracker.carry(float("nan"))


@pytest.mark.parametrize("wrong", [{"confirm": 0}, {"bridge": 2.0}, {"keep": -1.0, "bridge": -1.0}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="Received: "):
        replace(TrackerConfig(), **wrong)  # type: ignore[arg-type]


def test_overlap_of_boxes_without_area_is_none() -> None:
    assert overlap((0, 0, 0, 0), (0, 0, 0, 0)) == 0


def every(video: Path, step: int) -> list[tuple[float, list[FloatBox]]]:
    """The faces of every so manieth frame of a video, with its time."""
    with opened(video) as reader:
        return [(time, [face.box for face in detect(frame)]) for number, (time, frame) in enumerate(reader.frames()) if number % step == 0]


@pytest.mark.parametrize("step", [1, 4])
def test_one_face_in_a_real_video_has_one_id_throughout(media: Path, step: int) -> None:
    tracker = Tracker()
    seen = [{track.id for track in tracker.update(boxes, time)} for time, boxes in every(media / "single_face.mp4", step)]
    assert set.union(*seen) == {1}
    assert all(seen)


def test_boxes_that_were_carried_on_lie_where_the_face_is(media: Path) -> None:
    tracker, good, carried = Tracker(), 0, 0
    for number, (time, boxes) in enumerate(every(media / "single_face.mp4", 2)):
        if number % 3 == 0:  # every sixth frame of the video
            tracker.update(boxes, time)
            continue
        (track,) = tracker.carry(time)
        carried, good = carried + 1, good + (overlap(track.box, boxes[0]) >= 0.5)
    assert good == carried > 20


def test_no_face_in_a_real_video_has_no_track(media: Path) -> None:
    tracker = Tracker(TrackerConfig(confirm=2))
    assert not any(tracker.update(boxes, time) for time, boxes in every(media / "no_face.mp4", 2))
