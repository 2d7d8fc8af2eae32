"""The Webcam tab in a real browser with a made camera: what a visitor does, sees, and never sends elsewhere."""

import base64
import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
from playwright.sync_api import Browser, Page, expect

from app.bench.camera import browser_flags, write_clip
from app.words import say
from fersys import EMOTIONS
from tests.browsing import DESKTOP, PHONE, launched, opened, wait_for
from tests.served import Served, serve

Image = npt.NDArray[np.uint8]
START = "[data-for=intro] [data-do=start]"
BOX = ".fersys-live-box"
# Counts cameras, in place of which a test may put another.
SPY = """
window.cameras = [];
const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await open(wanted);
    window.cameras.push(stream.getVideoTracks()[0]);
    return stream;
};"""
FAILING = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', '%s'));"
PICTURED = """
navigator.mediaDevices.getUserMedia = async () => {
    const canvas = document.createElement("canvas"), pen = canvas.getContext("2d"), picture = new Image();
    Object.assign(canvas, { width: 640, height: 480 });
    picture.src = "%s";
    await picture.decode();
    let ticks = 0;
    setInterval(() => { pen.drawImage(picture, 0, 0); pen.fillRect(ticks++ %% 20, 0, 2, 2); }, 40);
    return canvas.captureStream(25);
};"""
ON = "window.cameras.some((track) => track.readyState === 'live')"

on_every_screen = pytest.mark.parametrize("page", [{"viewport": DESKTOP}, {"viewport": PHONE}], ids=["desktop", "phone"], indirect=True)


@pytest.fixture(scope="module")
def browser(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    from skimage import data

    clip = write_clip(np.asarray(data.astronaut(), np.uint8), tmp_path_factory.mktemp("camera") / "clip.mjpeg", frames=30)
    with launched(chromium_path, *browser_flags(clip)) as browser:
        yield browser


@pytest.fixture(scope="module")
def served(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("served")) as page:
        yield page


@pytest.fixture
def asked() -> list[str]:
    """Addresses the page asked for, and errors it reported."""
    return []


@contextmanager
def tab(browser: Browser, served: Served, asked: list[str], script: str = SPY, **options: Any) -> Iterator[Page]:
    """The tab, open, with a script that runs before the page's own."""
    with opened(_Scripted(browser, script), served.url, asked, **options) as page:  # type: ignore[arg-type]
        page.click("#fersys-tab-webcam-button")
        page.wait_for_selector(START)
        yield page


class _Scripted:
    """A browser whose contexts run a script first."""

    def __init__(self, browser: Browser, script: str) -> None:
        self._browser, self._script = browser, script

    def new_context(self, **options: Any) -> Any:
        context = self._browser.new_context(**options)
        context.add_init_script(self._script)
        return context


@pytest.fixture
def page(request: pytest.FixtureRequest, browser: Browser, served: Served, asked: list[str]) -> Iterator[Page]:
    with tab(browser, served, asked, **getattr(request, "param", {})) as page:
        yield page


def go_live(page: Page) -> None:
    page.click(START)
    page.wait_for_selector(BOX)


def state_of(page: Page) -> str:
    return str(page.locator("#fersys-live").get_attribute("data-state"))


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


@on_every_screen
def test_a_face_gets_a_box_and_both_models_bars_and_nothing_leaves_the_machine(page: Page, served: Served, asked: list[str]) -> None:
    assert fits(page)
    go_live(page)
    expect(page.locator(".fersys-live-verdict b").nth(1)).not_to_be_empty()
    shares = page.locator(".fersys-live-bars tbody td").all_inner_texts()
    assert len(shares) == 2 * len(EMOTIONS)
    assert all("%" in share for share in shares)
    expect(page.locator("[data-part=meter]")).to_contain_text("updates/s")
    assert fits(page)
    ours = served.url.replace("http://", "")
    assert [url for url in asked if not url.startswith((f"http://{ours}/", f"ws://{ours}/", "data:", "blob:"))] == []
    assert served.files() == []


@on_every_screen
def test_the_box_lies_mirrored_over_the_face(page: Page) -> None:
    go_live(page)
    place = page.evaluate(
        f"""() => {{
            const box = document.querySelector("{BOX}").getBoundingClientRect(), stage = document.querySelector("[data-part=stage]").getBoundingClientRect();
            return [(box.left + box.width / 2 - stage.left) / stage.width, (box.top + box.height / 2 - stage.top) / stage.height];
        }}"""
    )
    told = page.evaluate("window.fersysWebcam.seen[0].box")
    assert place[0] == pytest.approx(1 - told[0] - told[2] / 2, abs=0.05)
    assert place[1] == pytest.approx(told[1] + told[3] / 2, abs=0.05)


def test_no_camera_opens_before_somebody_starts_it(page: Page) -> None:
    assert "Expression recognition will run" in wait_for(page, "[data-for=intro]")
    assert page.evaluate("window.cameras.length") == 0


@pytest.mark.parametrize("leaving", ["#fersys-tab-about-button", ".fersys-live-controls [data-do=stop]"], ids=["tab", "stop"])
def test_the_camera_is_released(page: Page, leaving: str) -> None:
    go_live(page)
    assert page.evaluate(ON)
    page.click(leaving)
    page.wait_for_function(f"!({ON})")
    page.click("#fersys-tab-webcam-button")
    assert "No frame was kept" in wait_for(page, "[data-for=left]")
    page.click("[data-for=left] [data-do=start]")
    page.wait_for_selector(BOX)
    assert page.evaluate("window.cameras.length") == 2


def test_the_camera_is_released_when_the_page_is_hidden(page: Page) -> None:
    go_live(page)
    page.evaluate("Object.defineProperty(document, 'hidden', { value: true }); document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_function(f"!({ON})")


@pytest.mark.parametrize(
    ("script", "state"),
    [
        (FAILING % "NotAllowedError", "refused"),
        (FAILING % "NotFoundError", "absent"),
        (FAILING % "NotReadableError", "busy"),
        ("Object.defineProperty(window, 'isSecureContext', { value: false })", "insecure"),
        ("window.WebSocket = class { constructor() { setTimeout(() => this.onclose({ code: 1006 })); } close() {} }", "lost"),
    ],
)
def test_what_is_wrong_with_the_camera_is_said(browser: Browser, served: Served, asked: list[str], script: str, state: str) -> None:
    with tab(browser, served, asked, script) as page:
        page.click(START)
        said = wait_for(page, f"[data-for={state}] [role=alert]")
        assert say("en", f"webcam.{state}") in said
        expect(page.locator(f"[data-for={state}] [data-do=start]")).to_be_focused()


def test_pausing_holds_everything_and_going_on_goes_on(page: Page) -> None:
    go_live(page)
    page.click("[data-do=pause]")
    expect(page.locator("[data-part=paused]")).to_be_visible()
    before = page.evaluate("window.fersysWebcam.history.get(1)?.length ?? 0")
    assert (
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(window.fersysWebcam.history.get(1)?.length ?? 0))))")
        == before
    )
    page.click("[data-do=pause]")
    count = page.evaluate("window.fersysWebcam.updates")
    page.wait_for_function(f"window.fersysWebcam.updates > {count + 2}")


