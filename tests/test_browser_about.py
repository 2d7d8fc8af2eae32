"""The page as a whole in a real browser: policy, accessibility, languages; and the About tab."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Locator, Page, expect

from app.demo import TABS
from app.words import say
from tests.browsing import DESKTOP, PHONE, launched, opened
from tests.served import Served, serve

_NOT_OURS = {"image-redundant-alt"}  # Gradio's footer says "Settings" beside a picture that is called so
WIDE: dict[str, Any] = {"viewport": DESKTOP}
NARROW: dict[str, Any] = {"viewport": PHONE}


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with launched(chromium_path) as browser:
        yield browser


@pytest.fixture(scope="module")
def served(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("served")) as page:
        yield page


@pytest.fixture
def page(request: pytest.FixtureRequest, browser: Browser, served: Served) -> Iterator[Page]:
    """The page, opened as the test's parameters say; an error, or a request to elsewhere, fails the test."""
    asked: list[str] = []
    with opened(browser, served.url, asked, **getattr(request, "param", WIDE)) as page:
        yield page
    here = (f"{served.url}/", f"{by_name(served)}/", "data:", "blob:")
    assert [said for said in asked if not said.startswith(here)] == []


def by_name(served: Served) -> str:
    """The same page under another address."""
    return served.url.replace("127.0.0.1", "localhost")


def button(page: Page, title: str) -> Locator:
    """The button of a tab; on a narrow screen it may lie in the menu."""
    tab = page.locator("#fersys-tabs button[role=tab]:visible", has_text=re.compile(f"^\\s*{re.escape(title)}\\s*$"))
    menu = page.locator(".overflow-menu > button:visible")
    expect(tab.or_(menu).first).to_be_visible()
    if tab.count():
        return tab.first
    menu.click()
    return page.locator("#fersys-tabs .overflow-dropdown button", has_text=title).first


def open_about(page: Page, language: str = "en") -> None:
    button(page, say(language, "tab.about")).click()
    page.wait_for_selector(".fersys-snippet >> visible=true")


@pytest.mark.parametrize("page", [WIDE, WIDE | {"color_scheme": "dark"}], ids=["light", "dark"], indirect=True)
def test_no_tab_breaks_the_policy_or_the_rules_of_accessibility(page: Page) -> None:
    for tab in TABS:
        button(page, say("en", tab.TITLE)).click()
        page.wait_for_function(
            "document.getAnimations().every(animation => animation.playState !== 'running' || animation.effect.getTiming().iterations === Infinity)"
        )
        found = {found["id"]: found["nodes"][0]["html"] for found in Axe().run(page).response["violations"] if found["id"] not in _NOT_OURS}
        assert found == {}, tab.TITLE


@pytest.mark.parametrize("page", [WIDE, NARROW, NARROW | {"locale": "de-DE"}], ids=["wide", "phone", "phone in German"], indirect=True)
def test_about_fits_the_screen_and_code_names_the_address_in_use(page: Page, served: Served) -> None:
    language = page.evaluate("document.documentElement.lang")
    open_about(page, language)
    expect(page.locator("[data-snippet=shell] button")).to_have_text(say(language, "script.about_copy"))
    assert f"page={served.url}\n" in page.locator("[data-snippet=shell] code").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_code_names_the_address_that_the_visitor_came_by(page: Page, served: Served) -> None:
    page.goto(by_name(served))
    open_about(page)
    expect(page.locator("[data-snippet=python] code")).to_contain_text(f'Client("{by_name(served)}")')


def test_code_is_copied_by_keyboard(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_about(page)
    copy = page.locator("[data-snippet=shell] button")
    copy.focus()
    page.keyboard.press("Enter")
    expect(copy).to_have_text(say("en", "script.about_copied"))
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("[data-snippet=shell] code").inner_text()


@pytest.mark.parametrize("page", [WIDE | {"locale": "de-AT"}], ids=["German"], indirect=True)
def test_a_german_visitor_reads_german_around_and_inside(page: Page) -> None:
    assert page.evaluate("document.documentElement.lang") == "de"
    open_about(page, "de")
    for key in ("page.tagline", "about.note", "about.not_title", "about.law_title", "about.versions_title"):
        expect(page.get_by_text(say("de", key), exact=False).first).to_be_visible()


@pytest.mark.parametrize("page", [WIDE | {"locale": "fr-FR"}], ids=["French"], indirect=True)
def test_others_read_english(page: Page) -> None:
    assert page.evaluate("document.documentElement.lang") == "en"
    expect(page.get_by_text(say("en", "page.tagline"))).to_be_visible()


@pytest.mark.parametrize("page", [WIDE | {"color_scheme": "dark"}], ids=["dark"], indirect=True)
def test_dark_mode_is_dark_all_over(page: Page, tmp_path: Path) -> None:
    import numpy as np
    import PIL.Image

    open_about(page)
    page.screenshot(path=tmp_path / "dark.png", full_page=True)
    pixels = np.asarray(PIL.Image.open(tmp_path / "dark.png").convert("L"))
    assert np.median(pixels) < 60
    assert (pixels > 200).mean() < 0.1  # text alone
