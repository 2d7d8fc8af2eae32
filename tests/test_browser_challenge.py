"""The emoji challenge in a browser, before the real judge: a puppet of a filmed person answers the prompts, and what does not answer them is refused.

The puppet is a program: a picture warped by its mesh as the prompts ask. That it passes proves that the way from
the camera to the site works, and that a program which reads the prompt gets through; `reports/spoof.md` says how often.
"""

import base64
import json
import tempfile
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
from app.captcha.frames import read_frame
from app.captcha.judge import Judge, StepState
from app.captcha.scripted import ScriptedJudge, ScriptedSession
from app.captcha.seen import SeenFrames
from app.captcha.spoof_actors import Actor, Prints, Puppet, noisy
from app.captcha.spoof_bench import asked_of
from app.captcha.spoof_people import Person
from app.models import load_arms
from app.words import say
from fersys.results import Image
from tests.browsing import DESKTOP, PATIENCE, launched
from tests.made_people import filmed_people
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
def people(media: Path, fer2013_source: str) -> list[Person]:
    return filmed_people(media, fer2013_source)


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

    def codes(self) -> list[str]:
        """By what the challenges that failed were ended, as the log has it."""
        lines = [json.loads(line) for line in self.town.desk.log.getvalue().splitlines()]
        return [line["code"] for line in lines if line["event"] == "failed"]

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
    def __init__(self, said: list[str]) -> None:
        super().__init__(1)
        self._said = said

    def look(self, image: Image, at: float) -> StepState:
        self._said.append(f"{image.tobytes()!r} {image.tobytes().hex()} {image.tolist()}")
        raise RuntimeError(self._said[-1])


class BlabbingJudge(ScriptedJudge):
    """Raises at every frame, with the frame in its words, which are noted here."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def begin(self) -> _Blabbing:
        return _Blabbing(self.said)


def pieces(body: bytes) -> list[bytes]:
    """24 bytes out of the middle of a frame as it was sent, and those of its pixels that differ most."""
    rows = read_frame(body).reshape(-1, 24)
    return [body[len(body) // 2 :][:24], rows[rows.std(axis=1).argmax()].tobytes()]


def spellings(piece: bytes) -> list[bytes]:
    """How bytes would show up in a file or a text."""
    pixels = np.frombuffer(piece, np.uint8).reshape(-1, 3).tolist()
    escaped = repr(piece)[2:-1]
    texts = [base64.b64encode(piece).decode(), piece.hex(), escaped, escaped.replace("\\", "\\\\"), str(pixels)[1:-1], str(list(piece))[1:-1]]
    return [piece, *(text.encode() for text in texts)]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this process, and what it starts, puts temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_puppet_that_answers_passes_and_the_site_lets_exactly_it_in(
    browser: Browser, rules: Rules, people: list[Person], temporary: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A stranger who knows the id of its challenge changes nothing; of what the camera saw nothing is left."""
    tmp_path = temporary.parent
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
        scene.town.desk.service.judge = judge = BlabbingJudge()
        scene.page.reload()
        scene.begin()
        assert scene.end() == "problem"
        log = scene.town.desk.log.getvalue()
    assert "internal-error" in log
    assert len(scene.puppeteer.sent) > sent > 20
    looked_for = [pieces(body) for body in scene.puppeteer.sent]
    assert any(trace in judge.said[-1].encode() for trace in spellings(looked_for[-1][1])[1:])  # or nothing would be found whatever is kept
    kept = {"log": log.encode(), "output": "".join(capfd.readouterr()).encode()}
    kept |= {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert "captcha.db" in kept
    traces = [trace for found in looked_for for piece in found for trace in spellings(piece)]
    assert [name for name, content in kept.items() if any(trace in content for trace in traces)] == []


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
        expect(scene.frame.locator('[data-part="problem"]')).to_have_text(say("en", "frame.say_problem_expired"))
        assert scene.codes() == ["late"]
        assert scene.page.evaluate("fersysCaptcha.getResponse()") == ""
        scene.write()
        assert scene.town.entries == []


def unturned(rules: Rules, people: list[Person], *off: str) -> FaceJudge:
    """The real judge with these cues off; it asks for what the people have pictures of, and for no turn."""
    judge = FaceJudge(replace(rules, table=replace(rules.table, asked=asked_of(people, rules.table.asked)), off=frozenset(off), seen=SeenFrames()))
    judge.turns = ()
    return judge


def test_a_photo_that_is_changed_for_another_as_the_prompt_asks_does_not_pass(browser: Browser, rules: Rules, people: list[Person], tmp_path: Path) -> None:
    """Because it changes at once, and for nothing else: with that cue off the same photos get through."""
    for off, ends, codes in (((), "problem", ["sudden"]), (("sudden",), "done", [])):
        actor, folder = Prints(people[0], np.random.default_rng(1), "static", tilts=False), tmp_path / f"{len(off)}"
        folder.mkdir()
        with staged(browser, folder, PacedJudge(unturned(rules, people, *off)), actor) as scene:
            scene.begin()
            assert (scene.end(), scene.codes()) == (ends, codes)
            if ends == "problem":
                expect(scene.frame.locator('[data-part="problem"]')).to_have_text(say("en", "frame.say_problem_refused"))
            scene.write()
            assert len(scene.town.entries) == len(off)


class Contrary(Puppet):
    """A puppet that makes another face than the one it is asked for."""

    others: tuple[str, ...] = ()

    def show(self, view: dict[str, Any], time: float) -> Image:
        prompt = view["prompt"]
        other = next((name for name in self.others if prompt and name != prompt["expression"]), "")
        return super().show({**view, "prompt": prompt and {**prompt, "expression": other}}, time)


def test_a_face_that_was_not_asked_for_does_not_pass(browser: Browser, rules: Rules, people: list[Person], tmp_path: Path) -> None:
    """It is the face that is wrong, and not the puppet: where any face that may be asked is taken, the same one gets through."""
    for off in ((), ("order",)):
        actor, folder = Contrary(people[0], np.random.default_rng(2)), tmp_path / f"{len(off)}"
        actor.others = asked_of(people, rules.table.asked)
        folder.mkdir()
        with staged(browser, folder, PacedJudge(unturned(rules, people, *off), _SLOW), actor) as scene:
            scene.begin()
            if off:
                assert scene.end() == "done", scene.codes()
            else:
                assert scene.end() == "problem"
                assert set(scene.codes()) <= {"order", "late"}
                assert '"step": 0' in scene.town.desk.log.getvalue().splitlines()[-1]
