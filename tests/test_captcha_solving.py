"""The way by face, over HTTP: what leads to a token and what does not."""

import gc
import json
import sqlite3
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from app.captcha import solving
from app.captcha.anti_spoof import Advice
from app.captcha.challenges import Binding, Challenge
from app.captcha.refusals import AuditError, RefusedError, StoreError
from app.captcha.scripted import ScriptedJudge, ScriptedSession
from app.captcha.service import Service
from app.captcha.sessions import Seat, Sessions
from app.captcha.workers import Workers
from tests import made_redis
from tests.made_captcha import HOST, Desk, encode, make_desk, solution_of


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return make_desk(tmp_path)


def error(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def test_four_accepted_steps_are_worth_a_token(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, ScriptedJudge(frames=2, turns=("left", "right")))
    view, seen = desk.begin(), []
    while view["state"] == "open":
        seen.append((view["step"], view["prompt"]["expression"]))
        view = desk.show(view)
    assert [step for step, _ in seen] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert view["state"] == "passed"
    assert desk.verify(view["token"])["method"] == "face"


def test_the_next_prompt_is_not_told_before_the_last_is_done(desk: Desk) -> None:
    begun = desk.begin()
    wrong = desk.send(begun, encode()).json()
    assert (wrong["prompt"], wrong["nonce"], wrong["hint"]) == (begun["prompt"], begun["nonce"], "match-the-face")
    right = desk.show(begun)
    assert right["prompt"] != begun["prompt"]
    assert right["nonce"] != begun["nonce"]


@pytest.mark.parametrize(("seconds", "in_time"), [(59, True), (61, False)])
def test_there_are_60_seconds_to_solve(desk: Desk, seconds: float, in_time: bool) -> None:
    view = desk.begin()
    for _ in range(3):
        view = desk.show(view)
    desk.clock.advance(seconds)
    answer = desk.send(view, encode(view["prompt"]["expression"]))
    assert (answer.json().get("state") == "passed") is in_time
    assert in_time or error(answer) == (410, "expired")
    assert desk.look(view).json()["state"] == ("passed" if in_time else "failed")


def test_a_challenge_out_of_time_says_so(desk: Desk) -> None:
    begun = desk.begin()
    desk.clock.advance(60)
    view = desk.look(begun).json()
    assert (view["state"], view["reason"], view["prompt"]) == ("failed", "expired", None)
    assert error(desk.send(begun, encode())) == (409, "not-open")


def test_after_a_pass_the_same_token_can_be_read_again_while_it_is_good(desk: Desk) -> None:
    passed = desk.solve()
    desk.clock.advance(119)
    assert desk.look(passed).json()["token"] == passed["token"]
    desk.clock.advance(2)
    assert desk.look(passed).json()["token"] == ""


def test_nothing_goes_on_after_a_pass(desk: Desk) -> None:
    passed = desk.solve()
    assert error(desk.send(passed, encode())) == (409, "not-open")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"captcha_step": "another"}, (409, "wrong-step")),
        ({"captcha_step": ""}, (409, "wrong-step")),
        ({"captcha_sequence": "0"}, (409, "stale-sequence")),
        ({"captcha_sequence": "9999999999"}, (409, "stale-sequence")),
        ({"captcha_sequence": "-1"}, (400, "bad-request")),
        ({"captcha_sequence": "1.5"}, (400, "bad-request")),
        ({"captcha_sequence": ""}, (400, "bad-request")),
        ({"captcha_sequence": "1" * 5000}, (400, "bad-request")),
        ({"captcha_secret": "another"}, (404, "unknown-challenge")),
        ({"captcha_secret": ""}, (404, "unknown-challenge")),
        ({"cookie": "fersys_captcha=another"}, (404, "unknown-challenge")),
    ],
)
def test_an_illegal_frame_is_refused_and_changes_nothing(desk: Desk, changed: dict[str, str], expected: tuple[int, str]) -> None:
    begun = desk.begin()
    assert error(desk.send(begun, encode(begun["prompt"]["expression"]), **changed)) == expected
    assert desk.look(begun).json()["sequence"] == 0
    assert desk.show(begun)["step"] == 1