def test_a_recording_is_a_csv_of_every_answer(page: Page, served: Served) -> None:
    go_live(page)
    page.click("[data-do=record]")
    page.wait_for_function("window.fersysWebcam.rows.length > 8")
    with page.expect_download() as download:
        page.click("[data-do=record]")
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8"))))
    assert {row["model"] for row in rows} == {"first", "second"}
    assert all(sum(float(row[emotion]) for emotion in EMOTIONS) == pytest.approx(1, abs=0.001) for row in rows)
    assert all(max(EMOTIONS, key=lambda name: float(row[name])) == row["label"] for row in rows)
    times = [float(row["time"]) for row in rows]
    assert times == sorted(times)
    assert "Saved as fersys-webcam-" in wait_for(page, "[data-part=recording]")
    assert served.files() == []


def test_a_snapshot_is_answered_in_the_image_tab_and_releases_the_camera(page: Page, served: Served) -> None:
    go_live(page)
    page.click("[data-do=snapshot]")
    assert "One face found" in wait_for(page, ".fersys-faces")
    assert not page.evaluate(ON)


@pytest.mark.parametrize(
    "page", [{"viewport": {"width": 1200, "height": 800}, "locale": locale} for locale in ("en-US", "de-DE")], ids=["english", "german"], indirect=True
)
def test_no_verdict_is_broken_within_a_word_or_cut(page: Page) -> None:
    go_live(page)
    page.click("[data-do=pause]")
    room = page.evaluate("""() => [...document.querySelectorAll("[data-part=verdict]")].flatMap((verdict) =>
        Object.values(window.fersysWebcam.looks).map(([word]) => {
            verdict.textContent = word;
            const text = document.createRange(), column = verdict.closest("td").getBoundingClientRect();
            text.selectNodeContents(verdict);
            return [word, text.getClientRects().length, column.right - text.getBoundingClientRect().right];
        }))""")
    assert [word for word, lines, left in room if lines > 1 or left < 0] == []
    assert len(room) == 2 * len(EMOTIONS)


@pytest.mark.parametrize("page", [{"locale": "de-DE"}], indirect=True)
def test_numbers_are_written_as_the_language_does(page: Page) -> None:
    go_live(page)
    page.locator("[data-do=smooth]").fill("1.5")
    expect(page.locator("[data-part=half-life]")).to_contain_text("1,5 s")


