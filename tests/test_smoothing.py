"""Probabilities smoothed over time: exact for any spacing of frames."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fersys.errors import ConfigError, ModelError
from fersys.faces import detect
from fersys.package import SHIPPED, load
from fersys.smoothing import HALF_LIFE, RESET, Smoother, weight_of_past
from fersys.tracking import TrackerConfig
from fersys.video import opened

Row = npt.NDArray[np.float32]
HAPPY, SAD, FEAR = np.eye(7, dtype=np.float32)[[3, 4, 2]]


def random_rows(count: int, seed: int = 0) -> Row:
    return np.random.default_rng(seed).dirichlet(np.ones(7), count).astype(np.float32)


def test_after_a_half_life_half_is_left() -> None:
    smoother = Smoother(half_life=0.5)
    smoother.update(1, HAPPY, 0.0)
    assert smoother.update(1, SAD, 0.5) == pytest.approx((HAPPY + SAD) / 2)
    assert smoother.update(1, SAD, 1.0) == pytest.approx(0.25 * HAPPY + 0.75 * SAD)


@given(st.lists(st.floats(0.001, 0.9), min_size=1, max_size=30))
def test_rows_sum_to_one_and_stay_probabilities(steps: list[float]) -> None:
    smoother, time = Smoother(), 0.0
    for step, row in zip(steps, random_rows(len(steps)), strict=True):
        time += step
        smooth = smoother.update(1, row, time)
        assert smooth.dtype == np.float32
        assert smooth.sum() == pytest.approx(1, abs=1e-5)
        assert (smooth >= 0).all()


@given(st.lists(st.floats(0.001, 0.05), min_size=1, max_size=15))
def test_how_many_frames_lie_between_makes_no_difference(steps: list[float]) -> None:
    fine, coarse = Smoother(half_life=0.3), Smoother(half_life=0.3)
    for smoother in (fine, coarse):
        smoother.update(1, HAPPY, 0.0)
    times = np.cumsum(steps)
    for time in times:
        last = fine.update(1, SAD, float(time))
    assert last == pytest.approx(coarse.update(1, SAD, float(times[-1])), abs=1e-5)


@given(st.floats(0, 5), st.floats(0, 5), st.floats(0.01, 3))
def test_weights_multiply_over_time(first: float, second: float, half_life: float) -> None:
    assert weight_of_past(first, half_life) * weight_of_past(second, half_life) == pytest.approx(weight_of_past(first + second, half_life))


def test_what_does_not_change_stays_as_it_is() -> None:
    smoother, (row,) = Smoother(), random_rows(1)
    for frame in range(20):
        assert smoother.update(1, row, frame / 25) == pytest.approx(row)


def test_a_single_odd_frame_does_not_change_the_answer() -> None:
    smoother = Smoother()
    for frame in range(10):
        smooth = smoother.update(1, FEAR if frame == 9 else HAPPY, frame / 25)
    assert smooth.argmax() == HAPPY.argmax()


def test_a_half_life_of_zero_smooths_nothing() -> None:
    smoother = Smoother(half_life=0)
    smoother.update(1, HAPPY, 0.0)
    assert (smoother.update(1, SAD, 0.001) == SAD).all()


def test_after_a_gap_a_face_is_begun_anew() -> None:
    smoother = Smoother(half_life=10)
    smoother.update(1, HAPPY, 0.0)
    assert smoother.update(1, SAD, RESET)[3] > 0.9
    smoother.update(2, SAD, RESET + 0.5)  # meanwhile there were frames without it
    assert (smoother.update(1, FEAR, 2 * RESET + 0.01) == FEAR).all()


def test_answers_that_are_far_apart_are_smoothed_all_the_same() -> None:
    smoother = Smoother(half_life=2 * RESET)
    for face in (1, 2):
        smoother.update(face, HAPPY, 0.0)
    for face in (1, 2):  # the whole moment before counts, not only what was said last
        assert smoother.update(face, SAD, 2 * RESET) == pytest.approx((HAPPY + SAD) / 2)


def test_a_face_is_begun_anew_when_the_tracker_has_forgotten_it() -> None:
    assert TrackerConfig.keep == RESET


def test_faces_do_not_touch_one_another() -> None:
    smoother = Smoother()
    smoother.update(1, HAPPY, 0.0)
    assert (smoother.update(2, SAD, 0.01) == SAD).all()
    assert smoother.update(1, HAPPY, 0.02) == pytest.approx(HAPPY)


def test_the_last_answer_is_known_until_the_reset() -> None:
    smoother = Smoother()
    assert smoother.last(1, 0.0) is None
    said = smoother.update(1, HAPPY, 0.0)
    assert smoother.last(1, RESET) is said
    assert smoother.last(1, RESET + 0.01) is None


def test_faces_that_are_gone_are_forgotten() -> None:
    smoother = Smoother()
    for face in range(1000):
        smoother.update(face, HAPPY, face * 1.0)
    assert len(smoother._known) <= 2


def test_time_that_runs_backwards_is_an_error() -> None:
    smoother = Smoother()
    smoother.update(1, HAPPY, 1.0)
    with pytest.raises(ConfigError, match=r"Received: 0\.9"):
        smoother.update(1, HAPPY, 0.9)


@pytest.mark.parametrize(("half_life", "reset"), [(-1, 1), (float("nan"), 1), (float("inf"), 1), (1, 0)])
def test_settings_out_of_range_are_refused(half_life: float, reset: float) -> None:
    with pytest.raises(ConfigError, match="Received: "):
        Smoother(half_life, reset)


def test_other_than_seven_probabilities_are_refused() -> None:
    with pytest.raises(ModelError, match=r"\(6,\)"):
        Smoother(HALF_LIFE).update(1, HAPPY[:6], 0.0)


@pytest.fixture(scope="module")
def said(media: Path) -> list[tuple[float, Row]]:
    """What the shipped CNN says of the one face in every frame of a real video, with its time."""
    package = Path(__file__).parent.parent / SHIPPED / "fersys-cnn"
    if not package.is_dir():
        pytest.skip("no shipped model in this checkout")
    model = load(package)
    with opened(media / "WolfgangLanger_Pexels.mp4") as reader:
        looked = [(time, detect(frame)) for time, frame in reader.frames()]
    return [(time, model.predict([faces[0].crop])[0]) for time, faces in looked if faces]


def smoothed(said: list[tuple[float, Row]], half_life: float) -> Row:
    smoother = Smoother(half_life)
    return np.stack([smoother.update(1, row, time) for time, row in said])


def changes(rows: Row) -> int:
    """How often the label changes."""
    return int((np.diff(rows.argmax(axis=1)) != 0).sum())


def test_on_a_real_video_the_label_changes_less_often_and_scores_move_less(said: list[tuple[float, Row]]) -> None:
    raw, smooth = smoothed(said, 0), smoothed(said, HALF_LIFE)
    assert (raw == np.stack([row for _, row in said])).all()
    assert changes(smooth) < changes(raw)
    assert np.abs(np.diff(smooth, axis=0)).sum() < 0.5 * np.abs(np.diff(raw, axis=0)).sum()


def test_on_a_real_video_what_is_said_most_of_the_time_stays_the_same(said: list[tuple[float, Row]]) -> None:
    raw, smooth = smoothed(said, 0), smoothed(said, HALF_LIFE)
    assert np.bincount(raw.argmax(axis=1)).argmax() == np.bincount(smooth.argmax(axis=1)).argmax()
    assert smooth.mean(axis=0) == pytest.approx(raw.mean(axis=0), abs=0.05)  # it lags, but takes no side
