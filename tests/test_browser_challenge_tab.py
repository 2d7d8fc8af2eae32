"""The emoji challenge on the CAPTCHA tab in a real browser, with a scripted judge: every state, by mouse and by keyboard."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Frame, FrameLocator, Locator, Page, Route, expect

from app.captcha import own
from app.captcha.scripted import ScriptedJudge, paint
from app.words import say
from fersys.results import Image
from tests.browsing import PATIENCE, PHONE, launched, opened
from tests.made_captcha import Desk, make_desk
from tests.made_puppet import Puppeteer
from tests.served import Served, serve_captcha, tiny_arms
from tests.served import serve as serve_alone
from tests.test_browser_captcha import await_state, go_to

ASKED = ("angry", "happy", "sad", "surprise")
_GERMAN_PHONE = {"viewport": PHONE, "locale": "de-DE", "color_scheme": "dark"}
_INSIDE = ".fersys-challenge iframe"
_TIMERS = "window.timers = []; const later = setTimeout; window.setTimeout = (...given) => (timers.push(given[1]), later(...given)); undefined;"
# Between the page and the network: `about` a challenge that has begun, `sent` if it is a frame of it.
_MEDDLED = """const ask = window.fetch; let lost = 0; window.fetch = async (path, options) => {
  let answer;
  const about = String(path).includes("challenges/"), sent = about && options?.body instanceof Blob;
  %s
  return answer ?? ask(path, options);
}; undefined;"""
_HEARD = """() => {
  const said = document.querySelector('[data-part="said"]');
  window.heard = [];
  new MutationObserver(() => heard.push(said.textContent)).observe(said, { childList: true, characterData: true, subtree: true });
}"""
_TICK = """() => {
  const tick = document.querySelector('[data-part="tick"]');
  tick.classList.add("shown");
  return [getComputedStyle(tick).opacity, tick.getAnimations()[0]?.effect.getComputedTiming().duration];
}"""


@dataclass
class Mime:
    """Shows the scripted judge what is asked, or nothing, or an order."""

    willing: bool = True
    order: str = ""

    def show(self, view: dict[str, Any], time: float) -> Image:
        prompt = view["prompt"] if self.willing else None
        return paint(prompt["expression"], prompt["turn"]) if prompt else paint(order=self.order)


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with launched(chromium_path) as browser:
        yield browser


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    desk = make_desk(tmp_path_factory.mktemp("service"), failures=1000, begin_rate="1000 per 1 minute")
    desk.service.judge = ScriptedJudge(3, ASKED, ("left", "right"))
    return desk


@pytest.fixture(scope="module")
def served(browser: Browser, desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve_captcha(tmp_path_factory.mktemp("served"), desk.service) as page:
        yield page
    desk.service.close()


@dataclass
class Visit:
    """The tab, and who stands before the camera."""

    page: Page
    mime: Mime

    @property
    def inside(self) -> FrameLocator:
        return self.page.frame_locator(_INSIDE)

    @property
    def frame(self) -> Frame:
        return next(frame for frame in self.page.frames if "/captcha/frame" in frame.url)

    def part(self, name: str) -> Locator:
        return self.inside.locator(f'[data-part="{name}"]')

    def press(self, act: str) -> None:
        self.inside.locator(f'section:not([hidden]) button[data-do="{act}"]').click()

    def wait_for(self, state: str) -> None:
        expect(self.inside.locator(f'[data-for="{state}"]')).to_be_visible(timeout=PATIENCE)

    def begin(self) -> None:
        self.press("tell")
        self.press("face")

    def streak(self) -> str:
        return str(self.frame.evaluate("localStorage.getItem('fersys-challenge-streak')"))

    def is_watched(self) -> bool:
        return bool(self.frame.evaluate("tracks.some((track) => track.readyState === 'live')"))


@contextmanager
def visiting(browser: Browser, served: Served, **options: Any) -> Iterator[Visit]:
    asked: list[str] = []
    mime = Mime()
    with opened(browser, served.url, asked, **options) as page:
        Puppeteer(mime).enter(page.context)
        go_to(page, "CAPTCHA")
        visit = Visit(page, mime)
        visit.wait_for("choose")
        yield visit
    assert [said for said in asked if "error:" in said] == []


@pytest.fixture
def visit(request: pytest.FixtureRequest, browser: Browser, served: Served) -> Iterator[Visit]:
    with visiting(browser, served, **getattr(request, "param", {})) as visit:
        yield visit


def test_people_are_told_before_the_camera_opens_and_the_other_way_stands_beside_it(visit: Visit) -> None:
    ways = visit.inside.locator("section:not([hidden]) button")
    assert [way.get_attribute("data-do") for way in ways.all()] == ["work", "tell"]
    visit.press("tell")
    told = visit.inside.locator('[data-for="tell"]')
    for key in ("told_what", "told_trace", "told_free"):
        expect(told).to_contain_text(say("en", f"frame.{key}"))
    assert not visit.is_watched()


def test_a_pass_shows_time_streak_and_a_text_to_share_and_closes_the_camera(visit: Visit) -> None:
    visit.begin()
    visit.wait_for("done")
    assert not visit.is_watched()
    expect(visit.part("confetti").locator("i").first).to_be_attached()
    expect(visit.part("time")).to_contain_text("seconds")
    expect(visit.part("streak")).to_have_text("1")
    shared = visit.part("share").input_value()
    assert "1 in a row" in shared
    assert not [word for word in ("http", "%") if word in shared]
    visit.press("copy")
    expect(visit.part("copied")).to_have_text(say("en", "frame.say_copied"))
    visit.press("replay")
    visit.wait_for("done")
    expect(visit.part("streak")).to_have_text("2")
    expect(visit.part("copied")).to_have_text("")


def test_what_a_pass_shows_stays_however_long_it_is_looked_at(visit: Visit, desk: Desk) -> None:
    """Elsewhere a token runs out; a timer for that would stop the next game in its midst."""
    visit.frame.evaluate(_TIMERS)
    visit.begin()
    visit.wait_for("done")
    expect(visit.part("streak")).to_have_text("1")
    timers = visit.frame.evaluate("timers")
    assert timers
    assert 1000 * desk.service.settings.token_life not in timers


def test_a_pass_is_one_that_nobody_can_redeem(visit: Visit, desk: Desk) -> None:
    with visit.page.expect_event("requestfinished", lambda sent: sent.url.endswith("/v1/challenges")) as begun:
        visit.begin()
    assert begun.value.post_data_json["sitekey"] == own.KEY
    visit.wait_for("done")
    assert desk.service.store.get_site(own.KEY) is None


def test_a_failed_attempt_ends_the_streak_and_can_be_repeated_at_once(visit: Visit) -> None:
    visit.begin()
    visit.wait_for("done")
    visit.mime.willing, visit.mime.order = False, "refuse"
    visit.press("replay")
    visit.wait_for("problem")
    expect(visit.part("problem")).to_have_text(say("en", "frame.say_problem_refused"))
    visit.mime.willing = True
    visit.press("again")
    visit.wait_for("done")
    expect(visit.part("streak")).to_have_text("1")
    expect(visit.part("longest")).to_have_text("1")


def begun_again(visit: Visit) -> None:
    """One pass, and the next challenge has got its first frame."""
    visit.begin()
    visit.wait_for("done")
    visit.mime.willing = False
    with visit.page.expect_event("requestfinished", lambda sent: sent.url.endswith("/frames")):
        visit.press("replay")
    visit.wait_for("face")


def leave(visit: Visit) -> None:
    visit.frame.evaluate("window.dispatchEvent(new Event('pagehide'))")


BROKEN_OFF: dict[str, Callable[[Visit], object]] = {
    "Escape": lambda visit: visit.inside.locator("main").press("Escape"),
    "cancel": lambda visit: visit.press("back"),
    "the other way": lambda visit: visit.press("work"),
    "another tab": lambda visit: go_to(visit.page, "Image"),
    "another page": leave,
}


@pytest.mark.parametrize("way", BROKEN_OFF)
def test_who_breaks_off_does_not_save_a_streak_by_it(visit: Visit, way: str) -> None:
    begun_again(visit)
    assert visit.streak() == "1"
    BROKEN_OFF[way](visit)
    visit.frame.wait_for_function("() => tracks.every((track) => track.readyState === 'ended')")
    assert visit.streak() == "0"


def test_who_thinks_better_of_it_before_the_first_picture_keeps_the_streak(visit: Visit) -> None:
    visit.begin()
    visit.wait_for("done")
    visit.frame.evaluate("navigator.mediaDevices.getUserMedia = () => new Promise(() => {}); undefined")
    visit.press("replay")
    visit.wait_for("face")
    visit.inside.locator("main").press("Escape")
    visit.wait_for("choose")
    assert visit.streak() == "1"


@pytest.mark.parametrize("way", ["Escape", "another page"])
def test_an_open_camera_is_closed_whatever_is_shown(visit: Visit, way: str) -> None:
    visit.mime.willing = False
    visit.begin()
    expect(visit.part("picture").locator("svg")).to_be_visible()
    assert visit.is_watched()
    visit.frame.evaluate("document.querySelector('main').dataset.state = 'problem'")
    BROKEN_OFF[way](visit)
    visit.frame.wait_for_function("() => tracks.every((track) => track.readyState === 'ended')")


LOST = {
    "a frame and the first question": "if (about && (lost += 1) <= 2) throw new TypeError('offline');",
    "the last answer": "if (sent && (await (answer = await ask(path, options)).clone().json()).state === 'passed') throw new TypeError('offline');",
    "half an answer": """if (sent && (lost += 1) === 1) return new Response('{"state": "op');""",
}


@pytest.mark.parametrize("what", LOST)
def test_a_network_that_fails_for_a_moment_costs_nothing(visit: Visit, what: str) -> None:
    visit.frame.evaluate(_MEDDLED % LOST[what])
    visit.begin()
    visit.wait_for("done")
    expect(visit.part("streak")).to_have_text("1")


def test_a_request_that_hangs_is_given_up_and_costs_nothing(visit: Visit) -> None:
    hanging: list[Route] = []
    visit.page.route("**/frames", lambda route: hanging.append(route), times=1)
    visit.frame.evaluate("const later = setTimeout; window.setTimeout = (act, delay) => later(act, Math.min(delay, 1000)); undefined;")
    visit.begin()
    visit.wait_for("done")
    expect(visit.part("streak")).to_have_text("1")
    assert len(hanging) == 1


def test_a_network_that_stays_away_ends_it_and_closes_the_camera(visit: Visit) -> None:
    visit.frame.evaluate(_MEDDLED % "if (about) throw new TypeError('offline');")
    visit.begin()
    visit.wait_for("problem")
    expect(visit.part("problem")).to_have_text(say("en", "frame.say_problem_network"))
    assert not visit.is_watched()


def test_a_frame_too_many_waits_for_a_moment_only(visit: Visit) -> None:
    busy = "if (sent && (lost += 1) <= 2) return new Response(JSON.stringify({ error: 'busy', retry_after: 0 }), { status: 429 });"
    visit.frame.evaluate(_TIMERS + _MEDDLED % busy)
    visit.begin()
    visit.wait_for("done")
    timers = visit.frame.evaluate("timers")
    assert timers.count(150) == 2
    assert 500 not in timers


def test_who_has_a_slow_connection_is_told_so_now_and_then(visit: Visit) -> None:
    visit.mime.willing = False
    visit.frame.evaluate(_MEDDLED % "if (sent) await new Promise((resolve) => setTimeout(resolve, 650));")
    visit.begin()
    expect(visit.part("hint")).to_have_text(say("en", "frame.say_hint_slow_link"), timeout=PATIENCE)
    expect(visit.part("hint")).to_have_text(say("en", "frame.say_hint_match_the_face"), timeout=PATIENCE)


def test_a_hint_that_comes_right_after_a_prompt_is_spoken_later(visit: Visit) -> None:
    visit.mime.willing = False
    visit.frame.evaluate(_HEARD)
    visit.begin()
    visit.frame.wait_for_function("(hint) => heard.includes(hint)", arg=say("en", "frame.say_hint_match_the_face"))
    assert "Step 1 of 4" in " ".join(visit.frame.evaluate("heard"))


def test_while_it_runs_picture_hint_steps_and_time_are_said_and_no_score(visit: Visit) -> None:
    visit.mime.willing = False
    visit.frame.evaluate(_HEARD)
    visit.begin()
    picture = visit.part("picture")
    expect(picture.locator("svg")).to_be_visible()
    asked = str(visit.inside.locator("main").get_attribute("data-asked")).split(" ")
    name = str(picture.get_attribute("aria-label"))
    assert name.startswith(say("en", f"frame.say_face_{asked[0]}"))
    assert ("turned" in name) == bool(asked[1])
    expect(visit.part("hint")).to_have_text(say("en", "frame.say_hint_match_the_face"))
    expect(visit.part("steps")).to_have_text("Step 1 of 4")
    expect(visit.part("left")).to_contain_text("s left")
    assert "Step 1 of 4" in " ".join(visit.frame.evaluate("heard"))
    assert "%" not in visit.inside.locator('[data-for="face"]').inner_text()
    assert visit.frame.evaluate("getComputedStyle(document.querySelector('video')).transform").startswith("matrix(-1,")
    visit.press("work")
    visit.wait_for("done")
    assert not visit.is_watched()
    expect(visit.part("result")).to_be_hidden()


def test_by_keyboard_alone(visit: Visit) -> None:
    visit.page.locator(_INSIDE).focus()
    visit.frame.locator('[data-for="choose"] button[data-do="tell"]').focus()
    for key in ("Enter", "Tab", "Tab", "Enter"):  # told; back, agree
        visit.page.keyboard.press(key)
    visit.wait_for("done")
    for key in ("Tab", "Tab", "Enter"):  # the text to share, once more
        visit.page.keyboard.press(key)
    visit.wait_for("done")
    expect(visit.part("streak")).to_have_text("2")
    visit.mime.willing = False
    visit.press("replay")
    visit.wait_for("face")
    visit.page.keyboard.press("Escape")
    visit.wait_for("choose")


def test_who_leaves_the_tab_is_not_watched(visit: Visit) -> None:
    visit.mime.willing = False
    visit.begin()
    expect(visit.part("picture").locator("svg")).to_be_visible()
    assert visit.is_watched()
    go_to(visit.page, "Image")
    visit.frame.wait_for_function("() => document.querySelector('main').dataset.state === 'choose'")
    visit.frame.wait_for_function("() => tracks.every((track) => track.readyState === 'ended')")
    go_to(visit.page, "CAPTCHA")
    visit.wait_for("choose")


def test_who_leaves_the_page_is_told_why_the_camera_is_off(visit: Visit) -> None:
    visit.mime.willing = False
    visit.begin()
    expect(visit.part("picture").locator("svg")).to_be_visible()
    visit.frame.evaluate(
        "Object.defineProperty(document, 'hidden', { value: true, configurable: true }); document.dispatchEvent(new Event('visibilitychange'))"
    )
    expect(visit.part("problem")).to_have_text(say("en", "frame.say_problem_left"))
    visit.frame.wait_for_function("() => tracks.every((track) => track.readyState === 'ended')")


def test_practice_has_the_tab_to_itself_while_a_game_runs(visit: Visit) -> None:
    visit.page.locator("#fersys-play [data-do=guess]:visible").first.click()
    expect(visit.page.locator("#fersys-challenge")).to_be_hidden()
    await_state(visit.page, "guess")  # before that another button stops it
    visit.page.locator("#fersys-play [data-do=stop]:visible").first.click()
    expect(visit.page.locator("#fersys-challenge")).to_be_visible()


@pytest.mark.parametrize("visit", [{"reduced_motion": "reduce"}], indirect=True)
def test_without_movement_for_those_who_want_none(visit: Visit) -> None:
    visit.begin()
    visit.wait_for("done")
    expect(visit.part("confetti").locator("i")).to_have_count(0)
    visit.mime.willing = False
    visit.press("replay")
    visit.wait_for("face")
    visible, seconds = visit.frame.evaluate(_TICK)
    assert (visible, seconds) == ("1", 1000)


@pytest.mark.parametrize("visit", [{}, _GERMAN_PHONE], ids=["desktop", "phone"], indirect=True)
def test_every_state_fits_and_axe_finds_nothing(visit: Visit) -> None:
    visit.mime.willing = False
    visit.frame.evaluate(f"() => {{ {Axe().axe_script}; }}")
    steps = (("choose", "tell"), ("tell", "face"), ("face", "back"))
    for state, act in steps:
        visit.wait_for(state)
        check(visit, state)
        visit.press(act)
    visit.mime.willing = True
    visit.begin()
    visit.wait_for("done")
    check(visit, "done")
    assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def check(visit: Visit, state: str) -> None:
    found = visit.frame.evaluate("async () => (await axe.run()).violations.map(({ id, nodes }) => [id, nodes[0].html])")
    assert found == [], state
    visit.frame.wait_for_function("() => document.documentElement.scrollHeight <= innerHeight && document.documentElement.scrollWidth <= innerWidth")


def test_where_the_service_does_not_run_the_tab_says_so(browser: Browser, tmp_path: Path) -> None:
    asked: list[str] = []
    with serve_alone(tmp_path, arms=tiny_arms(tmp_path)) as served, opened(browser, served.url, asked) as page:
        go_to(page, "CAPTCHA")
        expect(page.locator("#fersys-challenge [data-part=closed]")).to_have_text(say("en", "challenge.closed"), timeout=PATIENCE)
        expect(page.locator("#fersys-challenge [data-part=closed]")).to_be_visible()
        expect(page.locator(_INSIDE)).to_have_count(0)
    assert [said for said in asked if "error:" in said] == []
