"""The judge on films of two people where they are there, and on what it is told to see where they are not."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.captcha import face_judge
from app.captcha.anti_spoof import Advisor
from app.captcha.expressions import Expressions, read_expressions
from app.captcha.face_judge import WINDOW, FaceJudge, FaceSession, Rules, build_judge
from app.captcha.judge import Prompt, StepState
from app.captcha.sights import Sight
from app.models import Arms, Model, load_arms
from fersys.labels import EMOTIONS
from fersys.recognizers.deepface_spoofing import Verdict
from fersys.results import Image
from fersys.video import opened
from tests.fake_recognizer import FakeRecognizer, bar_of
from tests.made_sights import head, sight
from tests.test_captcha_steps import smiling

TABLE = Expressions(dict.fromkeys(EMOTIONS, 0.5), ("happy", "sad", "surprise"), {})
BLANK: Image = np.zeros((120, 160, 3), np.uint8)


@pytest.fixture
def eyes(monkeypatch: pytest.MonkeyPatch) -> list[Sight | None]:
    """What the judge sees in the next frames, whatever they show."""
    seen: list[Sight | None] = []
    monkeypatch.setattr(face_judge, "see", lambda image, recognizers, at: seen.pop(0))
    return seen


def session(**changed: Any) -> FaceSession:
    begun = FaceJudge(Rules([], TABLE, **changed)).begin()
    begun.ask(Prompt("happy"), 0.0)
    return begun


def show(to: FaceSession, eyes: list[Sight | None], sights: list[Sight]) -> StepState:
    """The first answer that ends the step, or the last one."""
    state = StepState()
    for one in sights:
        eyes[:] = [one]
        state = to.look(BLANK, one.at)
        if state.accepted or state.refused:
            break
    return state


def later(sights: list[Sight], seconds: float) -> list[Sight]:
    return [sight(one.at + seconds, EMOTIONS[int(one.agreement.argmax())], one.points) for one in sights]


def swapped() -> list[Sight]:
    return [one for one in smiling(holds=14) if one.at < 0.5 or one.at >= 0.9]


def test_a_person_who_smiles_when_asked_is_accepted(eyes: list[Sight | None]) -> None:
    assert show(session(), eyes, smiling(holds=14)).accepted


def test_the_ring_fills_while_the_smile_is_held_and_never_says_a_score(eyes: list[Sight | None]) -> None:
    begun, states = session(), []
    for one in smiling():
        eyes[:] = [one]
        states.append(begun.look(BLANK, one.at))
    progress = [state.progress for state in states if not state.accepted]
    assert progress == sorted(progress)
    assert {state.hint for state in states} <= {"relax", "", "bit-more", "hold"}


def test_nobody_there_two_faces_and_a_far_one_are_told(eyes: list[Sight | None]) -> None:
    begun, seen = session(), sight(0.2)
    several = Sight(**{**vars(seen), "alone": False})
    far = Sight(**{**vars(seen), "at": 0.3, "near": False})
    hints = []
    for at, one in ((0.1, None), (0.2, several), (0.3, far)):
        eyes[:] = [one]
        hints.append(begun.look(BLANK, at).hint)
    assert hints == ["look-here", "one-face-only", "come-closer"]


def test_a_second_face_begins_the_step_anew(eyes: list[Sight | None]) -> None:
    begun, seen = session(), smiling(holds=14)
    seen[11] = Sight(**{**vars(seen[11]), "alone": False})
    assert not show(begun, eyes, seen).accepted


def test_two_swapped_photos_end_the_challenge_and_the_first_is_asked_to_relax(eyes: list[Sight | None]) -> None:
    begun = session()
    first = show(begun, eyes, swapped())
    assert not first.refused
    assert show(begun, eyes, later(swapped(), 3.0)).refused == "sudden"


def test_a_swapped_photo_passes_with_its_cue_off(eyes: list[Sight | None]) -> None:
    assert show(session(off=frozenset({"sudden"})), eyes, swapped()).accepted


def test_a_face_that_jumps_at_a_step_s_border_is_denied(eyes: list[Sight | None]) -> None:
    begun = session()
    assert show(begun, eyes, smiling(holds=14)).accepted
    begun.ask(Prompt("happy"), 2.4)
    far = [sight(2.5 + number, "neutral", head() + np.array([70 * (number % 2), 0, 0], np.float32)) for number in (0, 0.1, 1, 1.1, 2)]
    aside = [sight(one.at, "neutral", head() + np.array([x, 0, 0], np.float32)) for one, x in zip(far, itertools.cycle([0, 40]), strict=False)]
    assert show(begun, eyes, [sight(2.45), *later(aside, 0.0)]).refused in {"leap", "cut"}


def test_another_room_is_denied_also_after_the_camera_was_covered(eyes: list[Sight | None]) -> None:
    begun = session()
    begun._vetoes = 1
    show(begun, eyes, smiling(holds=2))
    eyes[:] = [None]
    assert begun.look(BLANK, 3.0).hint == "look-here"
    assert show(begun, eyes, [sight(4.0, scene=1)]).refused == "cut"


def test_frames_of_another_size_are_denied(eyes: list[Sight | None]) -> None:
    begun = session()
    begun._vetoes = 1
    show(begun, eyes, [sight(0.1)])
    small = Sight(**{**vars(sight(0.2)), "gray": np.zeros((90, 160), np.uint8)})
    assert show(begun, eyes, [small]).refused == "cut"


def test_who_takes_too_long_is_refused(eyes: list[Sight | None]) -> None:
    assert show(session(), eyes, [sight(WINDOW + 0.1)]).refused == "late"


def test_a_film_that_shows_everything_is_refused_before_it_comes_to_what_is_asked(eyes: list[Sight | None]) -> None:
    names = ["sad"] * 7 + ["neutral"] * 3
    film = [sight(1.5 + number / 10, names[number % 10]) for number in range(80)]
    assert show(session(), eyes, film).refused == "order"
    assert not show(session(off=frozenset({"order", "sudden", "flat"})), eyes, film).refused


def test_a_passed_session_that_is_shown_again_is_refused(eyes: list[Sight | None]) -> None:
    judge, played = FaceJudge(Rules([], TABLE)), smiling(holds=14)
    ends = []
    for _ in range(2):
        begun = judge.begin()
        begun.ask(Prompt("happy"), 0.0)
        ends.append(show(begun, eyes, played))
    assert ends[0].accepted
    assert ends[1].refused == "seen"


def test_a_replay_is_refused_also_after_seconds_of_something_else(eyes: list[Sight | None]) -> None:
    judge, played = FaceJudge(Rules([], TABLE)), smiling(holds=14)
    begun = judge.begin()
    begun.ask(Prompt("happy"), 0.0)
    assert show(begun, eyes, played).accepted
    begun = judge.begin()
    begun.ask(Prompt("happy"), 0.0)
    fresh = [sight(5.0 + number / 10, "neutral") for number in range(40)]
    replayed = [Sight(**{**vars(one), "at": one.at + 9.0}) for one in played]
    assert show(begun, eyes, [*fresh, *replayed]).refused == "seen"


def test_a_face_that_leaves_no_background_is_asked_to_move_back(eyes: list[Sight | None]) -> None:
    begun, near = session(), [Sight(**{**vars(one), "background": np.full((16, 24), np.nan)}) for one in smiling(holds=14)]
    state = show(begun, eyes, near)
    assert (state.hint, state.accepted) == ("move-back", False)


def test_who_looks_aside_is_asked_to_look_ahead_first(eyes: list[Sight | None]) -> None:
    assert show(session(), eyes, [sight(0.1, yaw=25)]).hint == "look-ahead"


def test_who_shows_another_face_is_told_so(eyes: list[Sight | None]) -> None:
    begun = session()
    rested, wrong = [sight(number / 10) for number in range(5)], [sight(2.0 + number / 10, "sad") for number in range(8)]
    assert show(begun, eyes, [*rested, *wrong]).hint == "other-face"
    assert show(begun, eyes, [sight(3.0)]).hint != "other-face"


def test_frames_of_a_step_before_do_not_count_as_seen_in_the_next(eyes: list[Sight | None]) -> None:
    judge, film = FaceJudge(Rules([], TABLE)), smiling(rests=20, holds=14)
    begun = judge.begin()
    begun.ask(Prompt("happy"), 0.0)
    assert show(begun, eyes, film).accepted
    begun = judge.begin()
    begun.ask(Prompt("sad"), 0.0)
    show(begun, eyes, film[:24])
    assert [is_known for _, is_known in begun._known] == [True] * 24
    begun.ask(Prompt("happy"), 3.0)
    assert show(begun, eyes, later(smiling(holds=14), 3.1)).accepted


def test_a_pause_begins_the_step_anew(eyes: list[Sight | None]) -> None:
    begun, seen = session(), smiling(holds=14)
    assert not show(begun, eyes, [*seen[:9], *later(seen[9:], 1.0)]).accepted


def test_hold_times_differ_and_stay_in_their_range() -> None:
    drawn = {face_judge._draw(0.6, 1.2) for _ in range(50)}
    assert len(drawn) > 40
    assert all(0.6 <= value <= 1.2 for value in drawn)


def test_advice_is_noted_and_decides_nothing(eyes: list[Sight | None]) -> None:
    class Suspicious:
        def look(self, image: Image, box: tuple[int, int, int, int]) -> Verdict:
            return Verdict(False, 0.99)

    begun = session(advisor=Advisor(Suspicious()))  # type: ignore[arg-type]  # it looks, which is all that is asked of it
    assert show(begun, eyes, smiling(holds=14)).accepted
    assert [(advice.flagged, advice.score) for advice in begun.advice] == [(True, 0.99)]


def test_a_fault_in_the_advice_decides_nothing_either(eyes: list[Sight | None]) -> None:
    class Broken:
        def look(self, image: Image, box: tuple[int, int, int, int]) -> Verdict:
            raise RuntimeError("no memory left")

    begun = session(advisor=Advisor(Broken()))  # type: ignore[arg-type]  # it looks, which is all that is asked of it
    assert show(begun, eyes, smiling(holds=14)).accepted
    assert begun.advice == []


def test_there_is_no_judge_without_the_models_that_the_thresholds_are_for() -> None:
    assert build_judge(Arms((Model(FakeRecognizer("other", bar_of)),))) is None


@pytest.mark.parametrize("clip", ["single_face.mp4", "WolfgangLanger_Pexels.mp4"])
def test_filmed_people_who_begin_to_smile_are_accepted(media: Path, clip: str) -> None:
    begin, end = {"single_face.mp4": (0.0, 2.2), "WolfgangLanger_Pexels.mp4": (8.6, 12.0)}[clip]
    judge = build_judge(load_arms())
    if judge is None or not (media / clip).is_file():
        pytest.skip("needs both shipped models and the filmed people")
    begun = judge.begin()
    begun.ask(Prompt("happy"), begin)
    with opened(media / clip) as reader:
        frames = [(at, frame) for number, (at, frame) in enumerate(reader.frames()) if begin <= at < end and number % 3 == 0]
    states = [begun.look(frame, at) for at, frame in itertools.takewhile(lambda pair: pair[0] < end, frames)]
    assert any(state.accepted for state in states)
    assert not any(state.refused for state in states[: next(i for i, state in enumerate(states) if state.accepted) + 1])


def test_the_shipped_judge_asks_what_its_table_says() -> None:
    judge = build_judge(load_arms())
    if judge is None:
        pytest.skip("a side of the models is missing here")
    assert tuple(judge.expressions) == read_expressions().asked
