"""The Compare tab in a real browser: what it shows is what reports/compare.json says."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from app.report import read_report
from tests.browsing import PATIENCE, PHONE, launched, opened, wait_for
from tests.served import Served, serve


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    found = read_report()
    assert found is not None
    return found


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with launched(chromium_path) as browser:
        yield browser


@pytest.fixture(scope="module")
def served(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("served")) as page:
        yield page


@pytest.fixture(scope="module")
def asked() -> list[str]:
    """Addresses the page asked for, and errors it reported."""
    return []


@pytest.fixture(scope="module")
def page(browser: Browser, served: Served, asked: list[str]) -> Iterator[Page]:
    with opened(browser, served.url, asked) as page:
        open_tab(page, "Compare")
        page.wait_for_selector("[data-chart=models] table")
        yield page


def open_tab(page: Page, title: str) -> None:
    """Open a tab; on a phone it lies in a menu."""
    tab = page.locator("#fersys-tabs").get_by_role("tab", name=title, exact=True)
    more = page.locator("#fersys-tabs .overflow-menu")
    expect(tab.or_(more.locator("> button")).filter(visible=True).first).to_be_visible(timeout=PATIENCE)
    if not tab.count():
        more.locator("> button").click()
        tab = more.locator(".overflow-dropdown button").filter(has_text=title)
    tab.click()


def table(page: Page, chart: str) -> dict[str, list[str]]:
    """The first table of a chart: cells by the head of their row."""
    rows = page.locator(f"[data-chart={chart}] table.fersys-table").first.locator("tbody tr")
    cells: list[list[str]] = rows.evaluate_all("rows => rows.map(row => [...row.children].map(cell => cell.textContent))")
    return {first: rest for first, *rest in cells}


def choose(page: Page, **choices: str) -> None:
    for key, value in choices.items():
        page.select_option(f"[data-choice={key}]", value)


def percent(value: float) -> str:
    return f"{100 * value:.1f}%"


@pytest.mark.parametrize("split", ["test", "test_strict", "train"])
def test_accuracies_are_those_of_the_report(page: Page, report: dict[str, Any], split: str) -> None:
    choose(page, split=split)
    shown = table(page, "overview")
    assert list(shown) == [model["model"] for model in report["models"]]
    for model in report["models"]:
        found = model["splits"][split]
        low, high = found["ci95"]["accuracy"]
        assert shown[model["model"]][:2] == [f"{found['n']:,}", f"{percent(found['accuracy'])} ({percent(low)}–{percent(high)})"]
    choose(page, split="test")


def test_the_contamination_is_that_of_the_report(page: Page, report: dict[str, Any]) -> None:
    kinds = ("train", "paper_28821", "validation", "test", "test_clean", "test_strict")
    wanted = {row["model"]: [percent(row[kind]["mean"] if kind == "paper_28821" else row[kind]) for kind in kinds] for row in report["contamination"]["rows"]}
    assert table(page, "contamination") == wanted


def test_a_cell_s_count_and_what_others_said_are_shown(page: Page, report: dict[str, Any]) -> None:
    choose(page, a="fersys-cnn", b="fersys-deepface", split="test")
    (model,) = [model for model in report["models"] if model["model"] == "fersys-cnn"]
    counts = model["splits"]["test"]["confusion_matrix"][1]
    page.click('[data-matrix="fersys-cnn"] [data-pick="1,0"]')
    said = wait_for(page, "[data-cell]")
    assert f"takes {counts[0]} of {sum(counts)} images of “disgust” for “angry”" in said
    page.wait_for_selector("[data-cell] table")
    assert len(table(page, "confusion")) == len(report["models"])
    matrix = page.locator('[data-matrix="fersys-cnn"] [data-pick]').evaluate_all("cells => cells.map(cell => cell.textContent)")
    assert matrix == [str(int(100 * count / sum(row) + 0.5)) for row in model["splits"]["test"]["confusion_matrix"] for count in row]


def test_arrow_keys_move_among_cells(page: Page) -> None:
    page.locator('[data-matrix="fersys-cnn"] [data-pick="0,0"]').focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect(page.locator('[data-matrix="fersys-cnn"] [data-pick="2,1"]')).to_have_attribute("aria-pressed", "true")
    assert "“fear” for “disgust”" in wait_for(page, "[data-cell]")


@pytest.mark.parametrize(("first", "second"), [("fersys-cnn", "fersys-deepface"), ("fersys-deepface", "fersys-cnn"), ("fersys-deepface", "fersys-cnn-paper")])
def test_the_pair_s_counts_are_those_of_the_report_whichever_stands_first(page: Page, report: dict[str, Any], first: str, second: str) -> None:
    choose(page, a=first, b=second, split="test")
    (found,) = [pair for pair in report["pairs"]["test"] if {pair["first"], pair["second"]} == {first, second}]
    only = (found["only_first"], found["only_second"])
    text = wait_for(page, "[data-chart=pair]")
    for name, count in zip((first, second), only if found["first"] == first else only[::-1], strict=True):
        assert f"only {name} right: {count}" in text
    assert ("not chance" in text) == (found["p_holm"] < 0.05)
    choose(page, a="fersys-cnn", b="fersys-deepface")


def test_calibration_and_risk_are_those_of_the_report(page: Page, report: dict[str, Any]) -> None:
    for model in report["models"][:1]:
        errors = model["calibration"]["splits"]["test"]
        wanted = [f"{errors['before'][key]:.3f} → {errors['after'][key]:.3f}" for key in ("ece", "nll", "brier")]
        assert table(page, "calibration")[model["model"]] == wanted
        assert table(page, "risk")[model["model"]][:3] == [percent(model["risk_coverage"]["test"]["risk_at"][share]) for share in ("0.5", "0.7", "1")]


def test_a_damage_is_chosen_and_its_figures_are_those_of_the_report(page: Page, report: dict[str, Any]) -> None:
    page.click('[data-set=damage][value="noise"]')
    told = report["robustness"]["models"]["fersys-cnn"]
    assert table(page, "robustness")["fersys-cnn"] == [percent(told["clean"]), *map(percent, told["accuracy"]["noise"])]
    expect(page.locator('[data-set=damage][value="noise"]')).to_be_focused()


def test_every_chart_has_words(page: Page) -> None:
    charts = page.locator("#fersys-compare svg[role=img]").evaluate_all("charts => charts.map(chart => chart.getAttribute('aria-label'))")
    assert len(charts) == 8
    assert all(charts)


def test_the_projector_shows_one_chart_at_a_time(page: Page) -> None:
    page.click("[data-big]")
    shown = page.locator("[data-chart]:visible")
    expect(shown).to_have_count(1)
    expect(shown).to_have_attribute("data-chart", "overview")
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-chart]:visible")).to_have_attribute("data-chart", "contamination")
    page.click("[data-big]")
    expect(page.locator("[data-chart]:visible")).to_have_count(10)


def test_it_asks_nobody_else_and_reports_no_error(page: Page, served: Served, asked: list[str]) -> None:
    assert [one for one in asked if not one.startswith((f"{served.url}/", "data:", "blob:"))] == []
    assert [one for one in asked if "fersys/compare" in one]


def test_on_a_dark_german_phone_it_fits_and_speaks_german(browser: Browser, served: Served) -> None:
    with opened(browser, f"{served.url}/?__theme=dark", [], viewport=PHONE, locale="de-DE", color_scheme="dark") as page:
        open_tab(page, "Vergleich")
        page.wait_for_selector("[data-chart=models] table")
        assert "Wie oft jedes Modell richtig liegt" in wait_for(page, "[data-chart=overview] h2")
        assert "68,3" in wait_for(page, "[data-chart=overview]")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        page.locator('[data-pick="3,3"]').first.click()
        expect(page.locator("[data-cell] table")).to_be_visible(timeout=PATIENCE)
