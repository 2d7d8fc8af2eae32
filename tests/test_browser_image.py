"""The Image tab in a real browser: what a visitor does, sees, and never sends elsewhere."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, ViewportSize, expect, sync_playwright

from app.answer import bars
from fersys import EMOTIONS, Prediction
from tests.served import Served, serve

Image = npt.NDArray[np.uint8]
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_DESKTOP: ViewportSize = {"width": 1280, "height": 800}
_PHONE: ViewportSize = {"width": 390, "height": 844}
_PATIENCE = 60_000  # milliseconds, for busy machines: the page waits for what it expects, never a fixed time


on_every_screen = pytest.mark.parametrize("page", [_DESKTOP, _PHONE], ids=["desktop", "phone"], indirect=True)


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=list(_FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def served(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("served")) as page:
        yield page


@pytest.fixture
def asked() -> list[str]:
    """Addresses the page asked for, and errors it reported."""
    return []


@pytest.fixture
def page(request: pytest.FixtureRequest, browser: Browser, served: Served, asked: list[str]) -> Iterator[Page]:
    def note_request(sent: Request) -> None:
        asked.append(sent.url)

    def note_error(said: ConsoleMessage) -> None:
        if said.type == "error":
            asked.append(f"console error: {said.text}")

    context = browser.new_context(viewport=getattr(request, "param", _DESKTOP))
    context.set_default_timeout(_PATIENCE)
    page = context.new_page()
    page.on("request", note_request)
    page.on("console", note_error)
    page.goto(served.url)
    page.wait_for_selector("#fersys-upload input[type=file]", state="attached")
    for late in (".fersys-welcome", ".fersys-note", "button.settings"):
        page.wait_for_selector(late)
    yield page
    context.close()


def saved(folder: Path, image: Image) -> Path:
    PIL.Image.fromarray(image).save(folder / "photo.png")
    return folder / "photo.png"


def choose(page: Page, file: Path) -> None:
    page.set_input_files("#fersys-upload input[type=file]", file)


def wait_for(page: Page, selector: str) -> str:
    found = page.locator(selector)
    expect(found).to_be_visible(timeout=_PATIENCE)
    return found.inner_text()


@on_every_screen
def test_a_photo_gets_boxes_bars_and_times_and_nothing_leaves_the_machine(
    page: Page, served: Served, asked: list[str], astronaut: Image, tmp_path: Path
) -> None:
    choose(page, saved(tmp_path, astronaut))
    answer = wait_for(page, ".fersys-faces")
    assert "One face found" in answer
    assert all(emotion in answer for emotion in EMOTIONS)
    assert answer.count("%") == 2 * (len(EMOTIONS) + 1)  # two models: seven bars and a verdict each
    assert "ms a face" in wait_for(page, ".fersys-picture figcaption")
    assert page.locator(".fersys-picture img").evaluate("image => image.complete && image.naturalWidth") == 640
    assert [url for url in asked if not url.startswith((f"{served.url}/", "data:", "blob:"))] == []
    assert len(asked) > 10
    page.screenshot(path=tmp_path / "answer.png", full_page=True)
    assert PIL.Image.open(tmp_path / "answer.png").width == page.viewport_size["width"]  # type: ignore[index]
    assert served.files() == []


@on_every_screen
def test_page_fits_the_screen(page: Page, astronaut: Image, tmp_path: Path) -> None:
    choose(page, saved(tmp_path, astronaut))
    wait_for(page, ".fersys-faces")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    columns = page.locator(".fersys-card thead th").evaluate_all("heads => heads.map(head => head.getBoundingClientRect().right)")
    assert max(columns) <= page.locator(".fersys-card").bounding_box()["x"] + page.locator(".fersys-card").bounding_box()["width"]  # type: ignore[index]


_OVERHANG = """card => Math.max(...[...card.querySelectorAll("thead th")].flatMap(head =>
    [...head.querySelectorAll("strong, b, small")].map(word => word.getBoundingClientRect().right - head.getBoundingClientRect().right)))"""


@on_every_screen
def test_an_unsure_verdict_stays_in_its_column(page: Page, astronaut: Image, tmp_path: Path) -> None:
    choose(page, saved(tmp_path, astronaut))
    wait_for(page, ".fersys-faces")
    doubted = [Prediction(name, dict.fromkeys(EMOTIONS, 0.1) | {"surprise": 0.4}, certain=False) for name in ("fersys-cnn", "fersys-cnn-paper")]
    page.locator(".fersys-card").evaluate("(card, table) => { card.innerHTML = table }", bars(doubted))
    assert wait_for(page, ".fersys-card thead").count("not sure") == 2
    assert page.locator(".fersys-card").evaluate(_OVERHANG) <= 0
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_picture_without_a_face_gets_hints(page: Page, tmp_path: Path) -> None:
    choose(page, saved(tmp_path, np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8)))
    assert "No face found" in wait_for(page, ".fersys-message")


def test_a_broken_file_gets_a_message_and_the_next_photo_an_answer(page: Page, astronaut: Image, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing more")
    choose(page, tmp_path / "broken.jpg")
    assert "could not be read as a picture" in wait_for(page, ".fersys-message")
    choose(page, saved(tmp_path, astronaut))
    assert "One face found" in wait_for(page, ".fersys-faces")


def test_a_pasted_photo_is_answered(page: Page, astronaut: Image, tmp_path: Path) -> None:
    content = saved(tmp_path, astronaut).read_bytes()
    page.evaluate(
        """bytes => {
            const clipboard = new DataTransfer();
            clipboard.items.add(new File([new Uint8Array(bytes)], "image.png", { type: "image/png" }));
            document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: clipboard }));
        }""",
        list(content),
    )
    assert "One face found" in wait_for(page, ".fersys-faces")


def test_the_drop_zone_is_reached_and_opened_by_keyboard(page: Page, astronaut: Image, tmp_path: Path) -> None:
    photo = saved(tmp_path, astronaut)
    page.on("filechooser", lambda chooser: chooser.set_files(photo))
    page.evaluate("0")  # a round trip: from here on the browser hands choosers over
    for _ in range(3):  # two tabs and the zone
        page.keyboard.press("Tab")
    expect(page.locator("#fersys-upload button")).to_be_focused()
    page.keyboard.press("Enter")
    assert "One face found" in wait_for(page, ".fersys-faces")


def test_every_picture_has_words(page: Page, astronaut: Image, tmp_path: Path) -> None:
    choose(page, saved(tmp_path, astronaut))
    wait_for(page, ".fersys-faces")
    assert all(page.locator(".fersys-picture img, .fersys-faces img").evaluate_all("images => images.map(image => image.alt)"))
