"""The emoji challenge in a browser, before the real judge: a puppet of a filmed person answers the prompts, and what does not answer them is refused.

The puppet is a program: a picture warped by its mesh as the prompts ask. That it passes proves that the way from
the camera to the site works, and that a program which reads the prompt gets through; `reports/spoof.md` says how often.
"""

import base64
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, expect

from app.captcha.expressions import read_expressions
from app.captcha.face_judge import FaceJudge, Rules, rules_of
from app.captcha.judge import Judge, StepState
from app.captcha.scripted import ScriptedJudge, ScriptedSession
from app.captcha.spoof_actors import Actor, Puppet, noisy
from app.captcha.spoof_bench import asked_of
from app.captcha.spoof_people import Person, read_people
from app.models import load_arms
from app.words import say
from fersys.results import Image
from tests.browsing import DESKTOP, PATIENCE, launched
from tests.made_puppet import PacedJudge, Puppeteer
from tests.made_site import Town, built

_STEPS = 2  # of the four that people do: the puppet needs a hundred frames for those
_TRIES = 6  # the puppet is clumsy: some challenges end before it is done
_SLOW = 0.2  # seconds from frame to frame for those who will not pass: it is over sooner
_LONG = 180_000  # milliseconds


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with launched(chromium_path) as browser:
        yield browser


@pytest.fixture(scope="module")
def rules() -> Rules:
    """The real judge's, with the shipped models."""
    found = rules_of(load_arms(), read_expressions())
    if found is None:
        pytest.skip("needs the shipped models that the thresholds were chosen for")
    return found


@pytest.fixture(scope="module")
def people(rules: Rules, media: Path) -> list[Person]:
    return read_people(media, rules.recognizers, rules.table)


@dataclass
class Scene:
    """A site behind the real judge, somebody before its widget, and what the browser said."""

    town: Town
    page: Page
    puppeteer: Puppeteer
    said: list[str]

    @property
    def frame(self) -> FrameLocator:
        return self.page.frame_locator(".fersys-captcha iframe")

    def press(self, act: str) -> None:
        self.frame.locator(f'section:not([hidden]) button[data-do="{act}"]').click()

    def begin(self) -> None:
        self.press("tell")
        self.press("face")

    def end(self) -> str:
        """How an attempt ends: "done" or "problem"."""
        expect(self.frame.locator('[data-for="done"]:not([hidden]), [data-for="problem"]:not([hidden])')).to_be_visible(timeout=_LONG)
        return str(self.frame.locator("main").get_attribute("data-state"))

    def write(self) -> None:
        write(self.page)


def write(page: Page) -> None:
    page.fill("[name=name]", "Ada")
    page.fill("[name=words]", "Hello")
    with page.expect_navigation():
        page.click("form > button")


@contextmanager
def staged(browser: Browser, folder: Path, judge: Judge, actor: Actor) -> Iterator[Scene]:
    puppeteer, said = Puppeteer(actor), list[str]()
    with built(folder, judge, steps=_STEPS, failures=50, solve_life=600) as town, window(browser, puppeteer) as context:
        page = context.new_page()
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.goto(town.site_url)
        yield Scene(town, page, puppeteer, said)


@contextmanager
def window(browser: Browser, puppeteer: Puppeteer) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport=DESKTOP)
    context.set_default_timeout(PATIENCE)
    puppeteer.enter(context)
    yield context
    context.close()


class Stranger:
    """Meddles with the challenge of somebody else, whose id is known, every tenth frame."""

    def __init__(self, town: Town) -> None:
        self._town, self._frames = town, 0
        self.statuses: set[int] = set()

    def meddle(self, view: dict[str, Any]) -> None:
        self._frames += 1
        if not view.get("id") or self._frames % 10:
            return
        address = f"{self._town.service_url}/captcha/v1/challenges/{view['id']}"
        headers = {"Captcha-Secret": "A" * 43, "Cookie": "fersys_captcha=" + "B" * 43, "Captcha-Step": view["nonce"], "Captcha-Sequence": "999999"}
        for path, body in ((address, None), (f"{address}/frames", b"\xff\xd8\xff not a frame")):
            try:
                urllib.request.urlopen(urllib.request.Request(path, body, headers), timeout=20)
            except urllib.error.HTTPError as error:
                self.statuses.add(error.code)


