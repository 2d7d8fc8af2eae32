"""What a puzzle costs is measured with the widget's own scripts, and said in figures that follow from it."""

from pathlib import Path

import pytest

from app.captcha.__main__ import main
from app.captcha.refusals import CaptchaError
from app.captcha.settings import Settings
from app.captcha.work_bench import Solved, median_counter, report, time_browser, time_try

SETTINGS = Settings(Path("none.db"), work_cost=10_000, work_tries=8_000)


def test_figures_follow_from_what_a_try_takes() -> None:
    text = report(SETTINGS, 0.0025, Solved((5.0, 7.0, 4.0), 2), 0.04)
    assert "4,000 tries in the median, 8,000 at most, each of 10,000 rounds" in text
    assert "2.50 ms a try; 10.0 s a token in the median, 20.0 s at most" in text
    assert "360 tokens a core-hour; at $0.04 a core-hour, $0.111 a thousand tokens" in text
    assert "In Chromium, 2 cores: 5.0 s for the median puzzle (n = 3: 5.0, 7.0, 4.0)" in text


@pytest.mark.parametrize(("tries", "counter"), [(1, 0), (2, 0), (3, 1), (8_000, 3_999)])
def test_as_many_puzzles_take_fewer_tries_than_the_median_one_as_take_more(tries: int, counter: int) -> None:
    assert median_counter(Settings(Path("none.db"), work_tries=tries)) == counter


def test_a_try_takes_longer_the_more_rounds_it_has() -> None:
    few, many = (time_try(Settings(Path("none.db"), work_cost=cost), 3) for cost in (1, 100_000))
    assert 0 <= few < many


def test_a_browser_solves_puzzles_and_says_how_long_each_took(chromium_path: str) -> None:
    solved = time_browser(Settings(Path("none.db"), work_cost=1, work_tries=40), chromium_path, 2)
    assert len(solved.seconds) == 2
    assert min(solved.seconds) > 0
    assert solved.cores >= 1


def test_without_such_a_browser_it_says_what_is_expected() -> None:
    with pytest.raises(CaptchaError, match=r"expected the command of a Chromium\. Received: no-such-browser"):
        time_browser(SETTINGS, "no-such-browser")


def test_the_command_prints_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environment = {"FERSYS_CAPTCHA_DB": str(tmp_path / "captcha.db"), "FERSYS_CAPTCHA_WORK_COST": "3"}
    assert main(["work-bench", "--price", "0.5"], environment) == 0
    said = capsys.readouterr().out
    assert "each of 3 rounds" in said
    assert "at $0.5 a core-hour" in said
    assert "Chromium" not in said
    assert list(tmp_path.iterdir()) == []