def test_smoothing_is_set_and_said(page: Page) -> None:
    go_live(page)
    slider = page.locator("[data-do=smooth]")
    slider.fill("0")
    expect(page.locator("[data-part=half-life]")).to_have_text("smoothing off")
    slider.fill("1.5")
    expect(page.locator("[data-part=half-life]")).to_have_text("half-life 1.5 s")
    assert slider.get_attribute("aria-valuetext") == "half-life 1.5 s"
    count = page.evaluate("window.fersysWebcam.updates")
    page.wait_for_function(f"window.fersysWebcam.updates > {count + 2}")  # the server took it


def pictured(image: Image) -> str:
    file = io.BytesIO()
    PIL.Image.fromarray(image).resize((640, 480)).save(file, "PNG")
    return PICTURED % f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def test_one_of_two_faces_is_chosen(browser: Browser, served: Served, asked: list[str], astronaut: Image) -> None:
    face = astronaut[10:260, 100:350]
    with tab(browser, served, asked, pictured(np.hstack([face, face[::, ::-1]]))) as page:
        page.click(START)
        page.wait_for_selector(f"{BOX} >> nth=1")
        page.click(".fersys-live-chips button >> nth=1")
        number = page.locator(".fersys-live-chips button >> nth=1").inner_text().removeprefix("Face ")
        expect(page.locator(f'{BOX}[data-face="{number}"]')).to_have_attribute("aria-pressed", "true")
        expect(page.locator("[data-part=whose]")).to_have_text(f"of face {number}")
        page.locator(f'{BOX}:not([data-face="{number}"])').press("Enter")
        expect(page.locator(f'{BOX}[data-face="{number}"]')).to_have_attribute("aria-pressed", "false")


def test_a_view_without_a_face_says_what_helps(browser: Browser, served: Served, asked: list[str]) -> None:
    with tab(browser, served, asked, pictured(np.full((480, 640, 3), 110, np.uint8))) as page:
        page.click(START)
        assert "No face in view" in wait_for(page, "[data-part=none]")
        page.click("[data-do=record]")
        page.click("[data-do=record]")
        assert "nothing to save" in wait_for(page, "[data-part=recording]")


_CROWD = """(path) => Promise.all([...Array(8)].map(() => new Promise((ready) => {
    const socket = new WebSocket(`ws://${location.host}${path}`);
    (window.crowd ??= []).push(socket);
    socket.onmessage = ready;
})))"""


def test_late_comers_wait_with_their_camera_off_until_it_is_their_turn(page: Page) -> None:
    page.evaluate(_CROWD, "/webcam/live")
    page.click(START)
    assert "You are number 1 in the queue" in wait_for(page, "[data-for=waiting]")
    assert page.evaluate("window.cameras.length") == 0
    page.evaluate("window.crowd.pop().close()")
    page.wait_for_selector(BOX)
    page.evaluate("window.crowd.forEach((socket) => socket.close())")


def test_everything_is_reached_by_keyboard(page: Page) -> None:
    page.locator(START).focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(BOX)
    reached = set()
    page.evaluate("document.activeElement.blur(); document.querySelector('[data-part=stage]').setAttribute('tabindex', '-1')")
    page.locator("[data-part=stage]").focus()
    for _ in range(9):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.dataset.do ?? (document.activeElement.dataset.face && 'face')"))
    assert {"face", "pause", "snapshot", "record", "big", "stop", "smooth"} <= reached


def test_the_big_view_fills_the_screen_and_escape_ends_it(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/?view=big")
    page.wait_for_selector(f".fersys-live-big {START}")  # the tab opened by itself
    go_live(page)
    size = page.locator("#fersys-live").bounding_box()
    assert size is not None
    assert (size["width"], size["height"]) == (DESKTOP["width"], DESKTOP["height"])
    page.keyboard.press("Escape")
    expect(page.locator(".fersys-live-big")).to_have_count(0)
    assert state_of(page) == "live"


@pytest.mark.parametrize("page", [{"locale": "de-DE", "viewport": PHONE, "color_scheme": "dark"}], indirect=True)
def test_german_fits_a_phone(page: Page) -> None:
    assert "Ausdruckserkennung" in wait_for(page, "[data-for=intro]")
    go_live(page)
    expect(page.locator("[data-part=meter]")).to_contain_text("Antworten/s")
    assert "Überraschung" in page.locator(".fersys-live-bars").inner_text()
    assert fits(page)
    page.locator("#fersys-live").evaluate("root => root.scrollIntoView()")
    overhang = page.locator("#fersys-live").evaluate(
        "root => Math.max(...[...root.querySelectorAll('button, canvas, td, select, output')].map((part) => part.getBoundingClientRect().right)) - innerWidth"
    )
    assert overhang <= 0
