"""The widget in a real browser, on a site of another origin: from the first click to an entry in the guest book."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, ConsoleMessage, FrameLocator, Page, Route, expect

from app.captcha.keys import KeyFile
from app.captcha.scripted import ScriptedJudge
from app.words import say
from fersys import EMOTIONS
from tests.browsing import DESKTOP, FAKE_CAMERA, PATIENCE, PHONE, launched
from tests.made_site import Town, built

# A camera whose picture follows what the page asks for, in the colours that the scripted judge reads.
_PUPPET = """(names) => {
  navigator.mediaDevices.getUserMedia = async () => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 64;
    const context = canvas.getContext("2d");
    const paint = () => {
      const index = names.indexOf((document.querySelector("main").dataset.asked ?? "").split(" ")[0]);
      context.fillStyle = `rgb(${30 + 30 * (index < 0 ? names.length : index)}, 30, ${30 + Math.round(Math.random())})`;
      context.fillRect(0, 0, 64, 64);
    };
    setInterval(paint, 20);
    paint();
    return canvas.captureStream(30);
  };
}"""
_FITS = """() => {
  const main = document.querySelector("main");
  return main.scrollWidth <= main.clientWidth && document.documentElement.scrollHeight <= window.innerHeight;
}"""
_ENDLESS = {"work_cost": 200_000, "work_tries": 100_000}


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with launched(chromium_path, *FAKE_CAMERA) as browser:
        yield browser


@pytest.fixture
def said() -> list[str]:
    """What the browser complained of."""
    return []


@pytest.fixture
def town(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Town]:
    with built(tmp_path, **getattr(request, "param", {})) as town:
        yield town


@contextmanager
def visiting(browser: Browser, url: str, said: list[str], script: str = "", **options: Any) -> Iterator[Page]:
    """A page in a window of its own."""

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            said.append(message.text)

    context = browser.new_context(**{"viewport": DESKTOP, **options})
    context.set_default_timeout(PATIENCE)
    if script:
        context.add_init_script(script)
    page = context.new_page()
    page.on("console", note)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(url)
    yield page
    context.close()


@pytest.fixture
def page(request: pytest.FixtureRequest, browser: Browser, town: Town, said: list[str]) -> Iterator[Page]:
    with visiting(browser, town.site_url, said, **getattr(request, "param", {})) as page:
        yield page


def widget(page: Page) -> FrameLocator:
    return page.frame_locator(".fersys-captcha iframe")


def press(page: Page, act: str) -> None:
    widget(page).locator(f'section:not([hidden]) button[data-do="{act}"]').click()


def wait_for(page: Page, state: str) -> None:
    expect(widget(page).locator(f'[data-for="{state}"]')).to_be_visible(timeout=PATIENCE)


def solve(page: Page) -> str:
    """Go the way without a camera; the token."""
    press(page, "work")
    wait_for(page, "done")
    return token(page)


def token(page: Page) -> str:
    return str(page.evaluate("fersysCaptcha.getResponse()"))


def write(page: Page, words: str = "Hello") -> None:
    page.fill("[name=name]", "Ada")
    page.fill("[name=words]", words)
    with page.expect_navigation():
        page.click("form > button")


def test_who_solves_it_without_a_camera_is_let_in_and_the_browser_has_nothing_to_complain_of(page: Page, town: Town, said: list[str]) -> None:
    assert len(solve(page).split(".")) == 3
    assert page.input_value("[name=fersys-captcha-response]") == token(page)
    write(page)
    assert town.entries == [("Ada", "Hello")]
    wait_for(page, "choose")
    assert token(page) == ""
    assert said == []


def test_who_does_not_solve_it_is_not_let_in(page: Page, town: Town) -> None:
    wait_for(page, "choose")
    write(page)
    expect(page.get_by_role("alert").first).to_have_text("Please solve the CAPTCHA first.")
    assert town.entries == []


def test_a_token_lets_in_once(page: Page, town: Town) -> None:
    used = solve(page)
    write(page)
    wait_for(page, "choose")
    page.evaluate("token => { document.querySelector('[name=fersys-captcha-response]').value = token }", used)
    write(page, "Again")
    assert "used before" in page.get_by_role("alert").first.inner_text()
    assert town.entries == [("Ada", "Hello")]


def test_a_token_that_is_too_old_lets_nobody_in(page: Page, town: Town) -> None:
    solve(page)
    town.desk.clock.advance(120)
    write(page)
    assert "too old" in page.get_by_role("alert").first.inner_text()
    assert town.entries == []


_NOTED = "window.noted = []; for (const name of ['got', 'gone', 'failed']) window[name] = (value) => noted.push([name, value ?? null]); undefined"


def add_callbacks(page: Page) -> None:
    """A second widget, made by a script, that notes what it is told."""
    page.evaluate(_NOTED)
    page.evaluate("""() => {
      const first = document.querySelector('.fersys-captcha');
      const options = { sitekey: first.dataset.sitekey, action: first.dataset.action, callback: got, 'expired-callback': 'gone', 'error-callback': failed };
      first.remove();
      const element = document.createElement('div');
      element.className = 'fersys-captcha';
      document.querySelector('form').append(element);
      window.second = fersysCaptcha.render(element, options);
    }""")


@pytest.mark.parametrize("town", [{"token_life": 1}], indirect=True)
def test_when_its_time_is_over_the_token_is_taken_back_and_the_page_is_told(page: Page) -> None:
    wait_for(page, "choose")
    add_callbacks(page)
    wait_for(page, "choose")
    press(page, "work")
    wait_for(page, "problem")
    expect(widget(page).locator('[data-part="problem"]')).to_have_text(say("en", "frame.say_problem_token_expired"))
    expect(widget(page).locator('[data-for="problem"] h1')).to_have_text(say("en", "frame.say_once_more"))
    assert [name for name, _ in page.evaluate("noted")] == ["got", "gone"], page.evaluate("noted")
    assert page.evaluate("fersysCaptcha.getResponse(second)") == ""


def test_a_script_can_set_it_back(page: Page) -> None:
    wait_for(page, "choose")
    add_callbacks(page)
    wait_for(page, "choose")
    press(page, "work")
    wait_for(page, "done")
    assert page.evaluate("noted[0][1] === fersysCaptcha.getResponse(second)")
    page.evaluate("fersysCaptcha.reset(second)")
    wait_for(page, "choose")
    assert page.evaluate("fersysCaptcha.getResponse(second)") == ""
    page.evaluate("fersysCaptcha.remove(second)")
    expect(page.locator("iframe")).to_have_count(0)


def test_on_a_host_that_is_not_the_site_s_the_browser_refuses_the_frame(browser: Browser, town: Town, said: list[str]) -> None:
    with visiting(browser, town.site_url.replace("localhost", "127.0.0.1"), said) as page:
        expect(page.locator(".fersys-captcha [role=alert]")).to_contain_text("not meant for this site's address", timeout=PATIENCE)
        expect(page.locator(".fersys-captcha iframe")).to_be_hidden(timeout=1)
        expect(widget(page).locator("main")).to_have_count(0)
    assert any("frame-ancestors 'self'" not in text and "frame-ancestors" in text for text in said)


@pytest.mark.parametrize("town", [{"keys": ("fs-unknown", "fs-unknown.secret")}], indirect=True)
def test_a_wrong_site_key_is_said_to_the_site_s_owner(page: Page) -> None:
    wait_for(page, "problem")
    expect(widget(page).locator('[data-part="problem"]')).to_have_text(say("en", "frame.say_problem_invalid_sitekey"))
    expect(widget(page).locator("button:visible")).to_have_count(0)


@pytest.mark.parametrize("town", [{"keys": ("fs-dummy-pass", "fs-dummy-pass.secret")}, {"keys": ("fs-dummy-fail", "fs-dummy-fail.secret")}], indirect=True)
def test_dummy_keys_end_at_once(page: Page, town: Town) -> None:
    press(page, "work")
    passes = town.book.settings.site_key == "fs-dummy-pass"
    wait_for(page, "done" if passes else "problem")
    assert bool(token(page)) is passes
    if not passes:
        expect(widget(page).locator('[data-part="problem"]')).to_have_text(say("en", "frame.say_problem_work_refused"))
        assert offered(page) == ["again"]


def offered(page: Page) -> list[str]:
    """What the buttons do that are shown after a failure."""
    shown = widget(page).locator('[data-for="problem"] button:visible')
    return [str(button.get_attribute("data-do")) for button in shown.all()]


@pytest.mark.parametrize("town", [{"judge": ScriptedJudge()}], indirect=True)
@pytest.mark.parametrize("what", ["puzzle_ended", "work_expired"])
def test_a_puzzle_that_ended_says_why_and_can_be_tried_again_at_once_or_the_other_way(page: Page, town: Town, what: str) -> None:
    keys = town.desk.service.keys
    assert isinstance(keys, KeyFile)

    def end(route: Route) -> None:
        if what == "puzzle_ended":
            keys.replace()
        else:
            town.desk.clock.advance(180)
        route.continue_()

    page.route("**/captcha/v1/work/*", end, times=1)
    press(page, "work")
    wait_for(page, "problem")
    expect(widget(page).locator('[data-part="problem"]')).to_have_text(say("en", f"frame.say_problem_{what}"))
    expect(widget(page).locator('[data-for="problem"] h1')).to_have_text(say("en", "frame.say_failed"))
    assert offered(page) == ["again", "tell"]
    press(page, "again")
    wait_for(page, "done")
    assert token(page)


@pytest.mark.parametrize(
    ("attribute", "value", "words"),
    [
        ("data-action", "", say("en", "frame.say_problem_missing_action")),
        ("data-action", "$&-other", say("en", "frame.say_problem_invalid_action", action="$&-other")),
        ("data-sitekey", "", say("en", "frame.say_problem_missing_sitekey")),
    ],
)
def test_an_attribute_that_is_wrong_or_was_forgotten_is_named_and_no_button_shown_that_cannot_help(page: Page, attribute: str, value: str, words: str) -> None:
    wait_for(page, "choose")
    page.evaluate(_CHANGED, [attribute, value])
    if attribute == "data-action":
        press(page, "work")
    wait_for(page, "problem")
    expect(widget(page).locator('[data-part="problem"]')).to_have_text(words)
    assert offered(page) == []


# The same element with another attribute; "" for none.
_CHANGED = """([name, value]) => {
  const first = document.querySelector('.fersys-captcha');
  const element = first.cloneNode(false);
  if (value) element.setAttribute(name, value);
  else element.removeAttribute(name);
  first.replaceWith(element);
  fersysCaptcha.render(element);
}"""


def test_a_frame_that_does_not_answer_is_hidden_and_comes_back_once_it_does(browser: Browser, town: Town, said: list[str]) -> None:
    with visiting(browser, "about:blank", said, locale="de-DE") as page:
        page.route("**/captcha/assets/frame.js", lambda route: route.abort())
        page.goto(town.site_url)
        alert = page.locator(".fersys-captcha [role=alert]")
        expect(alert).to_contain_text("antwortet nicht", timeout=PATIENCE)
        expect(page.locator(".fersys-captcha iframe")).to_be_hidden(timeout=1)
        page.unroute("**/captcha/assets/frame.js")
        page.evaluate("() => { const frame = document.querySelector('.fersys-captcha iframe'); frame.src = frame.src; }")
        expect(page.locator(".fersys-captcha iframe")).to_be_visible(timeout=PATIENCE)
        expect(alert).to_have_count(0)
        solve(page)


def test_the_text_for_those_for_whom_it_does_not_load_is_replaced_else_shown(browser: Browser, town: Town, said: list[str]) -> None:
    with visiting(browser, town.site_url, said) as page:
        wait_for(page, "choose")
        expect(page.get_by_text("did not load")).to_have_count(0)
        page.route("**/captcha/widget.js", lambda route: route.abort())
        page.reload()
        expect(page.get_by_text("did not load")).to_be_visible(timeout=PATIENCE)
    with visiting(browser, town.site_url, said, java_script_enabled=False) as page:
        expect(page.get_by_text("did not load")).to_be_visible(timeout=PATIENCE)  # what stands in <noscript> is no part of a page in this browser's emulation


def test_what_was_written_is_not_lost_to_a_captcha_that_was_forgotten(page: Page, town: Town) -> None:
    wait_for(page, "choose")
    write(page, "A long story")
    solve(page)
    with page.expect_navigation():
        page.click("form > button")
    assert town.entries == [("Ada", "A long story")]


@pytest.mark.parametrize("town", [_ENDLESS], indirect=True)
def test_work_can_be_given_up(page: Page) -> None:
    press(page, "work")
    wait_for(page, "work")
    press(page, "back")
    wait_for(page, "choose")
    press(page, "work")
    wait_for(page, "work")
    widget(page).locator("main").press("Escape")
    wait_for(page, "choose")


def test_without_a_judge_the_camera_is_not_asked_for(page: Page) -> None:
    wait_for(page, "choose")
    closed = widget(page).locator('button[data-do="tell"]')
    expect(closed).to_have_attribute("aria-disabled", "true")
    closed.click(force=True)
    wait_for(page, "choose")


def test_by_keyboard_alone(page: Page, town: Town) -> None:
    wait_for(page, "choose")
    page.fill("[name=words]", "Keys")
    page.fill("[name=name]", "Ada")
    page.focus("[name=words]")
    for key in ("Tab", "Tab", "Enter"):  # into the frame, to its first way
        if key == "Tab" and widget(page).locator('button[data-do="work"]:focus').count():
            continue
        page.keyboard.press(key)
    wait_for(page, "done")
    page.focus("[name=name]")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert town.entries == [("Ada", "Keys")]


@pytest.mark.parametrize("town", [{"judge": ScriptedJudge(2)}], indirect=True)
def test_with_the_camera_people_are_told_first_and_then_match_the_faces(browser: Browser, town: Town, said: list[str]) -> None:
    with visiting(browser, town.site_url, said, f"({_PUPPET})({list(EMOTIONS)!r})") as page:
        press(page, "tell")
        wait_for(page, "tell")
        expect(widget(page).locator('[data-for="tell"]')).to_contain_text(say("en", "frame.told_what"))
        press(page, "face")
        wait_for(page, "done")
        write(page)
    assert town.entries == [("Ada", "Hello")]
    assert said == []


@pytest.mark.parametrize("town", [{"judge": ScriptedJudge()}], indirect=True)
def test_a_camera_that_is_refused_is_explained_and_the_other_way_is_open(browser: Browser, town: Town, said: list[str]) -> None:
    deny = "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('no', 'NotAllowedError'); };"
    with visiting(browser, town.site_url, said, deny) as page:
        press(page, "tell")
        press(page, "face")
        wait_for(page, "problem")
        expect(widget(page).locator('[data-part="problem"]')).to_have_text(say("en", "frame.say_problem_camera_refused"))
        press(page, "again")
        press(page, "back")
        solve(page)
        assert token(page)


_GERMAN_PHONE = {"viewport": PHONE, "locale": "de-DE", "color_scheme": "dark"}


@pytest.mark.parametrize("page", [{"viewport": DESKTOP}, _GERMAN_PHONE], ids=["desktop", "phone"], indirect=True)
@pytest.mark.parametrize("town", [{"judge": ScriptedJudge(), **_ENDLESS}], indirect=True)
def test_it_is_small_fits_and_speaks_the_visitor_s_language(page: Page) -> None:
    wait_for(page, "choose")
    frame = page.locator(".fersys-captcha iframe")
    box = frame.bounding_box()
    assert box is not None
    assert (box["width"] <= 302, box["height"] <= 160) == (True, True)
    language = "de" if page.evaluate("navigator.language") == "de-DE" else "en"
    expect(widget(page).locator('[data-for="choose"] h1')).to_have_text(say(language, "frame.choose"))
    for state, act in (("choose", "work"), ("work", "back"), ("choose", "tell"), ("tell", "back")):
        wait_for(page, state)
        page.frames[1].wait_for_function(_FITS)
        press(page, act)


@pytest.mark.parametrize("page", [{"color_scheme": "light"}, _GERMAN_PHONE], ids=["light", "dark"], indirect=True)
@pytest.mark.parametrize("town", [{"judge": ScriptedJudge(), **_ENDLESS}], indirect=True)
def test_axe_finds_nothing_in_the_frame(page: Page) -> None:
    frame = page.frames[1]
    wait_for(page, "choose")
    frame.evaluate(f"() => {{ {Axe().axe_script}; }}")
    for state, act in (("choose", "work"), ("work", "back"), ("choose", "tell"), ("tell", "face"), ("face", "back")):
        wait_for(page, state)
        found = frame.evaluate("async () => (await axe.run()).violations.map(({ id, nodes }) => [id, nodes[0].html])")
        assert found == [], state
        press(page, act)
