"""Challenges as records, and the moves between them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from app.captcha.challenges import FAILED, OPEN, PASSED, Binding, Challenge, digest, from_json, make_id, make_prompts, to_json, view
from app.captcha.judge import Prompt, StepState
from app.captcha.machine import MAX_SEQUENCE, accept, fail, is_late, take_frame
from app.captcha.refusals import RefusedError
from app.captcha.scripted import ScriptedJudge

PROMPTS = (Prompt("happy"), Prompt("sad", "left"), Prompt("happy"))
CHALLENGE = Challenge("c1", Binding("fs-1", "example.org"), PROMPTS, digest("secret"), digest("cookie"), 1060.0, jti="j1", nonce="n1")


def code_of(challenge: Challenge, nonce: str = "n1", sequence: int = 1, now: float = 1000.0) -> str:
    with pytest.raises(RefusedError) as caught:
        take_frame(challenge, nonce, sequence, now)
    return caught.value.code


@pytest.mark.parametrize(("now", "late"), [(1059.0, False), (1059.999, False), (1060.0, True), (1061.0, True)])
def test_frames_are_taken_until_the_deadline(now: float, late: bool) -> None:
    assert is_late(CHALLENGE, now) is late
    if late:
        assert code_of(CHALLENGE, now=now) == "expired"
    else:
        assert take_frame(CHALLENGE, "n1", 1, now).sequence == 1


def test_sequence_numbers_rise() -> None:
    taken = take_frame(CHALLENGE, "n1", 5, 1000.0)
    assert [code_of(taken, sequence=number) for number in (5, 4, 0, -1, MAX_SEQUENCE + 1)] == ["stale-sequence"] * 5
    assert take_frame(taken, "n1", 9, 1000.0).sequence == 9


@pytest.mark.parametrize("nonce", ["", "n2", "N1"])
def test_a_frame_names_its_step(nonce: str) -> None:
    assert code_of(CHALLENGE, nonce=nonce) == "wrong-step"


def test_a_step_s_nonce_is_worth_nothing_in_the_next() -> None:
    after = accept(take_frame(CHALLENGE, "n1", 1, 1000.0), 1000.0)
    assert after.step == 1
    assert code_of(after, sequence=2) == "wrong-step"
    assert take_frame(after, after.nonce, 2, 1000.0).sequence == 2


def test_the_sequence_does_not_begin_anew_with_a_step() -> None:
    after = accept(take_frame(CHALLENGE, "n1", 7, 1000.0), 1000.0)
    assert code_of(after, nonce=after.nonce, sequence=7) == "stale-sequence"


def test_the_last_accepted_step_is_the_pass() -> None:
    moved = CHALLENGE
    states = []
    for _ in PROMPTS:
        moved = accept(moved, 1001.0)
        states.append(moved.state)
    assert states == [OPEN, OPEN, PASSED]
    assert moved.passed_at == 1001.0


@pytest.mark.parametrize("over", [replace(CHALLENGE, state=PASSED), replace(CHALLENGE, state=FAILED, reason="refused")])
def test_what_is_over_stays_over(over: Challenge) -> None:
    assert code_of(over) == "not-open"
    assert not is_late(over, 9999.0)
    moves: list[Callable[[], Challenge]] = [lambda: accept(over, 1.0), lambda: fail(over, "refused")]
    for move in moves:
        with pytest.raises(RefusedError, match="over"):
            move()


def test_each_change_raises_the_version() -> None:
    moved = [take_frame(CHALLENGE, "n1", 1, 1000.0), accept(CHALLENGE, 1.0), fail(CHALLENGE, "refused")]
    assert [challenge.version for challenge in moved] == [1, 1, 1]


def test_both_secrets_must_be_shown() -> None:
    assert CHALLENGE.is_shown_by("secret", "cookie")
    for secret, cookie in (("secret", ""), ("", "cookie"), ("cookie", "secret"), (digest("secret"), digest("cookie"))):
        assert not CHALLENGE.is_shown_by(secret, cookie)


def test_the_view_shows_one_prompt_and_no_secret() -> None:
    seen = view(CHALLENGE, 1000.0)
    assert seen["prompt"] == {"expression": "happy", "turn": ""}
    assert seen["seconds_left"] == 60.0
    assert not {"prompts", "secret_hash", "cookie_hash", "jti", "binding"} & set(seen)
    assert "sad" not in str(seen)


def test_the_view_of_what_is_over_shows_no_prompt() -> None:
    seen = view(fail(CHALLENGE, "refused"), 1000.0)
    assert (seen["prompt"], seen["nonce"], seen["seconds_left"], seen["reason"]) == (None, "", 0.0, "refused")


@pytest.mark.parametrize(("progress", "shown"), [(-1.0, 0.0), (0.123456, 0.12), (7.0, 1.0)])
def test_progress_is_a_ring_and_no_score(progress: float, shown: float) -> None:
    assert view(CHALLENGE, 1000.0, StepState(progress))["progress"] == shown


def test_prompts_never_repeat_in_a_row_and_all_occur() -> None:
    judge = ScriptedJudge(expressions=("happy", "sad", "angry"))
    seen = Counter(make_prompts(judge, 4) for _ in range(400))
    assert all(first.expression != second.expression for prompts in seen for first, second in pairwise(prompts))
    assert len(seen) == 3 * 2 * 2 * 2


def test_one_step_of_each_challenge_asks_for_a_turn() -> None:
    judge = ScriptedJudge(turns=("left", "right"))
    turned = [[step for step, prompt in enumerate(make_prompts(judge, 4)) if prompt.turn] for _ in range(200)]
    assert {tuple(steps) for steps in turned} == {(0,), (1,), (2,), (3,)}
    assert not any(prompt.turn for prompt in make_prompts(ScriptedJudge(), 4))


def test_a_record_comes_back_as_it_was_stored() -> None:
    assert from_json(to_json(CHALLENGE)) == CHALLENGE


def test_ids_are_long_and_new() -> None:
    assert len({make_id() for _ in range(100)}) == 100
    assert len(make_id()) == 32