def test_a_frame_sent_twice_is_refused(desk: Desk) -> None:
    begun = desk.begin()
    desk.send(begun, encode(), captcha_sequence="5")
    assert error(desk.send(begun, encode(), captcha_sequence="5")) == (409, "stale-sequence")


def test_another_person_s_secrets_open_nothing(desk: Desk) -> None:
    mine, theirs = desk.begin(), desk.begin()
    assert error(desk.send({**theirs, "secret": mine["secret"]}, encode())) == (404, "unknown-challenge")
    assert error(desk.look({**theirs, "secret": mine["secret"]})) == (404, "unknown-challenge")
    desk.client.cookies.clear()
    assert error(desk.look(theirs)) == (404, "unknown-challenge")
    assert error(desk.look({"id": "unknown", "secret": theirs["secret"]})) == (404, "unknown-challenge")


def test_a_refused_face_ends_the_challenge_and_is_not_told_why(desk: Desk) -> None:
    view = desk.show(desk.begin(), order="refuse")
    assert (view["state"], view["reason"], view["token"]) == ("failed", "refused", "")
    assert "scripted" in desk.log.getvalue()


def test_who_takes_too_long_for_an_answer_is_told_so_and_it_counts(desk: Desk) -> None:
    view = desk.show(desk.begin(), order="late")
    assert (view["state"], view["reason"], view["token"]) == ("failed", "expired", "")
    for _ in range(4):
        desk.show(desk.begin(), order="late")
    assert error(desk.ask()) == (429, "paused")


def test_a_judge_that_raises_ends_the_challenge(desk: Desk) -> None:
    view = desk.show(desk.begin(), order="raise")
    assert (view["state"], view["reason"], view["token"]) == ("failed", "internal-error", "")
    assert desk.look(view).json()["state"] == "failed"


