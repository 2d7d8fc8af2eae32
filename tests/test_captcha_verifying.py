"""What a site's backend gets from `/siteverify`."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from app.captcha import dummies, verdicts, verifying
from app.captcha.challenges import Binding
from app.captcha.keys import OVERLAP, KeyFile
from app.captcha.refusals import StoreError
from app.captcha.scripted import ScriptedSession
from app.captcha.sites import rotate
from app.captcha.tokens import read
from tests.made_captcha import BORN, HOST, Desk, make_desk, solution_of

KEY = "0b5e7a0c-6d0c-4c57-8f4e-2a9d5e6f7a17"  # as long as a UUID


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return make_desk(tmp_path)


def codes(answer: dict[str, Any]) -> list[str]:
    assert answer["success"] is False
    return list(answer["error-codes"])


def test_a_good_token_says_what_it_is_for(desk: Desk) -> None:
    token = desk.solve(action="login", cdata="order-7")["token"]
    assert desk.verify(token, remoteip="203.0.113.9") == {
        "success": True,
        "challenge_ts": "2027-01-15T08:00:00Z",
        "hostname": HOST,
        "action": "login",
        "cdata": "order-7",
        "method": "face",
        "error-codes": [],
    }


@pytest.mark.parametrize(("seconds", "good"), [(0, True), (119, True), (119.9, True), (120, False), (121, False)])
def test_a_token_lives_for_120_seconds_from_the_pass(desk: Desk, seconds: float, good: bool) -> None:
    begun = desk.begin()
    desk.clock.advance(50)  # not from the start: the second clock begins with the pass
    while begun["state"] == "open":
        begun = desk.show(begun)
    desk.clock.advance(seconds)
    answer = desk.verify(begun["token"])
    assert answer["success"] is good
    assert good or codes(answer) == ["timeout-or-duplicate"]


def test_a_token_of_the_future_is_refused(desk: Desk) -> None:
    token = desk.solve()["token"]
    desk.clock.advance(-1)
    assert codes(desk.verify(token)) == ["timeout-or-duplicate"]


def test_a_token_is_spent_once(desk: Desk) -> None:
    token = desk.solve()["token"]
    assert desk.verify(token)["success"]
    assert codes(desk.verify(token)) == ["timeout-or-duplicate"]


def test_a_retry_with_the_same_idempotency_key_gets_the_same_answer(desk: Desk) -> None:
    token = desk.solve()["token"]
    first = desk.verify(token, idempotency_key=KEY)
    assert first["success"]
    desk.clock.advance(299)
    assert desk.verify(token, idempotency_key=KEY) == first
    assert codes(desk.verify(token, idempotency_key=KEY[:-1] + "8")) == ["timeout-or-duplicate"]
    assert codes(desk.verify(token)) == ["timeout-or-duplicate"]
    desk.clock.advance(2)
    assert codes(desk.verify(token, idempotency_key=KEY)) == ["timeout-or-duplicate"]


def test_an_idempotency_key_does_not_revive_what_was_spent_without_one(desk: Desk) -> None:
    token = desk.solve()["token"]
    desk.verify(token)
    assert codes(desk.verify(token, idempotency_key=KEY)) == ["timeout-or-duplicate"]


@pytest.mark.parametrize("key", ["a b" * 6, "k" * 15, "k" * 65, "é" * 20])
def test_an_idempotency_key_out_of_form_is_a_bad_request_and_spends_nothing(desk: Desk, key: str) -> None:
    token = desk.solve()["token"]
    assert codes(desk.verify(token, idempotency_key=key)) == ["bad-request"]
    assert desk.verify(token)["success"]


def test_of_many_at_once_one_succeeds(desk: Desk) -> None:
    threads = 12
    barrier = Barrier(threads)

    def verify(token: str) -> bool:
        barrier.wait()
        return bool(verifying.verify(desk.service, {"secret": desk.secret, "response": token})["success"])

    with ThreadPoolExecutor(threads) as pool:
        for _ in range(5):
            assert sum(pool.map(verify, [desk.solve()["token"]] * threads)) == 1


def test_what_is_missing_is_named(desk: Desk) -> None:
    post = desk.client.post
    assert codes(post("/siteverify", data={"response": "x"}).json()) == ["missing-input-secret"]
    assert codes(post("/siteverify", data={"secret": desk.secret}).json()) == ["missing-input-response"]
    assert codes(post("/siteverify", data={"x": "y"}).json()) == ["missing-input-secret", "missing-input-response"]


@pytest.mark.parametrize("secret", ["x", "fs-unknown.x", "{key}", "{key}.", "{key}.wrong", ".", "{secret}x"])
def test_a_wrong_secret_is_refused_and_spends_nothing(desk: Desk, secret: str) -> None:
    token = desk.solve()["token"]
    given = secret.format(key=desk.site.key, secret=desk.secret)
    assert codes(verifying.verify(desk.service, {"secret": given, "response": token})) == ["invalid-input-secret"]
    assert desk.verify(token)["success"]


def test_another_site_s_token_is_refused_and_stays_good_for_its_own(desk: Desk) -> None:
    _, other = desk.other_site()
    token = desk.solve()["token"]
    assert codes(verifying.verify(desk.service, {"secret": other, "response": token})) == ["invalid-input-response"]
    assert desk.verify(token)["success"]


def test_a_host_or_action_that_the_site_gave_up_is_refused(desk: Desk) -> None:
    tokens = [desk.solve(action="login")["token"] for _ in range(3)]
    store = desk.service.store
    store.put_site(replace(desk.site, hosts=("another.org",)))
    assert codes(desk.verify(tokens[0])) == ["invalid-input-response"]
    store.put_site(replace(desk.site, actions=("signup",)))
    assert codes(desk.verify(tokens[1])) == ["invalid-input-response"]
    store.put_site(replace(desk.site, actions=("signup", "login")))
    assert desk.verify(tokens[2])["success"]


def test_a_removed_site_verifies_nothing(desk: Desk) -> None:
    token = desk.solve()["token"]
    desk.service.store.remove_site(desk.site.key)
    assert codes(desk.verify(token)) == ["invalid-input-secret"]


def test_two_secrets_verify_while_a_site_rolls_over(desk: Desk) -> None:
    turned, new = rotate(desk.site, desk.clock())
    desk.service.store.put_site(turned)
    for secret in (desk.secret, new):
        assert verifying.verify(desk.service, {"secret": secret, "response": desk.solve()["token"]})["success"]


def test_a_token_outlives_the_rotation_of_its_key_but_not_the_overlap(desk: Desk) -> None:
    token, keys = desk.solve()["token"], desk.service.keys
    assert isinstance(keys, KeyFile)
    keys.rotate()
    assert desk.verify(token, idempotency_key=KEY)["success"]
    desk.clock.advance(OVERLAP + 1)
    assert codes(desk.verify(token, idempotency_key=KEY)) == ["invalid-input-response"]


def test_a_token_and_a_puzzle_end_with_their_key_when_that_is_replaced(desk: Desk) -> None:
    token, offered, keys = desk.solve()["token"], desk.offer(), desk.service.keys
    assert isinstance(keys, KeyFile)
    keys.replace()
    assert codes(desk.verify(token)) == ["invalid-input-response"]
    answers = [desk.client.post(f"/captcha/v1/work/{offered['id']}", json=solution_of(offered)) for _ in range(6)]
    assert {(answer.status_code, answer.json()["error"]) for answer in answers} == {(410, "puzzle-ended")}  # and nobody is paused for it
    assert desk.verify(desk.solve()["token"])["success"]


@pytest.mark.parametrize("changed", ["hostname", "action", "cdata", "jti"])
@pytest.mark.parametrize("repeated", ["", KEY])
def test_a_signed_token_that_says_something_else_than_was_earned_is_refused_and_spends_nothing(desk: Desk, changed: str, repeated: str) -> None:
    """As a leaked key could make it."""
    service, token, offered = desk.service, desk.solve(action="login")["token"], desk.offer()
    service.store.put_site(replace(desk.site, hosts=(HOST, "other.example.org")))
    claims = read(token, service.keys)
    other = {"jti": offered["id"]} if changed == "jti" else {"binding": replace(claims.binding, **{changed: "other.example.org"})}
    forged = replace(claims, **other)
    assert codes(desk.verify(service.mint(forged), idempotency_key=repeated)) == ["invalid-input-response"]
    assert desk.client.post(f"/captcha/v1/work/{offered['id']}", json=solution_of(offered)).status_code == 200
    assert desk.verify(token, idempotency_key=repeated)["success"]
    assert codes(desk.verify(service.mint(forged), idempotency_key=repeated)) == ["invalid-input-response"]


@pytest.mark.parametrize("repeated", ["", KEY])
@pytest.mark.parametrize(
    "changed", [{"method": "face"}, {"passed_at": int(BORN) + 100, "expires": int(BORN) + 220}, {"expires": int(BORN) + 1000}, {"passed_at": int(BORN) - 1}]
)
def test_an_old_pass_by_puzzle_that_is_signed_anew_is_neither_a_face_nor_younger(desk: Desk, changed: dict[str, Any], repeated: str) -> None:
    offered = desk.offer()
    token = desk.client.post(f"/captcha/v1/work/{offered['id']}", json=solution_of(offered)).json()["token"]
    claims, service = read(token, desk.service.keys), desk.service
    desk.clock.advance(100)
    forged = service.mint(replace(claims, **changed))
    assert codes(desk.verify(forged, idempotency_key=repeated)) == ["invalid-input-response"]
    assert desk.verify(token, idempotency_key=repeated)["challenge_ts"] == "2027-01-15T08:00:00Z"
    assert codes(desk.verify(forged, idempotency_key=repeated)) == ["invalid-input-response"]
    desk.clock.advance(100)
    assert not desk.verify(forged, idempotency_key=repeated)["success"]


def test_a_token_whose_ticket_does_not_say_how_it_was_earned_is_refused(desk: Desk) -> None:
    """As it was kept by versions before this one."""
    claims = desk.service.claims(Binding(desk.site.key, HOST), "face", "an id", BORN)
    desk.service.store.add_ticket(replace(claims.ticket, body="", expires=claims.expires + 300))
    assert codes(desk.verify(desk.service.mint(claims))) == ["invalid-input-response"]


def test_a_frame_that_is_looked_at_for_long_earns_a_token_that_is_good(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its time is that of the frame, whatever second it is once the ticket is kept."""
    whole = ScriptedSession.look

    def look(session: ScriptedSession, *given: Any) -> Any:
        desk.clock.advance(1.5)
        return whole(session, *given)

    monkeypatch.setattr(ScriptedSession, "look", look)
    passed = desk.solve()
    assert desk.look(passed).json()["token"] == passed["token"]
    assert desk.verify(passed["token"])["success"]


