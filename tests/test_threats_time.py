"""Expired and stockpiled: a second before each border it is good, a second after it is not; nothing a client says about time counts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.captcha.keys import OVERLAP, KeyFile
from tests.made_captcha import Desk, encode, make_desk, solution_of

SHORT: dict[str, Any] = {"solve_life": 30, "token_life": 40, "retry_life": 90, "work_life": 50, "failures": 2, "failure_window": 70}


def _solve_late(desk: Desk, seconds: float) -> bool:
    begun = desk.begin()
    desk.clock.advance(seconds)
    answer = desk.send(begun, encode(begun["prompt"]["expression"]))
    return bool(answer.json().get("step") == 1)


def _spend_late(desk: Desk, seconds: float) -> bool:
    token = desk.solve()["token"]
    desk.clock.advance(seconds)
    return bool(desk.verify(token)["success"])


def _fetch_late(desk: Desk, seconds: float) -> bool:
    passed = desk.solve()
    desk.clock.advance(seconds)
    return bool(desk.look(passed).json()["token"])


def _retry_late(desk: Desk, seconds: float) -> bool:
    token = desk.solve()["token"]
    assert desk.verify(token, idempotency_key="the-same-again-1")["success"]
    desk.clock.advance(seconds)
    return bool(desk.verify(token, idempotency_key="the-same-again-1")["success"])


def _work_late(desk: Desk, seconds: float) -> bool:
    offered = desk.offer()
    desk.clock.advance(seconds)
    return bool(desk.client.post(f"/captcha/v1/work/{offered['id']}", json=solution_of(offered)).json().get("token"))


def _still_paused(desk: Desk, seconds: float) -> bool:
    for _ in range(SHORT["failures"]):
        desk.show(desk.begin(), "refuse")
    desk.clock.advance(seconds)
    return bool(desk.ask().status_code == 429)


def _rotated(desk: Desk, seconds: float) -> bool:
    """A key that signs no more verifies for the overlap."""
    assert isinstance(desk.service.keys, KeyFile)
    old = desk.service.keys.signing().kid
    desk.service.keys.rotate()
    desk.clock.advance(seconds)
    return desk.service.keys.verifying(old) is not None


BORDERS: list[tuple[Callable[[Desk, float], bool], float]] = [
    (_solve_late, SHORT["solve_life"]),
    (_spend_late, SHORT["token_life"]),
    (_fetch_late, SHORT["token_life"]),
    (_retry_late, SHORT["retry_life"]),
    (_work_late, SHORT["work_life"]),
    (_still_paused, SHORT["failure_window"]),
    (_rotated, OVERLAP),
]


@pytest.mark.parametrize(("tried", "border"), BORDERS, ids=lambda value: getattr(value, "__name__", None))
@pytest.mark.parametrize(("beside", "good"), [(-1, True), (1, False)])
def test_each_life_ends_at_its_border(tmp_path: Path, tried: Callable[[Desk, float], bool], border: float, beside: int, good: bool) -> None:
    assert tried(make_desk(tmp_path, **SHORT), border + beside) is good


def test_solved_tokens_cannot_be_stockpiled(tmp_path: Path) -> None:
    """Ten people solve within a minute each; when the last is done, only what was solved in the last two minutes is good."""
    desk, tokens = make_desk(tmp_path), []
    for _ in range(10):
        desk.clock.advance(30)
        tokens.append(desk.solve()["token"])
    assert [desk.verify(token)["success"] for token in tokens] == [False] * 6 + [True] * 4


def test_a_challenge_cannot_be_kept_open_for_later(tmp_path: Path) -> None:
    """Three steps done at once do not make the clock of the fourth start anew."""
    desk = make_desk(tmp_path)
    view = desk.begin()
    for _ in range(3):
        desk.clock.advance(19)
        view = desk.show(view)
    desk.clock.advance(4)
    assert desk.send(view, encode(view["prompt"]["expression"])).json()["error"] == "expired"


def test_what_a_client_says_about_time_is_not_read(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    begun = desk.begin(deadline="9999999999", solve_life="9999", seconds_left="9999")
    assert begun["seconds_left"] == 60
    desk.clock.advance(61)
    answer = desk.send(begun, encode(begun["prompt"]["expression"]), date="Fri, 15 Jan 2027 08:00:00 GMT", x_time="1800000000")
    assert answer.json()["error"] == "expired"
    token = desk.solve()["token"]
    desk.clock.advance(121)
    assert not desk.verify(token, now="1800000000", challenge_ts="2027-01-15T08:00:00Z")["success"]
