"""A step from rest to verdict, on sights made by hand."""

from collections.abc import Iterable

import pytest

from app.captcha import steps
from app.captcha.cues import Limits
from app.captcha.expressions import Expressions
from app.captcha.judge import Prompt
from app.captcha.sights import Sight
from app.captcha.steps import Step, deny, is_shown, measure
from fersys.labels import EMOTIONS
from tests.made_sights import TILTED, head, moved, sight

TABLE = Expressions(dict.fromkeys(EMOTIONS, 0.5), ("happy", "sad", "surprise"), {})
NONE: frozenset[str] = frozenset()
RISE = (0.2, 0.4, 0.6, 0.8)


def play(step: Step, sights: Iterable[Sight], off: frozenset[str] = NONE) -> Step:
    for one in sights:
        shown = is_shown(step, one, TABLE, off)
        step.take(one, TABLE.is_absent(step.prompt.expression, one.agreement), shown)
    return step


def smiling(begin: float = 0.0, rests: int = 5, holds: int = 10) -> list[Sight]:
    """Ten frames a second: rest, a smile that grows, a smile that is held."""
    shapes = [0.0] * rests + list(RISE) + [1.0] * holds
    names = ["neutral"] * (rests + len(RISE)) + ["happy"] * holds
    return [sight(begin + number / 10, name, head(shape)) for number, (shape, name) in enumerate(zip(shapes, names, strict=True))]


def step(turn: str = "", hold: float = 0.8) -> Step:
    return Step(Prompt("happy", turn), 0.0, hold)


def test_a_smile_that_grows_and_is_held_long_enough_is_confirmed() -> None:
    done = play(step(), smiling())
    assert done.held(1.8) == 1
    assert deny(measure(done), Limits(), NONE) == ""


def test_nothing_is_held_before_the_face_was_at_rest() -> None:
    assert play(step(), smiling(rests=0)[len(RISE) :]).held_since is None


def test_a_glimpse_of_rest_is_not_enough() -> None:
    assert not play(step(), smiling(rests=5)[3:5]).is_rested


def test_a_swapped_photo_is_denied_and_passes_with_that_cue_off() -> None:
    swapped = [one for one in smiling() if one.at < 0.5 or one.at >= 0.9]
    values = measure(play(step(), swapped))
    assert deny(values, Limits(), NONE) == "sudden"
    assert deny(values, Limits(), frozenset({"sudden"})) == ""


def test_a_face_whose_shape_stays_is_denied_whatever_the_models_say() -> None:
    flat = [sight(one.at, "happy" if one.at > 0.8 else "neutral", moved(head(), TILTED) if one.at > 0.8 else head()) for one in smiling()]
    assert deny(measure(play(step(), flat)), Limits(), frozenset({"sudden"})) == "flat"


def test_a_flicker_of_the_models_does_not_break_the_hold_and_a_pause_does() -> None:
    seen = smiling()
    seen[13] = sight(seen[13].at, "neutral", head(1))
    assert play(step(), seen).held_since == pytest.approx(0.9)
    for number in range(12, 19):
        seen[number] = sight(seen[number].at, "sad", head(1))
    assert play(step(), seen).held_since is None


def turning(points_turn: bool, side: int = 1) -> list[Sight]:
    """A smile ahead, then the head turned to the left of the person; a photo keeps its plane."""
    ahead = smiling(holds=3)
    begin = ahead[-1].at
    angles = [5.0, 10, 15, 20, *[20.0] * 10]
    return ahead + [_turned(begin + (number + 1) / 10, side * angle, points_turn) for number, angle in enumerate(angles)]


def _turned(at: float, angle: float, points_turn: bool) -> Sight:
    return sight(at, "happy", head(1, angle) if points_turn else moved(head(1), TILTED), yaw=angle)


def test_a_turn_to_the_side_that_was_asked_is_confirmed() -> None:
    done = play(step("left"), turning(points_turn=True))
    assert done.held(2.5) == 1
    assert measure(done)["planar"] > Limits().planar


def test_a_turn_to_the_other_side_is_not_held() -> None:
    assert play(step("left"), turning(points_turn=True, side=-1)).held_since is None


def test_a_head_that_was_turned_before_has_to_turn_further() -> None:
    rested = play(step("left"), [sight(number / 10, "neutral", yaw=8) for number in range(5)])
    assert not rested.is_turned(sight(0.6, "happy", yaw=13))
    assert rested.is_turned(sight(0.6, "happy", yaw=19))


def test_a_face_that_looks_aside_is_not_at_rest() -> None:
    assert not play(step(), [sight(number / 10, "neutral", yaw=20) for number in range(5)]).is_rested


def test_a_photo_that_seems_to_turn_is_planar() -> None:
    values = measure(play(step("left"), turning(points_turn=False)))
    assert deny(values, Limits(), frozenset({"sudden"})) == "planar"


def test_without_noise_a_film_of_one_frame_is_frozen() -> None:
    first = smiling()[0]
    seen = [Sight(one.at, one.box, True, True, one.agreement, one.points, 0.0, first.gray, first.background, first.bits) for one in smiling()]
    assert deny(measure(play(step(), seen)), Limits(), NONE) == "frozen"


def test_with_the_order_off_any_expression_that_may_be_asked_will_do() -> None:
    wrong = sight(0.0, "sad")
    assert not is_shown(step(), wrong, TABLE, NONE)
    assert is_shown(step(), wrong, TABLE, frozenset({"order"}))


def test_what_is_remembered_of_a_step_is_bounded() -> None:
    long = play(step(), smiling(holds=300))
    assert len(long.path) <= steps._KEPT


def test_a_jump_is_not_forgotten_however_long_it_is_held_below_the_threshold() -> None:
    begin = smiling()[:5]
    swapped = [sight(0.5 + number / 25, "neutral", head(1.0)) for number in range(250)]
    for one in swapped:
        one.agreement[EMOTIONS.index("happy")] = 0.45
    end = [sight(10.5 + number / 25, "happy", head(1.0)) for number in range(25)]
    assert deny(measure(play(step(), [*begin, *swapped, *end])), Limits(), NONE) == "sudden"


def test_who_takes_long_between_rest_and_pose_is_not_sudden() -> None:
    begin = smiling()[:7]
    slow = [sight(0.7 + number / 10, "neutral", head(0.4 + 0.003 * number)) for number in range(120)]
    for one in slow:
        one.agreement[EMOTIONS.index("happy")] = 0.45
    end = [sight(12.7 + number / 10, "happy", head(min(0.8 + number / 10, 1))) for number in range(12)]
    assert deny(measure(play(step(), [*begin, *slow, *end])), Limits(), NONE) == ""