def test_a_judge_that_raises_when_asked_ends_the_challenge(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = desk.begin()

    def fail(*_: object) -> None:
        raise ValueError("no such prompt")

    monkeypatch.setattr(ScriptedSession, "ask", fail)
    assert desk.show(begun)["reason"] == "internal-error"
    assert desk.ask().status_code == 503


def test_without_a_judge_there_are_no_challenges_but_the_other_way_is_open(desk: Desk) -> None:
    desk.service.judge = None
    assert error(desk.ask()) == (503, "face-unavailable")
    assert desk.offer()["state"] == "open"


def test_a_challenge_of_another_process_ends(desk: Desk) -> None:
    begun = desk.begin()
    desk.service.sessions = Sessions()
    view = desk.show(begun)
    assert (view["state"], view["reason"]) == ("failed", "internal-error")


@pytest.mark.parametrize("part", ["get_challenge", "swap_challenge", "add_ticket"])
def test_a_store_that_fails_lets_nobody_pass(desk: Desk, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    view = desk.begin()
    for _ in range(3):
        view = desk.show(view)

    def fail(*_: object) -> None:
        raise StoreError("down: details that nobody needs")

    with monkeypatch.context() as broken:
        broken.setattr(desk.service.store, part, fail)
        answer = desk.send(view, encode(view["prompt"]["expression"]))
    assert error(answer) == (503, "internal-error")
    assert "details" not in answer.text + desk.log.getvalue()
    assert desk.look(view).json()["token"] == ""


def test_a_picture_that_cannot_be_read_costs_nothing_but_its_number(desk: Desk) -> None:
    begun = desk.begin()
    assert error(desk.send(begun, b"no picture")) == (400, "bad-frame")
    assert desk.show(begun)["step"] == 1


@pytest.mark.parametrize("content", [b"x", encode("happy")[:60]], ids=["no picture", "cut off"])
def test_the_fifth_picture_that_cannot_be_read_ends_the_challenge_as_failed(desk: Desk, content: bytes) -> None:
    for _ in range(5):
        begun = desk.begin()
        assert [error(desk.send(begun, content)) for _ in range(2)] == [(400, "bad-frame")] * 2
        desk.send(begun, encode())
        assert [error(desk.send(begun, content)) for _ in range(2)] == [(400, "bad-frame")] * 2
        assert desk.send(begun, content).json()["reason"] == "refused"
        assert desk.look(begun).json()["state"] == "failed"
    assert error(desk.ask()) == (429, "paused")


def test_a_full_queue_ends_nothing_and_is_not_counted(desk: Desk) -> None:
    view = desk.begin()
    for _ in range(7):
        with _full(desk):
            assert error(desk.send(view, encode(view["prompt"]["expression"]))) == (503, "busy")
    assert desk.show(view)["step"] == 1
    desk.service.rates.check_pause("face", "127.0.0.1")


@contextmanager
def _full(desk: Desk) -> Iterator[None]:
    free, desk.service.workers._free = desk.service.workers._free, 0
    yield
    desk.service.workers._free = free


def test_a_queue_that_fills_up_behind_an_accepted_frame_ends_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next step is asked for in the turn of the frame before it."""
    view, turns = desk.begin(), []
    whole = desk.service.workers.run

    def run(*given: Any) -> Any:
        turns.append(1)
        if len(turns) > 1:
            raise RefusedError("busy", 503, "Too many frames at once: skip this one.", 1)
        return whole(*given)

    monkeypatch.setattr(desk.service.workers, "run", run)
    assert (desk.show(view)["step"], len(turns)) == (1, 1)


def test_frames_of_one_network_leave_room_for_others(desk: Desk) -> None:
    begun = desk.begin()
    desk.service.workers._held.update(["127.0.0.1"] * 2)
    assert error(desk.send(begun, encode())) == (503, "busy")
    desk.service.workers._held.clear()
    assert desk.send(begun, encode()).status_code == 200


def test_a_frame_has_at_most_512_kb(desk: Desk) -> None:
    assert error(desk.send(desk.begin(), bytes(512 * 1024 + 1))) == (413, "too-large")


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_frames_may_be_compressed(desk: Desk, kind: str) -> None:
    begun = desk.begin()
    assert desk.send(begun, encode(begun["prompt"]["expression"], kind=kind)).json()["step"] == 1


def test_five_failures_pause_an_address_for_three_minutes(desk: Desk) -> None:
    for _ in range(5):
        desk.show(desk.begin(), order="refuse")
    paused = desk.ask()
    assert error(paused) == (429, "paused")
    assert paused.headers["retry-after"] == "180"
    desk.clock.advance(179)
    assert error(desk.ask()) == (429, "paused")
    desk.clock.advance(2)
    desk.begin()


def test_giving_up_counts_as_failing(desk: Desk) -> None:
    for _ in range(5):
        desk.begin()
    assert error(desk.ask()) == (429, "paused")
    desk.clock.advance(61)  # all have run out of time, and are counted now
    assert error(desk.ask()) == (429, "paused")
    desk.clock.advance(180)
    desk.begin()


def wait_until(is_so: Callable[[], bool]) -> None:
    patience = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < patience
        time.sleep(0.01)


def test_what_the_judge_remembers_goes_at_the_deadline_also_if_nobody_else_comes(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, solve_life=0.3)
    begun = desk.begin()
    desk.show(begun)
    desk.show(desk.begin(), order="refuse")  # the one that ended before its time does not stand in the way
    memory = weakref.ref(desk.service.sessions._seats[begun["id"]].session)
    desk.clock.advance(1)
    wait_until(lambda: not desk.service.sessions.addresses())
    gc.collect()
    assert memory() is None
    wait_until(lambda: "expired" in desk.log.getvalue())
    assert desk.look(begun).json()["reason"] == "expired"
    second = desk.begin()
    desk.clock.advance(1)
    wait_until(lambda: desk.service.sessions.addresses() == [])
    assert desk.look(second).json()["state"] == "failed"


def test_the_clock_says_when_a_deadline_is_over_not_the_timer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk, woken, wake = make_desk(tmp_path, solve_life=0.05), list[object](), solving._wake

    def note(service: Service | None) -> None:
        woken.append(service)
        wake(service)

    monkeypatch.setattr(solving, "_wake", note)
    begun = desk.begin()
    wait_until(lambda: len(woken) > 2)
    assert desk.look(begun).json()["state"] == "open"
    desk.service.close()


def test_a_store_that_fails_when_nobody_asks_is_logged_and_keeps_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = make_desk(tmp_path, solve_life=0.2)
    for _ in range(2):
        desk.begin()

    def fail(*_: object) -> None:
        raise StoreError("down: details that nobody needs")

    monkeypatch.setattr(desk.service.store, "get_challenge", fail)
    desk.clock.advance(1)
    wait_until(lambda: not desk.service.sessions.addresses())
    wait_until(lambda: desk.log.getvalue().count("StoreError") == 2)
    assert "details" not in desk.log.getvalue()


def test_a_frame_that_is_being_looked_at_is_waited_for(desk: Desk) -> None:
    sessions = Sessions()
    sessions.open("one", Seat(ScriptedSession(1), "1.2.3.4", 10.0), 0.0)
    with sessions.taken("one"):
        assert sessions.overdue(11.0) == []
    assert sessions.overdue(11.0) == ["one"]


def test_a_service_that_is_closed_wakes_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = make_desk(tmp_path)
    desk.begin()
    waiting = desk.service.alarm._timer
    assert waiting is not None
    desk.service.close()
    waiting.join(30)
    assert not waiting.is_alive()
    desk.service.alarm.set(0.01, lambda: pytest.fail("woken"))
    assert desk.service.alarm._timer is waiting


class _Advised(ScriptedSession):
    """Says of each step that is done what an advisor would say."""

    said = (Advice(True, 0.98765), Advice(False, 0.5), Advice(False, 0.912))

    def __init__(self) -> None:
        super().__init__(1)
        self.advice: list[Advice] = []

    def look(self, image: Any, at: float) -> Any:
        seen = super().look(image, at)
        if seen.accepted:
            self.advice.append(self.said[len(self.advice) % 3])
        return seen


def test_advice_is_logged_and_counted_once_a_step_and_decides_nothing(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, steps=3)
    desk.service.judge = ScriptedJudge()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk.service.judge, "begin", _Advised)
        assert desk.solve()["state"] == "passed"
    lines = [json.loads(line) for line in desk.log.getvalue().splitlines() if '"advised"' in line]
    assert [(line["step"], line["real"], line["score"], line["threshold"]) for line in lines] == [
        (0, True, 0.99, 0.8),
        (1, False, 0.5, 0.8),
        (2, False, 0.91, 0.8),
    ]
    counted = desk.service.meters.render().decode()
    for outcome in ("real", "unsure", "flagged"):
        assert f'fersys_captcha_advice_total{{outcome="{outcome}"}} 1.0' in counted


def test_a_pass_is_no_failure(desk: Desk) -> None:
    for _ in range(7):
        desk.solve()


def test_who_makes_the_judge_fail_has_no_more_tries_than_others(desk: Desk) -> None:
    for _ in range(5):
        desk.show(desk.begin(), order="raise")
    assert error(desk.ask()) == (429, "paused")


@pytest.mark.parametrize("part", ["ask", "look"])
@pytest.mark.parametrize("fault", [StoreError, AuditError])
def test_a_fault_of_ours_is_not_counted_against_the_person(desk: Desk, monkeypatch: pytest.MonkeyPatch, part: str, fault: type[Exception]) -> None:
    def fail(*_: object) -> None:
        raise fault("down")

    for _ in range(7):
        begun = desk.begin()
        with monkeypatch.context() as broken:
            broken.setattr(ScriptedSession, part, fail)
            assert desk.show(begun)["reason"] == "internal-error"


def test_a_session_that_we_lost_is_not_counted_against_the_person(desk: Desk) -> None:
    for _ in range(7):
        begun = desk.begin()
        desk.service.sessions = Sessions()
        assert desk.show(begun)["reason"] == "internal-error"


def test_an_address_has_a_rate(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, begin_rate="2 per 1 minute", frame_rate="1 per 1 minute", verify_rate="1 per 1 minute")
    begun = desk.begin()
    desk.begin()
    assert error(desk.ask()) == (429, "rate-limited")
    desk.show(begun)
    assert error(desk.send(begun, encode())) == (429, "rate-limited")
    desk.verify("x")
    assert desk.verify("x")["error-codes"] == ["internal-error"]


def test_a_site_has_a_rate(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, site_rate="2 per 1 minute")
    desk.begin()
    desk.offer()
    assert error(desk.ask()) == (429, "rate-limited")


def test_who_has_to_wait_uses_up_nothing_of_a_site_s_rate(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, site_rate="7 per 1 minute", begin_rate="9 per 1 minute")
    for _ in range(5):
        desk.begin()
    assert [error(desk.ask()) for _ in range(8)] == [(429, "paused")] * 4 + [(429, "rate-limited")] * 4
    for number in range(2):
        solving.begin(desk.service, Binding(desk.site.key, HOST), f"203.0.113.{number}")
    with pytest.raises(RefusedError, match="Too many requests"):
        solving.begin(desk.service, Binding(desk.site.key, HOST), "203.0.113.9")


def test_a_pause_of_the_puzzle_uses_up_nothing_of_a_site_s_rate(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, site_rate="2 per 1 minute")
    for _ in range(5):
        desk.service.rates.count_failure("pow", "127.0.0.1")
    for _ in range(5):
        assert error(desk.client.post("/captcha/v1/work", json={"sitekey": desk.site.key, "hostname": HOST})) == (429, "paused")
    desk.begin()


def test_seats_from_which_nothing_comes_are_given_to_others_and_count_as_failures(desk: Desk) -> None:
    desk.service.sessions = Sessions(most=5)
    silent = [desk.begin() for _ in range(4)]
    solving.begin(desk.service, Binding(desk.site.key, HOST), "1.2.3.5")
    asked = Binding(desk.site.key, HOST)
    with pytest.raises(RefusedError, match="Too many people"):
        solving.begin(desk.service, asked, "1.2.3.4")
    desk.clock.advance(10)
    desk.send(silent[0], encode())
    desk.clock.advance(5)
    assert solving.begin(desk.service, asked, "1.2.3.4").view["state"] == "open"
    assert [desk.look(view).json()["state"] for view in silent] == ["open", "failed", "failed", "failed"]
    desk.begin()
    assert error(desk.ask()) == (429, "paused")


@pytest.mark.parametrize("sent", ["nothing", "no picture", "wrong step"])
def test_a_seat_that_others_wait_for_is_kept_by_pictures_alone(desk: Desk, sent: str) -> None:
    desk.service.sessions = Sessions(most=1)
    begun = desk.begin()
    desk.clock.advance(14)
    if sent == "no picture":
        desk.send(begun, b"x")
    if sent == "wrong step":
        desk.send({**begun, "nonce": "another"}, encode())
    desk.clock.advance(1)
    assert solving.begin(desk.service, Binding(desk.site.key, HOST), "1.2.3.4").view["state"] == "open"
    assert desk.look(begun).json()["state"] == "failed"


@pytest.mark.parametrize("why", ["judge", "seats", "queue"])
def test_who_cannot_begin_for_want_of_room_uses_up_nothing_of_a_site_s_rate_and_leaves_nothing(tmp_path: Path, why: str) -> None:
    desk = make_desk(tmp_path, site_rate="1 per 1 minute")
    if why == "judge":
        desk.service.judge = None
    if why == "seats":
        desk.service.sessions = Sessions(most=0)
    if why == "queue":
        desk.service.workers = Workers(count=1, waiting=-1)
    for _ in range(3):
        assert error(desk.ask()) == (503, "face-unavailable" if why == "judge" else "busy")
    with sqlite3.connect(tmp_path / "captcha.db") as connection:
        assert connection.execute("SELECT count(*) FROM challenges").fetchone() == (0,)
    desk.offer()


def test_who_cannot_begin_since_the_store_or_the_site_s_rate_says_no_keeps_no_seat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise StoreError("down")

    desk = make_desk(tmp_path, site_rate="2 per 1 minute")
    desk.offer()
    with monkeypatch.context() as broken:
        broken.setattr(desk.service.store, "add_challenge", fail)
        assert error(desk.ask()) == (503, "internal-error")
    assert error(desk.ask()) == (429, "rate-limited")
    assert desk.service.sessions.addresses() == []


@pytest.mark.parametrize("part", ["audit", "swap_challenge"])
@pytest.mark.parametrize("again", [True, False])
def test_a_pass_that_a_fault_of_ours_cut_short_can_be_had_again_and_is_no_failure(desk: Desk, monkeypatch: pytest.MonkeyPatch, part: str, again: bool) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StoreError("down")

    counted: list[str] = []
    monkeypatch.setattr(desk.service.rates, "count_failure", lambda *given: counted.append(given[1]))
    for _ in range(2):
        view = desk.begin()
        for _ in range(3):
            view = desk.show(view)
        with monkeypatch.context() as broken:
            if part == "audit":
                broken.setattr(desk.service.audit, "record", fail)
            else:
                whole = desk.service.store.swap_challenge
                broken.setattr(desk.service.store, part, lambda kept, whole=whole: fail() if kept.state == "passed" else whole(kept))
            assert error(desk.send(view, encode(view["prompt"]["expression"]))) == (503, "internal-error")
        desk.clock.advance(3 if again else 61)
        if again:
            passed = desk.show(view)
            assert [desk.verify(passed["token"])["success"] for _ in range(2)] == [True, False]
    desk.begin()  # others that are over are ended now
    assert counted == []


def test_a_step_whose_end_could_not_be_kept_ends_as_a_fault_of_ours(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge asks for the next face already, and nobody has been told."""
    whole = desk.service.store.swap_challenge

    def fail(kept: Challenge) -> bool:
        if kept.step:
            raise StoreError("down")
        return whole(kept)

    for _ in range(7):
        begun = desk.begin()
        with monkeypatch.context() as broken:
            broken.setattr(desk.service.store, "swap_challenge", fail)
            assert error(desk.send(begun, encode(begun["prompt"]["expression"]))) == (503, "internal-error")
        assert desk.show(begun)["reason"] == "internal-error"


def test_a_failure_is_counted_before_its_seat_is_free(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    seats, whole = [], desk.service.rates.count_failure

    def count(*given: str) -> None:
        seats.append(desk.service.sessions.addresses())
        whole(*given)

    monkeypatch.setattr(desk.service.rates, "count_failure", count)
    desk.show(desk.begin(), order="refuse")
    assert (seats, desk.service.sessions.addresses()) == ([["127.0.0.1"]], [])


def test_an_end_that_two_notice_at_once_is_counted_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    counted, name = [], desk.begin()["id"]

    def count(*_: str) -> None:
        counted.append(1)
        solving._charge(desk.service, name)

    monkeypatch.setattr(desk.service.rates, "count_failure", count)
    solving._charge(desk.service, name)
    solving._charge(desk.service, name)
    assert (counted, desk.service.sessions.addresses()) == ([1], [])


def test_a_challenge_that_another_replica_ended_counts_where_it_began(desk: Desk) -> None:
    """Else whoever sees that they fail would send their last frame elsewhere."""
    here, elsewhere = desk.service.sessions, Sessions()
    for _ in range(5):
        begun = desk.begin()
        desk.service.sessions = elsewhere
        assert desk.show(begun)["reason"] == "internal-error"
        desk.service.sessions = here
    desk.clock.advance(60)
    assert error(desk.ask()) == (429, "paused")
    assert here.addresses() == []
    desk.clock.advance(179)
    assert error(desk.ask()) == (429, "paused")
    desk.clock.advance(2)
    desk.begin()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"sitekey": "unknown"}, (400, "invalid-sitekey")),
        ({"sitekey": ""}, (400, "invalid-sitekey")),
        ({"hostname": "evil.com"}, (403, "invalid-hostname")),
        ({"hostname": ""}, (403, "invalid-hostname")),
        ({"action": "a b"}, (400, "invalid-action")),
        ({"cdata": "x" * 256}, (400, "invalid-cdata")),
    ],
)
def test_what_a_site_does_not_allow_is_refused(desk: Desk, fields: dict[str, str], expected: tuple[int, str]) -> None:
    assert error(desk.ask(**fields)) == expected
    assert error(desk.client.post("/captcha/v1/work", json={"sitekey": desk.site.key, "hostname": HOST, **fields})) == expected


