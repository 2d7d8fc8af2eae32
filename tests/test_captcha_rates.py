from collections.abc import Callable
from pathlib import Path

import pytest

from app.captcha import rates as rates_module
from app.captcha import sessions, windows, workers
from app.captcha.clock import SetClock
from app.captcha.rates import Rates, networks_of
from app.captcha.refusals import RefusedError, StoreError
from app.captcha.sessions import Sessions
from app.captcha.settings import Settings
from app.captcha.windows import ClockedWindows
from app.captcha.workers import Workers
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
    counted.check_pause("face", "1.2.3.4", pending=["1.2.3.4"] * 3 + ["1.2.3.5"])
    with pytest.raises(RefusedError):
        counted.check_pause("face", "1.2.3.4", pending=["1.2.3.4"] * 4)


@pytest.mark.parametrize(
    ("address", "networks"),
    [("1.2.3.4", ("1.2.3.4",)), ("2001:db8:1:2:3:4:5:6", ("2001:db8:1:2::/64", "2001:db8:1::/48")), ("testclient", ("testclient",)), ("", ("",))],
)
def test_an_ipv6_network_counts_as_one(address: str, networks: tuple[str, ...]) -> None:
    assert networks_of(address) == networks


def test_the_networks_of_one_ipv6_customer_share_sixteen_times_the_rate() -> None:
    counted = rates(SetClock())
    for number in range(16 * 3):
        counted.count("begin", f"2001:db8:1:{number:x}::1")
    with pytest.raises(RefusedError):
        counted.count("begin", "2001:db8:1:ff::1")
    counted.count("begin", "2001:db8:2:ff::1")


def test_frames_and_verifications_are_counted_by_the_smaller_network_alone() -> None:
    counted = Rates(Settings(Path("unused"), frame_rate="1 per 1 minute", verify_rate="1 per 1 minute"), SetClock())
    for number in range(20):
        for kind in ("frame", "verify"):
            counted.count(kind, f"2001:db8:1:{number:x}::1")


def test_the_networks_of_one_ipv6_customer_are_paused_after_sixteen_times_the_failures() -> None:
    counted = rates(SetClock())
    for number in range(16 * 5 - 1):
        counted.count_failure("face", f"2001:db8:1:{number:x}::1")
    counted.check_pause("face", "2001:db8:1:ff::1", pending=["2001:db8:2:fe::1"])
    with pytest.raises(RefusedError):
        counted.check_pause("face", "2001:db8:1:ff::1", pending=["2001:db8:1:fe::1"])
    counted.count_failure("face", "2001:db8:1:fe::1")
    with pytest.raises(RefusedError):
        counted.check_pause("face", "2001:db8:1:ff::1")
    counted.check_pause("face", "2001:db8:2:ff::1")


def test_windows_stay_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.captcha.windows._MOST_KEYS", 10)
    clock = SetClock()
    windows = ClockedWindows(clock)
    for number in range(100):
        assert windows.acquire_entry(f"begin/{number}", 5, 60)
    assert windows.reset() == 10
    windows.acquire_entry("begin/old", 5, 60)
    clock.advance(61)
    assert windows.get("begin/old") == 0
    windows.acquire_entry("begin/new", 5, 60)
    assert windows.reset() == 1  # who is forgotten is not kept


def test_who_was_counted_longest_ago_makes_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.captcha.windows._MOST_KEYS", 3)
    windows = ClockedWindows(SetClock())
    for name in ("early", "b", "early", "c", "d"):
        windows.acquire_entry(f"begin/{name}", 5, 60)
    assert [windows.get(f"begin/{name}") for name in ("early", "b", "c", "d")] == [2, 0, 1, 1]


def test_a_flood_of_fresh_addresses_makes_nobody_s_failures_and_no_site_s_count_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.captcha.windows._MOST_KEYS", 10)
    counted = Rates(Settings(Path("unused"), site_rate="1 per 1 minute"), SetClock())
    counted.count("site", "fs-1")
    for _ in range(5):
        counted.count_failure("face", "1.2.3.4")
    for number in range(100):
        for kind in ("begin", "frame", "verify"):
            counted.count(kind, f"1.2.4.{number}")
    with pytest.raises(RefusedError):
        counted.count("site", "fs-1")
    with pytest.raises(RefusedError):
        counted.check_pause("face", "1.2.3.4")


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


def test_the_page_for_owners_names_the_numbers_of_the_code() -> None:
    text, settings = (Path(__file__).parent.parent / "docs" / "captcha.md").read_text(encoding="utf-8"), Settings(Path("unused"))
    page = " ".join(text.split())  # wherever a line ends
    for rate in (settings.begin_rate, settings.frame_rate, settings.verify_rate, settings.site_rate):
        assert f"| {rate.removesuffix(' per 1 minute')} a minute" in page
    assert f"| {settings.failures} in {settings.failure_window // 60} minutes;" in page
    assert f"{rates_module._WIDER} times as much" in page
    assert f"under way | {Sessions()._most} |" in page
    assert f"no frame could be looked at for {sessions._SILENCE:.0f} seconds" in page
    assert f"| {workers._SHARES[0]} (a /48: {workers._SHARES[1]}) of {Workers()._free} |" in page
    per_network = {"begun": rates_module._WIDER * int(settings.begin_rate.split()[0]), "failed": rates_module._WIDER * settings.failures}
    assert f"as one address: {per_network['begun']} a minute; {per_network['failed']} in" in page
    assert 2 * per_network["begun"] < int(settings.site_rate.split()[0]) < 3 * per_network["begun"]  # three networks are enough
    assert 2 * per_network["failed"] < Sessions()._most < 3 * per_network["failed"]
    assert f"{windows._MOST_KEYS:,} addresses" in page