def test_a_token_that_the_store_does_not_know_is_refused(desk: Desk, tmp_path: Path) -> None:
    token = desk.solve()["token"]
    elsewhere = make_desk(tmp_path / "elsewhere")
    elsewhere.service.keys = desk.service.keys
    elsewhere.service.store.put_site(desk.site)
    answer = verifying.verify(elsewhere.service, {"secret": desk.secret, "response": token})
    assert codes(answer) == ["timeout-or-duplicate"]


@pytest.mark.parametrize("response", ["x", "a.b.c", "é", "x" * 3000, dummies.TOKEN])
def test_what_is_no_token_is_refused(desk: Desk, response: str) -> None:
    assert codes(desk.verify(response)) == ["invalid-input-response"]


@pytest.mark.parametrize(
    ("secret", "success", "error"),
    [
        ("fs-dummy-pass.secret", True, []),
        ("fs-dummy-fail.secret", False, ["invalid-input-response"]),
        ("fs-dummy-spent.secret", False, ["timeout-or-duplicate"]),
    ],
)
def test_dummy_secrets_say_always_the_same(desk: Desk, secret: str, success: bool, error: list[str]) -> None:
    for _ in range(2):
        answer = verifying.verify(desk.service, {"secret": secret, "response": dummies.TOKEN})
        assert (answer["success"], answer["error-codes"]) == (success, error)