def test_after_sessions_with_errors_nothing_of_a_frame_a_secret_or_a_token_is_kept(desk: Desk, tmp_path: Path) -> None:
    passed = desk.solve()
    desk.verify(passed["token"])
    for order in ("refuse", "raise"):
        desk.show(desk.begin(), order)
    frame = encode("happy", order="raise")
    desk.send(desk.begin(), frame)
    desk.service.store.close()
    kept = desk.log.getvalue().encode() + b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    signature = passed["token"].rpartition(".")[2]
    for trace in (passed["secret"], passed["token"], signature, desk.secret, "127.0.0.1", frame[8:40], b"IHDR", b"\\x", passed["nonce"] or "IDAT"):
        assert (trace.encode() if isinstance(trace, str) else trace) not in kept


def test_the_audit_log_of_a_session_is_whole(desk: Desk) -> None:
    desk.verify(desk.solve()["token"])
    desk.show(desk.begin(), "refuse")
    assert desk.service.audit.verify().count == 3


def test_what_is_long_over_is_forgotten_on_the_way(desk: Desk, tmp_path: Path) -> None:
    desk.solve()
    desk.clock.advance(24 * 3600)
    desk.begin()
    with sqlite3.connect(tmp_path / "captcha.db") as connection:
        assert connection.execute("SELECT count(*) FROM challenges").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM tickets").fetchone() == (0,)


