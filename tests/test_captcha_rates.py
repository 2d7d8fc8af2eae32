from collections.abc import Callable
from pathlib import Path

import pytest

from app.captcha.clock import SetClock
from app.captcha.rates import Rates, network_of
from app.captcha.refusals import RefusedError, StoreError
from app.captcha.settings import Settings
from app.captcha.windows import ClockedWindows
from tests import made_redis


def rates(clock: SetClock, redis: str = "") -> Rates:
    return Rates(Settings(Path("unused"), redis, begin_rate="3 per 1 minute"), clock)


def wait_of(refused: pytest.ExceptionInfo[RefusedError]) -> float:
    return refused.value.wait


def test_an_address_has_its_rate_and_others_are_left_alone() -> None:
    clock = SetClock()
    counted = rates(clock)
    for _ in range(3):
        counted.count("begin", "1.2.3.4")
    with pytest.raises(RefusedError) as refused:
        counted.count("begin", "1.2.3.4")
    assert (refused.value.code, refused.value.status, wait_of(refused)) == ("rate-limited", 429, 60)
    counted.count("begin", "1.2.3.5")
    counted.count("verify", "1.2.3.4")


@pytest.mark.parametrize(("seconds", "allowed"), [(59, False), (60, True), (61, True)])
def test_the_window_moves_with_the_clock(seconds: float, allowed: bool) -> None:
    clock = SetClock()
    counted = rates(clock)
    for _ in range(3):
        counted.count("begin", "1.2.3.4")
    clock.advance(seconds)
    if allowed:
        counted.count("begin", "1.2.3.4")
    else:
        with pytest.raises(RefusedError):
            counted.count("begin", "1.2.3.4")


@pytest.mark.parametrize(("seconds", "paused"), [(179, True), (180, False), (181, False)])
def test_five_failures_in_three_minutes_pause(seconds: float, paused: bool) -> None:
    clock = SetClock()
    counted = rates(clock)
    for _ in range(4):
        counted.count_failure("face", "1.2.3.4")
    counted.check_pause("face", "1.2.3.4")
    counted.count_failure("face", "1.2.3.4")
    clock.advance(seconds)
    if paused:
        with pytest.raises(RefusedError) as refused:
            counted.check_pause("face", "1.2.3.4")
        assert (refused.value.code, wait_of(refused)) == ("paused", 1)
    else:
        counted.check_pause("face", "1.2.3.4")


def test_a_pause_of_one_way_leaves_the_other_open_and_other_addresses_alone() -> None:
    counted = rates(SetClock())
    for _ in range(9):
        counted.count_failure("face", "1.2.3.4")
    counted.check_pause("pow", "1.2.3.4")
    counted.check_pause("face", "1.2.3.5")


def test_attempts_under_way_count_as_if_they_failed() -> None:
    counted = rates(SetClock())
    counted.count_failure("face", "1.2.3.4")
    counted.check_pause("face", "1.2.3.4", pending=3)
    with pytest.raises(RefusedError):
        counted.check_pause("face", "1.2.3.4", pending=4)


@pytest.mark.parametrize(
    ("address", "network"), [("1.2.3.4", "1.2.3.4"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("testclient", "testclient"), ("", "")]
)
def test_an_ipv6_network_counts_as_one(address: str, network: str) -> None:
    assert network_of(address) == network


def test_windows_stay_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.captcha.windows._MOST_KEYS", 10)
    clock = SetClock()
    windows = ClockedWindows(clock)
    for number in range(100):
        assert windows.acquire_entry(f"key {number}", 5, 60)
    assert windows.reset() == 10
    windows.acquire_entry("old", 5, 60)
    clock.advance(61)
    assert windows.get("old") == 0


def test_redis_counts_for_all_replicas(tmp_path: Path) -> None:
    with made_redis.redis_url(tmp_path) as url:
        first, second = (rates(SetClock(), url) for _ in range(2))
        for counted in (first, second, first):
            counted.count("begin", "1.2.3.4")
        with pytest.raises(RefusedError):
            second.count("begin", "1.2.3.4")
        for _ in range(5):
            first.count_failure("face", "1.2.3.4")
        with pytest.raises(RefusedError):
            second.check_pause("face", "1.2.3.4")


def test_without_its_redis_nobody_is_let_in() -> None:
    counted = rates(SetClock(), "redis://127.0.0.1:1/0")
    calls: list[Callable[[], None]] = [
        lambda: counted.count("begin", "1.2.3.4"),
        lambda: counted.check_pause("face", "1.2.3.4"),
        lambda: counted.count_failure("face", "1.2.3.4"),
    ]
    for call in calls:
        with pytest.raises(StoreError, match="cannot be counted"):
            call()