@pytest.mark.parametrize(("key", "state", "token"), [("pass", "passed", dummies.TOKEN), ("fail", "failed", ""), ("spent", "passed", dummies.TOKEN)])
def test_dummy_site_keys_are_over_at_once_by_either_way(desk: Desk, key: str, state: str, token: str) -> None:
    for path in ("challenges", "work"):
        answer = desk.client.post(f"/captcha/v1/{path}", json={"sitekey": f"fs-dummy-{key}"})
        assert answer.status_code == 201
        assert "set-cookie" not in answer.headers
        assert (answer.json()["state"], answer.json()["token"]) == (state, token)


def test_a_dummy_secret_marks_its_answer(desk: Desk) -> None:
    answer = verifying.verify(desk.service, {"secret": "fs-dummy-pass.secret", "response": "x"})
    assert (answer["method"], answer["hostname"]) == ("dummy", "example.com")


def test_dummy_secrets_are_counted_apart_and_their_owner_is_told_once_a_minute(desk: Desk) -> None:
    def ask(secret: str) -> int:
        verifying.verify(desk.service, {"secret": secret, "response": "x"})
        return desk.log.getvalue().count('"dummy-secret"')

    assert ask(desk.secret) == 0
    assert [ask(secret) for secret in dummies.SECRETS] == [1, 1, 1]
    desk.clock.advance(59)
    assert ask("fs-dummy-pass.secret") == 1
    desk.clock.advance(1)
    assert ask("fs-dummy-pass.secret") == 2
    assert '"level": "warning"' in desk.log.getvalue()
    metrics = desk.client.get("/metrics").text
    assert 'fersys_captcha_verifications_total{result="dummy"} 5.0' in metrics
    assert 'fersys_captcha_verifications_total{result="invalid-input-response"} 1.0' in metrics
    assert 'result="success"' not in metrics


