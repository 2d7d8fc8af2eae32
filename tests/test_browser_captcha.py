"""The CAPTCHA tab's practice games in a real browser: with a made camera and scripted models, and with none."""

import base64
import io
import json
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
from playwright.sync_api import Browser, Page, expect

from app.models import Arms, Model
from app.practice import ASKED, RULES
from app.words import say
from fersys import EMOTIONS
from tests.browsing import DESKTOP, PHONE, launched, opened
from tests.served import Served, serve

Image = npt.NDArray[np.uint8]
_GERMAN = {"viewport": PHONE, "locale": "de-DE", "color_scheme": "dark"}
ROOT = "#fersys-play"
PLAY = "window.fersysCaptcha.play"
# A camera that shows one picture; its tracks are noted. A canvas that does not change sends nothing: a corner flickers.
CAMERA = """
url => {
    window.tracks = [];
    navigator.mediaDevices.getUserMedia = async () => {
        const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 480 }), pen = canvas.getContext("2d"), picture = new Image();
        picture.src = url;
        await picture.decode();
        let ticks = 0;
        setInterval(() => { pen.drawImage(picture, 80, 0, 480, 480); pen.fillRect(ticks++ % 20, 0, 2, 2); }, 40);
        const stream = canvas.captureStream(25);
        window.tracks.push(...stream.getTracks());
        return stream;
    };
}"""


class Actor:
    """A model that sees in every face what the test says."""

    certainty = 0.0
    shows = "neutral"

    def __init__(self, name: str) -> None:
        self.name = self.title = name

    def predict(self, crops: Sequence[Image]) -> npt.NDArray[np.float32]:
        return np.asarray([[0.94 if emotion == Actor.shows else 0.01 for emotion in EMOTIONS]] * len(crops), np.float32)


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with launched(chromium_path) as browser:
        yield browser


