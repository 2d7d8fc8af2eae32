"""Brute force: how far guessing comes without seeing what is asked, against the closed form; and how many tries there are.

The closed form counts one guess a step, of a client that cannot read the prompt. A program that reads it is not guessing.
"""

import random
from pathlib import Path

import pytest
from scipy.stats import binom

from app.captcha import challenges, solving
from app.captcha.challenges import Binding, make_prompts
from app.captcha.refusals import RefusedError
from app.captcha.scripted import ScriptedJudge
from tests.made_captcha import HOST, make_desk

STEPS, TRIALS = 4, 20_000
DOUBT = 0.005  # on each side: a 99 % interval


def blind_success(expressions: int, turns: int, steps: int) -> float:
    """Of one attempt: never the same twice in a row; the step with a turn, and which one, are guessed too."""
    orders: int = expressions * (expressions - 1) ** (steps - 1)
    return 1 / (orders * (steps * turns if turns else 1))


def interval(chance: float, trials: int) -> tuple[int, int]:
    """The fewest and the most hits that are not too rare, by the binomial distribution itself."""
    fewest, most = binom.ppf([DOUBT, 1 - DOUBT], trials, chance)
    return int(fewest), int(most)


@pytest.mark.parametrize(("shapes", "turns"), [(3, ()), (6, ()), (4, ("left", "right"))])
def test_blind_guesses_hit_as_often_as_the_closed_form_says(monkeypatch: pytest.MonkeyPatch, shapes: int, turns: tuple[str, ...]) -> None:
    chance = random.Random(shapes)
    monkeypatch.setattr(challenges, "_chance", chance)  # by default the system's randomness
    judge = ScriptedJudge(expressions=ScriptedJudge().expressions[:shapes], turns=turns)
    hits = sum(make_prompts(judge, STEPS) == make_prompts(judge, STEPS) for _ in range(TRIALS))  # the best guess is drawn the same way
    low, high = interval(blind_success(shapes, len(turns), STEPS), TRIALS)
    assert low <= hits <= high


def test_with_six_shapes_and_three_tries_it_is_what_the_page_says() -> None:
    assert 1 - (1 - blind_success(6, 0, STEPS)) ** 3 == pytest.approx(0.0040, abs=5e-5)


def test_the_system_s_randomness_draws_the_prompts() -> None:
    assert isinstance(challenges._chance, random.SystemRandom)


def test_an_address_that_keeps_failing_gets_five_tries_in_three_minutes(tmp_path: Path) -> None:
    """A program that asks every three seconds for 18 minutes: of 360 requests one in twelve is an attempt."""
    desk = make_desk(tmp_path)
    tries: list[float] = []
    for _ in range(360):
        answer = desk.ask()
        if answer.status_code == 201:
            tries.append(desk.clock())
            desk.show(answer.json(), "refuse")
        desk.clock.advance(3)
    assert all(later - first >= 180 for first, later in zip(tries, tries[5:], strict=False))
    assert len(tries) == 5 * 6


def test_from_many_addresses_a_site_s_own_rate_is_the_bound(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, site_rate="20 per 1 minute")
    for number in range(20):
        solving.begin(desk.service, Binding(desk.site.key, HOST), f"203.0.113.{number}")
    for number in range(20, 40):
        with pytest.raises(RefusedError) as caught:
            solving.begin(desk.service, Binding(desk.site.key, HOST), f"203.0.113.{number}")
        assert caught.value.code == "rate-limited"