@pytest.mark.parametrize("part", ["get_site", "spend", "get_ticket"])
def test_a_store_that_fails_is_an_internal_error(desk: Desk, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    token = desk.solve()["token"]
    desk.verify(token, idempotency_key=KEY)

    def fail(*_: object) -> None:
        raise StoreError("down")

    monkeypatch.setattr(desk.service.store, part, fail)
    answer = desk.client.post("/siteverify", data={"secret": desk.secret, "response": token, "idempotency_key": KEY})
    assert answer.status_code == 503
    assert codes(answer.json()) == ["internal-error"]


def test_without_its_audit_log_nothing_is_verified(desk: Desk) -> None:
    token = desk.solve()["token"]
    desk.service.settings.audit_file.with_suffix(".chain.json").unlink()
    assert codes(desk.verify(token)) == ["internal-error"]


def test_without_its_key_file_nothing_is_verified(desk: Desk) -> None:
    token = desk.solve()["token"]
    desk.service.settings.key_file.unlink()
    assert codes(desk.verify(token)) == ["internal-error"]


@pytest.mark.parametrize("kind", ["form", "multipart", "json"])
def test_form_and_json_are_the_same_question(desk: Desk, kind: str) -> None:
    fields = {"secret": desk.secret, "response": desk.solve()["token"]}
    asked: dict[str, Any] = {"form": {"data": fields}, "json": {"json": fields}, "multipart": {"files": {name: (None, text) for name, text in fields.items()}}}
    assert desk.client.post("/siteverify", **asked[kind]).json()["success"]


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"secret": 1}', "application/json", 400),
        (b'{"secret": {"a": 1}}', "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[" * 15_000, "application/json", 400),
        (b"secret=a&secret=b", "application/x-www-form-urlencoded", 400),
        (b"x", "multipart/form-data", 400),
        (b"secret=a", "text/plain", 415),
        (b"", "", 415),
        (b"a" * 20_000, "application/x-www-form-urlencoded", 413),
    ],
)
def test_a_body_that_cannot_be_read_is_a_bad_request(desk: Desk, content: bytes, kind: str, status: int) -> None:
    answer = desk.client.post("/siteverify", content=content, headers={"content-type": kind})
    assert answer.status_code == status
    assert codes(answer.json()) == ["bad-request"]


def test_a_file_in_a_form_is_a_bad_request(desk: Desk) -> None:
    answer = desk.client.post("/siteverify", files={"secret": ("a.txt", b"x")})
    assert codes(answer.json()) == ["bad-request"]


def test_there_are_seven_error_codes_and_each_is_documented(desk: Desk) -> None:
    described = desk.client.get("/captcha/openapi.json").json()["components"]["schemas"]["Verdict"]["properties"]["error-codes"]["items"]["enum"]
    assert tuple(described) == verdicts.ERROR_CODES
    assert len(set(described)) == 7


def test_the_clock_of_these_tests_is_the_one_the_answer_shows(desk: Desk) -> None:
    assert desk.clock() == BORN