@pytest.fixture(scope="module")
def served(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    arms = Arms((Model(Actor("one")),), (Model(Actor("two")),))
    with serve(tmp_path_factory.mktemp("served"), arms=arms) as page:
        yield page


@pytest.fixture
def asked() -> list[str]:
    """Addresses the page asked for, and errors it reported."""
    return []


@pytest.fixture
def page(request: pytest.FixtureRequest, browser: Browser, served: Served, asked: list[str]) -> Iterator[Page]:
    with opened(browser, served.url, asked, **getattr(request, "param", {})) as page:
        go_to(page, "CAPTCHA")
        page.wait_for_function(f"window.fersysCaptcha?.play?.root === document.querySelector('{ROOT}')")
        yield page
    assert [said for said in asked if "error:" in said] == []


def go_to(page: Page, title: str) -> None:
    shown = page.locator("#fersys-tabs button[role=tab]", has_text=title)
    if not shown.count():
        page.click(".overflow-menu > button")
        shown = page.locator("#fersys-tabs .overflow-dropdown button", has_text=title)
    shown.first.click()


def put_camera(page: Page, astronaut: Image) -> None:
    buffer = io.BytesIO()
    PIL.Image.fromarray(astronaut).save(buffer, "JPEG")
    page.evaluate(CAMERA, f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}")


def press(page: Page, does: str) -> None:
    page.locator(f"{ROOT} [data-do={does}]:visible").first.click()


def await_state(page: Page, state: str) -> None:
    expect(page.locator(ROOT)).to_have_attribute("data-state", state)


def answer(page: Page, *, right: bool = True) -> str:
    """Answer by key; the truth."""
    truth = str(page.evaluate(f"{PLAY}.card.expression"))
    number = EMOTIONS.index(truth) + (0 if right else 1)
    page.keyboard.press(str(number % len(EMOTIONS) + 1))
    return truth


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_the_rules_fill_and_empty_the_ring_and_count_speed_and_streaks(page: Page) -> None:
    ask = f"(() => {{ const {{ advance, bonus, worth, Score }} = window.fersysCaptcha, rules = {json.dumps(RULES.facts())};"
    ring = page.evaluate(
        f"{ask} return [advance(0, true, 0.6, 1.2), advance(0.9, true, 5, 1.2), advance(0.5, false, 0.6, 1.2), advance(0, false, 1, 1.2)] }})()"
    )
    assert ring == [0.5, 1, 0.25, 0]
    assert page.evaluate(f"{ask} return [bonus(0, rules), bonus(5, rules), bonus(60, rules)] }})()") == [50, 25, 0]
    assert page.evaluate(f"{ask} return [worth(0, 60, rules), worth(3, 60, rules), worth(9, 60, rules)] }})()") == [100, 130, 150]
    score = f"{ask} const score = new Score(rules, 'make'); const got = [1, 1, 0, 1].map(right => score.note('sad', !!right, 60));"
    assert page.evaluate(f"{score} return [got, score.points, score.streak, score.longest, score.right] }})()") == [[100, 110, 0, 100], 310, 1, 2, 3]


def test_the_camera_s_game_asks_hard_faces_only_of_those_who_want_them(page: Page) -> None:
    dealt = page.evaluate(f"[...Array(60)].map((_, index) => window.fersysCaptcha.deal({PLAY}.rules, index >= 30))")
    easy = {emotion for emotion, about in ASKED.items() if not about.hard}
    assert {emotion for game in dealt[:30] for emotion in game} == easy
    assert {emotion for game in dealt[30:] for emotion in game} == set(EMOTIONS)
    assert all(len(game) == RULES.faces and all(one != other for one, other in pairwise(game)) for game in dealt)


def test_a_game_without_a_camera_by_keys_alone(page: Page, served: Served, asked: list[str]) -> None:
    page.locator(f"{ROOT} [data-do=guess]:visible").focus()
    page.keyboard.press("Enter")
    await_state(page, "guess")
    first = page.locator(f"{ROOT} [data-part=face]")
    expect(first).to_be_focused()
    truth = answer(page)
    described = str(first.get_attribute("aria-label"))
    assert described.startswith("A drawn face: ")
    assert not re.search(rf"\b{truth}\b", described)
    expect(page.locator(f"{ROOT} [data-part=verdict]")).to_contain_text(f"Right, {truth}. +")
    page.keyboard.press("Enter")
    truth = answer(page, right=False)
    why = page.locator(f"{ROOT} [data-part=why]")
    expect(why).to_contain_text(f"No, this is {truth}.")
    expect(why).to_contain_text("look for: ")
    expect(page.locator(f"{ROOT} [data-mark=wrong] [data-part=mark]")).to_have_text("✗")
    page.keyboard.press("1")  # too late to change one's mind
    assert page.evaluate(f"{PLAY}.score.done") == 2
    for _ in range(RULES.faces - 2):
        page.keyboard.press("Enter")
        answer(page)
    page.keyboard.press("Enter")
    await_state(page, "end")
    expect(page.locator(f"{ROOT} [data-part=end-line]")).to_have_text(f"You guessed {RULES.faces - 1} of {RULES.faces} faces.")
    assert page.locator(".fersys-play-marks li").count() == RULES.faces
    points = int(page.locator(f"{ROOT} [data-part=end-points]").inner_text())
    assert page.evaluate("Object.entries(localStorage).filter(([key]) => key.startsWith('fersys'))") == [["fersys.practice.guess", str(points)]]
    assert f"{points} points" in page.locator(f"{ROOT} textarea").input_value()
    press(page, "home")
    expect(page.locator("[data-best=guess]")).to_have_text(f"Your best: {points}")
    assert [url for url in asked if not url.startswith((f"{served.url}/", "data:", "blob:"))] == []


@pytest.mark.parametrize("page", [{"viewport": DESKTOP, "permissions": ["clipboard-read", "clipboard-write"]}], indirect=True)
def test_the_camera_s_game_is_played_to_the_end_and_the_camera_released(page: Page, served: Served, astronaut: Image) -> None:
    put_camera(page, astronaut)
    assert page.evaluate("window.tracks.length") == 0  # nothing opens before it is asked for
    Actor.shows = "neutral"
    page.evaluate(f"{PLAY}.rules.hold = 0.3")
    press(page, "make")
    await_state(page, "live")
    assert page.evaluate("window.tracks[0].readyState") == "live"
    for number in range(RULES.faces):
        page.wait_for_function(f"{PLAY}.score.done === {number}")
        if number == 1:
            page.keyboard.press("s")
            continue
        Actor.shows = page.evaluate(f"{PLAY}.wanted")
    await_state(page, "end")
    assert page.evaluate("window.tracks.every(track => track.readyState === 'ended')")
    made = page.evaluate(f"{PLAY}.score.marks.map(mark => mark.right)")
    assert made == [True, False, *[True] * (RULES.faces - 2)]
    assert "You made 7 of 8 faces. The camera is off." in page.locator(".fersys-play-end").inner_text()
    press(page, "copy")
    expect(page.locator("[data-part=copied]")).to_have_text("Copied")
    assert "I made 7 of 8 faces" in page.evaluate("navigator.clipboard.readText()")
    assert served.files() == []


def test_a_wrong_face_fills_nothing_and_leaving_the_tab_ends_the_game(page: Page, astronaut: Image) -> None:
    put_camera(page, astronaut)
    Actor.shows = "disgust"  # which is not asked
    press(page, "make")
    hint = page.locator(f"{ROOT} [data-part=hint]")
    expect(hint).to_have_text("The models see: disgust")
    assert page.evaluate(f"{PLAY}.held") == 0
    assert page.locator("[data-part=wanted]").get_attribute("aria-label") == page.evaluate(f"{PLAY}.wanted")
    go_to(page, "About")
    await_state(page, "left")
    assert page.evaluate("window.tracks.every(track => track.readyState === 'ended')")
    go_to(page, "CAPTCHA")
    expect(page.locator("[data-for=left] h2")).to_be_visible()


@pytest.mark.parametrize(("name", "state"), [("NotAllowedError", "refused"), ("NotFoundError", "absent"), ("NotReadableError", "busy")])
def test_a_camera_that_does_not_open_is_explained_and_drawn_faces_are_offered(page: Page, name: str, state: str) -> None:
    page.evaluate("name => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', name)); }", name)
    press(page, "make")
    await_state(page, state)
    expect(page.locator(f"[data-for={state}] [role=alert]")).to_contain_text(say("en", f"webcam.{state}_title"))
    press(page, "guess")
    await_state(page, "guess")


def test_a_server_that_does_not_answer_is_explained(page: Page) -> None:
    page.evaluate("void (window.fetch = () => Promise.reject(new TypeError('offline')))")
    press(page, "guess")
    await_state(page, "nofaces")
    expect(page.locator("[data-for=nofaces] [role=alert]")).to_contain_text("The faces did not come")


@pytest.mark.parametrize("page", [_GERMAN], ids=["phone in German"], indirect=True)
def test_nothing_is_wider_than_a_phone_and_no_word_is_cut_off(page: Page, tmp_path: Path) -> None:
    assert fits(page)
    press(page, "guess")
    await_state(page, "guess")
    cut = "all => all.filter(one => one.scrollWidth > one.clientWidth || one.offsetHeight > 30).map(one => one.textContent)"
    assert page.locator(".fersys-play-answers span").evaluate_all(cut) == []
    assert "Überraschung" in page.locator(".fersys-play-answers").inner_text()
    assert page.evaluate(f"document.querySelector('{ROOT}').getBoundingClientRect().top >= -1")
    for state in page.evaluate(f"[...new Set([...document.querySelectorAll('{ROOT} [data-for]')].flatMap(one => one.dataset.for.split(' ')))]"):
        page.evaluate(f"{PLAY}.show('{state}')")
        assert fits(page), state


@pytest.mark.parametrize("page", [{"reduced_motion": "reduce"}, {"reduced_motion": "no-preference"}], ids=["still", "moving"], indirect=True)
def test_confetti_falls_for_those_alone_who_do_not_mind(page: Page, request: pytest.FixtureRequest) -> None:
    press(page, "guess")
    await_state(page, "guess")
    page.evaluate(f"{PLAY}.score.marks = Array(8).fill({{ expression: 'happy', right: true }}); {PLAY}.finish()")
    moving = request.node.callspec.params["page"]["reduced_motion"] == "no-preference"
    assert (page.locator(".fersys-play-confetti i").count() > 0) is moving


def test_a_projector_gets_the_whole_window_until_escape(page: Page) -> None:
    press(page, "guess")
    await_state(page, "guess")
    page.evaluate(f"void ({PLAY}.root.requestFullscreen = () => Promise.reject())")
    press(page, "big")
    box = page.locator(ROOT).bounding_box()
    assert box == {"x": 0, "y": 0, **DESKTOP}
    page.keyboard.press("Escape")
    expect(page.locator(ROOT)).not_to_have_class(re.compile("fersys-play-big"))