def test_of_many_who_begin_at_once_no_more_get_in_than_may_fail(desk: Desk) -> None:
    barrier = Barrier(12)

    def begin(_: int) -> bool:
        barrier.wait()
        try:
            solving.begin(desk.service, Binding(desk.site.key, HOST), "1.2.3.4")
        except RefusedError as refused:
            if refused.code not in ("paused", "busy"):
                raise
            return False
        return True

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(begin, range(12))) <= 5


def test_the_whole_way_leads_through_redis_too(tmp_path: Path) -> None:
    with made_redis.redis_url(tmp_path) as url:
        desk = make_desk(tmp_path, redis=url)
        token = desk.solve()["token"]
        assert [desk.verify(token)["success"] for _ in range(2)] == [True, False]
        offered = desk.offer()
        answer = desk.client.post(f"/captcha/v1/work/{offered['id']}", json=solution_of(offered)).json()
        assert desk.verify(answer["token"])["method"] == "pow"
        assert not (tmp_path / "captcha.db").exists()


def test_without_its_redis_nothing_passes_and_sites_can_read_the_answer(tmp_path: Path) -> None:
    with made_redis.redis_url(tmp_path) as url:
        desk = make_desk(tmp_path, redis=url)
        view, passed = desk.begin(), desk.solve()
    assert error(desk.send(view, encode(view["prompt"]["expression"]))) == (503, "internal-error")
    assert error(desk.ask()) == (503, "internal-error")
    assert desk.verify(passed["token"])["error-codes"] == ["internal-error"]
    assert desk.client.get("/healthz").status_code == 503
