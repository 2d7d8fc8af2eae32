"""The way by face, over HTTP: what leads to a token and what does not."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from app.captcha import solving
from app.captcha.challenges import Binding
from app.captcha.refusals import AuditError, RefusedError, StoreError
from app.captcha.scripted import ScriptedJudge, ScriptedSession
from app.captcha.sessions import Sessions
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