def let_in(scene: Scene) -> int:
    """Try until the puppet has passed; how many attempts it took."""
    scene.begin()
    for attempt in range(1, _TRIES + 1):
        if scene.end() == "done":
            return attempt
        scene.press("again")
    pytest.fail(f"the puppet did not pass in {_TRIES} attempts")


class _Blabbing(ScriptedSession):
    def look(self, image: Image, at: float) -> StepState:
        raise RuntimeError(f"{image.tobytes()!r} {image.tobytes().hex()} {image.tolist()}")


class BlabbingJudge(ScriptedJudge):
    """Raises at every frame, with the frame in its words."""

    def begin(self) -> _Blabbing:
        return _Blabbing(1)


def traces(sent: list[bytes]) -> list[bytes]:
    """A piece out of the middle of each body as it would show up in a file or a text."""
    pieces = [body[len(body) // 2 :][:24] for body in sent]
    return [spelled for piece in pieces for spelled in (piece, base64.b64encode(piece), piece.hex().encode(), repr(piece)[2:-1].encode())]


def test_a_puppet_that_answers_passes_and_the_site_lets_exactly_it_in(browser: Browser, rules: Rules, people: list[Person], tmp_path: Path) -> None:
    """A stranger who knows the id of its challenge changes nothing; of what the camera saw nothing is left."""
    told = replace(rules, table=replace(rules.table, asked=asked_of(people, rules.table.asked)))
    with staged(browser, tmp_path, PacedJudge(FaceJudge(told)), Puppet(people[1], np.random.default_rng(1))) as scene:
        stranger = Stranger(scene.town)
        scene.puppeteer.at = stranger.meddle
        let_in(scene)
        token = str(scene.page.evaluate("fersysCaptcha.getResponse()"))
        assert stranger.statuses == {404}
        other = scene.page.context.new_page()
        other.goto(scene.town.site_url)
        write(other)
        assert scene.town.entries == []
        scene.write()
        assert scene.town.entries == [("Ada", "Hello")]
        other.evaluate("token => { document.querySelector('[name=fersys-captcha-response]').value = token }", token)
        write(other)
        assert scene.town.entries == [("Ada", "Hello")]
        assert [text for text in scene.said if "404" not in text] == []
        sent = len(scene.puppeteer.sent)
        scene.town.desk.service.judge = BlabbingJudge()
        scene.page.reload()
        scene.begin()
        assert scene.end() == "problem"
        log = scene.town.desk.log.getvalue()
    assert "internal-error" in log
    assert len(scene.puppeteer.sent) > sent > 20
    kept = {"log": log.encode(), **{path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}}
    assert "captcha.db" in kept
    assert [name for name, content in kept.items() if any(trace in content for trace in traces(scene.puppeteer.sent))] == []


@dataclass
class Photo:
    """A still before the camera, with the camera's noise."""

    image: Image

    def show(self, view: dict[str, Any], time: float) -> Image:
        return noisy(self.image, np.random.default_rng(round(10 * time)))


def test_a_still_photo_does_not_pass(browser: Browser, rules: Rules, astronaut: Image, tmp_path: Path) -> None:
    with staged(browser, tmp_path, PacedJudge(FaceJudge(rules), _SLOW), Photo(np.asarray(cv2.resize(astronaut[:384], (640, 480)), np.uint8))) as scene:
        scene.begin()
        assert scene.end() == "problem"
        expect(scene.frame.locator('[data-part="problem"]')).to_have_text(say("en", "frame.say_problem_refused"))
        assert scene.page.evaluate("fersysCaptcha.getResponse()") == ""
        scene.write()
        assert scene.town.entries == []


class Contrary(Puppet):
    """A puppet that makes another face than the one it is asked for."""

    others: tuple[str, ...] = ()

    def show(self, view: dict[str, Any], time: float) -> Image:
        prompt = view["prompt"]
        other = next((name for name in self.others if prompt and name != prompt["expression"]), "")
        return super().show({**view, "prompt": prompt and {**prompt, "expression": other}}, time)


def test_a_face_that_was_not_asked_for_does_not_pass(browser: Browser, rules: Rules, people: list[Person], tmp_path: Path) -> None:
    actor = Contrary(people[1], np.random.default_rng(2))
    actor.others = asked_of(people, rules.table.asked)
    told = replace(rules, table=replace(rules.table, asked=actor.others))
    with staged(browser, tmp_path, PacedJudge(FaceJudge(told), _SLOW), actor) as scene:
        scene.begin()
        assert scene.end() == "problem"
        assert '"step": 0' in scene.town.desk.log.getvalue().splitlines()[-1]
