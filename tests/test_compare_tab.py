"""The Compare tab as it stands in the page before any script runs."""

import re
from typing import Any

import pytest

from app.report import read_report
from app.tabs.compare import CHARTS, percent, whole
from app.words import LANGUAGES, say, script_words


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    found = read_report()
    assert found is not None
    return found


def test_the_short_answer_has_the_report_s_figures(report: dict[str, Any]) -> None:
    told = report["contamination"]
    (row,) = [row for row in told["rows"] if row["model"] == told["as_published"]]
    shown = re.findall(r"<li><b>(.*?)</b>", whole(report, "en"))
    assert shown == [f"{100 * value:.1f}%" for value in (told["paper"]["accuracy"], row["paper_28821"]["mean"], row["test_strict"])]


def test_numbers_are_written_as_the_language_writes_them() -> None:
    assert (percent(0.6826, "en"), percent(0.6826, "de")) == ("68.3%", "68,3\u00a0%")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_chart_has_a_place_and_a_title(report: dict[str, Any], language: str) -> None:
    html = whole(report, language)
    assert re.findall(r'data-chart="(.*?)"', html) == list(CHARTS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_report_the_tab_says_so(language: str) -> None:
    html = whole(None, language)
    assert "reports/compare.json" in html
    assert "data-chart" not in html


@pytest.mark.parametrize("language", LANGUAGES)
def test_of_a_damaged_report_the_tab_says_so(language: str) -> None:
    html = whole({}, language)
    assert say(language, "compare.damaged") in html
    assert say(language, "compare.missing") not in html
    assert "data-chart" not in html


def test_without_the_published_network_there_is_no_short_answer(report: dict[str, Any]) -> None:
    assert "<li>" not in whole(report | {"contamination": None}, "en")


def test_what_is_translated_of_the_report_is_what_the_report_says(report: dict[str, Any]) -> None:
    """The page takes the English from the report: these show that the translations are of the same words."""
    english = script_words()["en"]
    assert {model["model"]: english[f"compare_about_{model['model']}"] for model in report["models"]} == {
        model["model"]: model["about"] for model in report["models"]
    }
    for number, reference in enumerate(report["references"]):
        assert (english[f"compare_reference_{number}"], english[f"compare_reference_note_{number}"]) == (reference["model"], reference["note"])


def test_every_split_and_damage_of_the_report_has_words(report: dict[str, Any]) -> None:
    english = script_words()["en"]
    assert all(f"compare_split_{split}" in english for split in report["models"][0]["splits"])
    assert all(f"compare_{kind}_{name}" in english for name in report["robustness"]["corruptions"] for kind in ("damage", "unit"))


def test_what_is_said_beside_the_figures_holds(report: dict[str, Any]) -> None:
    """About four of five images were seen, and our CNNs are ahead of the published network on new ones."""
    told = report["contamination"]
    strict = {row["model"]: row["test_strict"] for row in told["rows"]}
    assert told["seen"] == pytest.approx(0.8, abs=0.03)
    assert min(strict["fersys-cnn"], strict["fersys-cnn-paper"]) > strict[told["as_published"]]
