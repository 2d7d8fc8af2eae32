from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from app.captcha import work
from app.captcha.challenges import Binding
from app.captcha.keys import OVERLAP, Key, KeyFile
from app.captcha.refusals import RefusedError
from tests.made_captcha import Desk, make_desk, solution_of


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return make_desk(tmp_path)


def redeem(desk: Desk, name: str, solution: Any) -> tuple[int, str]:
    answer = desk.client.post(f"/captcha/v1/work/{name}", json=solution)
    return answer.status_code, answer.json().get("error") or answer.json()["token"]


def test_a_solution_is_worth_a_token_that_says_how(desk: Desk) -> None:
    offered = desk.offer()
    status, token = redeem(desk, offered["id"], solution_of(offered))
    assert status == 200
    assert desk.verify(token)["method"] == "pow"


def test_its_cost_is_a_setting(tmp_path: Path) -> None:
    offered = make_desk(tmp_path, work_cost=7).offer()
    assert offered["challenge"]["parameters"]["cost"] == 7


def test_a_puzzle_is_redeemed_once(desk: Desk) -> None:
    offered = desk.offer()
    solution = solution_of(offered)
    assert [redeem(desk, offered["id"], solution)[0] for _ in range(2)] == [200, 409]


def test_of_many_at_once_one_is_redeemed(desk: Desk) -> None:
    offered, barrier = desk.offer(), Barrier(8)
    solution = solution_of(offered)

    def attempt(_: int) -> bool:
        barrier.wait()
        try:
            return bool(work.redeem(desk.service, offered["id"], solution, "1.2.3.4")["token"])
        except RefusedError as refused:
            if refused.code != "already-used":
                raise
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(8))) == 1


@pytest.mark.parametrize(("seconds", "expected"), [(179, 200), (180, 410), (181, 410)])
def test_there_are_180_seconds_to_solve(desk: Desk, seconds: float, expected: int) -> None:
    offered = desk.offer()
    desk.clock.advance(seconds)
    assert redeem(desk, offered["id"], solution_of(offered))[0] == expected


@pytest.mark.parametrize(
    "solution",
    [{}, {"counter": 0}, {"counter": "0", "derivedKey": 7}, {"derivedKey": ""}, {"derivedKey": "é"}, {"derivedKey": "00" * 32}, {"derivedKey": None}],
)
def test_a_wrong_solution_is_refused_and_the_puzzle_stays(desk: Desk, solution: dict[str, Any]) -> None:
    offered = desk.offer()
    assert redeem(desk, offered["id"], solution) == (400, "wrong-solution")
    assert redeem(desk, offered["id"], solution_of(offered))[0] == 200


def test_another_puzzle_s_solution_is_wrong(desk: Desk) -> None:
    first, second = desk.offer(), desk.offer()
    assert redeem(desk, first["id"], solution_of(second)) == (400, "wrong-solution")


def test_a_challenge_that_the_client_sends_along_is_not_read(desk: Desk) -> None:
    hard, easy = desk.offer(), desk.offer()
    assert redeem(desk, hard["id"], {**solution_of(easy), "challenge": easy["challenge"]}) == (400, "wrong-solution")


def test_five_wrong_solutions_pause_this_way_and_leave_the_other_open(desk: Desk) -> None:
    offered = desk.offer()
    for _ in range(5):
        redeem(desk, offered["id"], {"derivedKey": "00"})
    assert redeem(desk, offered["id"], solution_of(offered)) == (429, "paused")
    assert desk.client.post("/captcha/v1/work", json={"sitekey": desk.site.key, "hostname": "example.org"}).json()["error"] == "paused"
    assert desk.solve()["state"] == "passed"


def test_an_unknown_puzzle_or_a_token_s_id_is_no_puzzle(desk: Desk) -> None:
    assert redeem(desk, "unknown", {}) == (404, "unknown-work")
    desk.service.issue(Binding(desk.site.key, "example.org"), "face", "token-id")
    assert redeem(desk, "token-id", {}) == (404, "unknown-work")


def test_a_puzzle_survives_the_rotation_of_keys_but_not_the_overlap(desk: Desk) -> None:
    keys = desk.service.keys
    assert isinstance(keys, KeyFile)
    first, second = desk.offer(), desk.offer()
    keys.rotate()
    assert redeem(desk, first["id"], solution_of(first))[0] == 200
    desk.clock.advance(OVERLAP + 1)
    assert redeem(desk, second["id"], solution_of(second))[0] == 410


def test_no_time_travels_with_a_puzzle(desk: Desk) -> None:
    assert "expiresAt" not in desk.offer()["challenge"]["parameters"]


@pytest.mark.parametrize("body", ["no JSON", "{}", "[]", '{"kid": "%s"}', '{"kid": "%s", "puzzle": {}}'])
def test_a_puzzle_that_was_spoilt_is_a_fault_of_ours(desk: Desk, body: str) -> None:
    offered = desk.offer()
    kept = desk.service.store.get_ticket(offered["id"])
    assert kept is not None
    desk.service.store.add_ticket(replace(kept, body=body.replace("%s", desk.service.keys.signing().kid)))
    assert redeem(desk, offered["id"], solution_of(offered)) == (503, "internal-error")


def test_a_puzzle_names_the_key_that_it_was_made_with_though_keys_are_rotated_meanwhile(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = desk.service.keys
    assert isinstance(keys, KeyFile)
    signing = keys.signing

    def rotate() -> Key:
        key = signing()
        keys.rotate()
        return key

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(keys, "signing", rotate)
        offered = desk.offer()
    assert redeem(desk, offered["id"], solution_of(offered))[0] == 200
