"""The Image tab in a real browser: what a visitor does, sees, and never sends elsewhere."""

import csv
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
from playwright.sync_api import Browser, Page, expect

from app.models import load_arms
from fersys import EMOTIONS
from tests.browsing import DESKTOP, FAKE_CAMERA, PATIENCE, PHONE, launched, opened, saved, wait_for
from tests.served import Served, serve
from tests.tiny_package import make_package

Image = npt.NDArray[np.uint8]
_GERMAN = {"viewport": PHONE, "locale": "de-DE", "color_scheme": "dark"}

on_every_screen = pytest.mark.parametrize("page", [{"viewport": DESKTOP}, {"viewport": PHONE}], ids=["desktop", "phone"], indirect=True)
in_german = pytest.mark.parametrize("page", [_GERMAN], ids=["phone in German"], indirect=True)


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with launched(chromium_path, *FAKE_CAMERA) as browser:
        yield browser


@pytest.fixture(scope="module")
def served(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    packages = [make_package(folder / "models", name, seed=seed) for seed, name in enumerate(("first", "paper", "second"))]
    with serve(folder, arms=load_arms(packages[:2], packages[2:])) as page:
        yield page


@pytest.fixture
def asked() -> list[str]:
    """Addresses the page asked for, and errors it reported."""
    return []


@pytest.fixture
def page(request: pytest.FixtureRequest, browser: Browser, served: Served, asked: list[str]) -> Iterator[Page]:
    with opened(browser, served.url, asked, **getattr(request, "param", {})) as page:
        yield page


def choose(page: Page, *files: Path) -> None:
    page.set_input_files("#fersys-upload input[type=file]", files)


def two_faces(face: Image) -> Image:
    small = np.asarray(PIL.Image.fromarray(face).resize((256, 256)))
    both = np.full((512, 768, 3), 128, np.uint8)
    both[:256, :256], both[:, 256:] = small, face
    return both


def shown_card(page: Page) -> str:
    return wait_for(page, ".fersys-card:not([hidden])")


@on_every_screen
def test_a_photo_gets_boxes_bars_and_times_and_nothing_leaves_the_machine(
    page: Page, served: Served, asked: list[str], astronaut: Image, tmp_path: Path
) -> None:
    choose(page, saved(tmp_path, astronaut))
    answer = wait_for(page, ".fersys-faces")
    assert "One face found" in answer
    assert all(emotion in answer for emotion in EMOTIONS)
    assert answer.count("%") == 2 * (len(EMOTIONS) + 1)  # two models: seven bars and a verdict each
    assert " ms" in shown_card(page)
    page.wait_for_function("(([image]) => image.complete && image.naturalWidth === 640)(document.querySelectorAll('.fersys-frame img'))")
    assert [url for url in asked if not url.startswith((f"{served.url}/", "data:", "blob:"))] == []
    assert len(asked) > 10
    page.screenshot(path=tmp_path / "answer.png", full_page=True)
    assert PIL.Image.open(tmp_path / "answer.png").width == page.viewport_size["width"]  # type: ignore[index]
    assert served.files() == []


@on_every_screen
def test_page_fits_the_screen_and_no_column_is_cut_off(page: Page, astronaut: Image, tmp_path: Path) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    choose(page, saved(tmp_path, two_faces(astronaut)))
    card = page.locator(".fersys-card:not([hidden])")
    expect(card).to_be_visible(timeout=PATIENCE)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert card.evaluate("card => card.scrollWidth <= card.clientWidth")
    right = card.evaluate("card => card.getBoundingClientRect().right")
    ends = card.locator("thead th, thead th strong, thead th b, tbody td").evaluate_all("all => all.map(one => one.getBoundingClientRect().right)")
    assert max(ends) <= right


@pytest.mark.parametrize("page", [{"viewport": PHONE}, {"viewport": {"width": 320, "height": 640}}], ids=["phone", "small phone"], indirect=True)
def test_every_tab_is_seen_on_a_narrow_screen(page: Page) -> None:
    tabs = page.locator("#fersys-tabs > .tab-wrapper [role=tab]")
    assert [text.strip() for text in tabs.all_inner_texts()] == ["Image", "Webcam", "CAPTCHA", "Video", "Compare", "About"]
    width = page.viewport_size["width"] if page.viewport_size else 0
    for box in (tab.bounding_box() for tab in tabs.all()):
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width


@in_german
def test_the_page_speaks_german_on_a_dark_phone(page: Page, astronaut: Image, tmp_path: Path) -> None:
    assert "sieben Ausdrücke" in wait_for(page, ".fersys-welcome")
    choose(page, saved(tmp_path, astronaut))
    assert "Ein Gesicht gefunden" in wait_for(page, ".fersys-faces")
    assert "Überraschung" in shown_card(page)
    cells = page.locator(".fersys-card:not([hidden]) tbody th")
    assert cells.evaluate_all("all => all.every(one => one.scrollWidth <= one.clientWidth)")  # no word is cut off
    page.get_by_role("button", name="Worauf schaut das CNN?").click()
    expect(page.locator(".fersys-heat p")).to_contain_text("Stelle", timeout=PATIENCE)


def test_faces_are_chosen_by_box_by_number_and_by_keyboard_without_asking_the_server(page: Page, asked: list[str], astronaut: Image, tmp_path: Path) -> None:
    choose(page, saved(tmp_path, two_faces(astronaut)))
    card = page.locator(".fersys-card:not([hidden])")
    expect(card).to_have_attribute("aria-label", "Face 1", timeout=PATIENCE)
    questions = len([url for url in asked if not url.startswith("data:")])
    page.get_by_role("button", name="Face 2:").click()
    expect(card).to_have_attribute("aria-label", "Face 2")
    expect(page.locator(".fersys-chips [aria-pressed=true]")).to_have_attribute("aria-label", "Face 2")
    page.locator(".fersys-chips button").first.click()
    expect(card).to_have_attribute("aria-label", "Face 1")
    page.keyboard.press("ArrowRight")
    expect(card).to_have_attribute("aria-label", "Face 2")
    expect(page.locator(".fersys-chips button").nth(1)).to_be_focused()
    assert len([url for url in asked if not url.startswith("data:") and "heartbeat" not in url]) <= questions + 1


def test_another_model_is_chosen_without_asking_the_server_and_for_the_next_picture_too(page: Page, asked: list[str], astronaut: Image, tmp_path: Path) -> None:
    choose(page, saved(tmp_path, astronaut))
    shown_card(page)
    page.get_by_role("button", name="What did the CNN look at?").click()
    expect(page.locator(".fersys-heat p")).to_contain_text("first", timeout=PATIENCE)
    questions = len([url for url in asked if "/fersys/heat" in url or "queue/join" in url])
    page.get_by_label("FER-Sys CNN").select_option("paper")
    shown = page.locator(".fersys-card thead th:not([hidden])")
    assert shown.evaluate_all("heads => heads.map(head => head.dataset.model)") == ["paper", "second"]
    assert page.locator(".fersys-agree:not([hidden])").get_attribute("data-cnn") == "paper"
    word = shown.first.locator("[data-word]").inner_text()
    expect(page.locator(".fersys-box")).to_have_attribute("aria-label", f"Face 1: {word}")
    expect(page.locator(".fersys-heat")).to_be_empty()  # it was the other network's
    assert len([url for url in asked if "/fersys/heat" in url or "queue/join" in url]) == questions
    choose(page, saved(tmp_path, two_faces(astronaut)))
    expect(page.locator(".fersys-chips")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_label("FER-Sys CNN")).to_have_value("paper")
    assert "paper" in page.locator(".fersys-card:not([hidden]) thead th:not([hidden])").evaluate_all("heads => heads.map(head => head.dataset.model)")


def test_a_new_answer_begins_with_its_first_face(page: Page, astronaut: Image, tmp_path: Path) -> None:
    choose(page, saved(tmp_path, two_faces(astronaut)))
    shown_card(page)
    page.get_by_role("button", name="Face 2:").click()
    before = page.locator(".fersys-answer").get_attribute("data-answer")
    choose(page, saved(tmp_path, two_faces(astronaut)[:, ::-1].copy()))
    expect(page.locator(".fersys-answer")).not_to_have_attribute("data-answer", before or "", timeout=PATIENCE)
    expect(page.locator(".fersys-card:not([hidden])")).to_have_attribute("aria-label", "Face 1")
    assert page.locator("[data-pick-face]").evaluate_all("all => all.map(one => [one.dataset.pickFace, one.ariaPressed])") == [
        [face, str(face == "1").lower()] for face in "1212"
    ]


def test_several_pictures_get_a_list_of_answers_and_both_downloads_hold_them_all(page: Page, served: Served, astronaut: Image, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing more")
    choose(page, saved(tmp_path, astronaut, "one.png"), saved(tmp_path, two_faces(astronaut), "two.png"), tmp_path / "broken.jpg")
    assert "One face found" in wait_for(page, ".fersys-shot:not([hidden])")
    page.get_by_role("button", name="two.png").click()
    assert "2 faces found" in wait_for(page, ".fersys-shot:not([hidden])")
    page.get_by_role("button", name="broken.jpg").click()
    assert "could not be read as a picture" in wait_for(page, ".fersys-shot:not([hidden])")
    for kind in ("csv", "json"):
        with page.expect_download() as download:
            page.click(f".fersys-downloads a[download$={kind}]")
        download.value.save_as(tmp_path / kind)
    rows = list(csv.DictReader((tmp_path / "csv").open(encoding="utf-8")))
    assert [(row["path"], row["face"]) for row in rows] == [("one.png", "1")] * 3 + [("two.png", "1")] * 3 + [("two.png", "2")] * 3
    assert sum(float(rows[0][emotion]) for emotion in EMOTIONS) == pytest.approx(1, abs=1e-4)
    assert [len(said.get("faces", [])) for said in json.loads((tmp_path / "json").read_text(encoding="utf-8"))] == [1, 2, 0]
    assert served.files() == []


def test_a_picture_without_a_face_gets_hints(page: Page, tmp_path: Path) -> None:
    choose(page, saved(tmp_path, np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8)))
    assert "No face found" in wait_for(page, ".fersys-message")


def test_a_broken_file_gets_a_message_and_the_next_photo_an_answer(page: Page, astronaut: Image, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing more")
    choose(page, tmp_path / "broken.jpg")
    assert "could not be read as a picture" in wait_for(page, ".fersys-message")
    choose(page, saved(tmp_path, astronaut))
    assert "One face found" in wait_for(page, ".fersys-faces")


@pytest.mark.parametrize("refused", [("large.png", 21_000_000, "is too large: 21 MB, and at most 20 MB"), ("notes.txt", 9, "is not a picture")])
def test_a_file_that_cannot_be_taken_is_refused_without_upload_and_the_drop_zone_is_free_again(
    page: Page, asked: list[str], astronaut: Image, tmp_path: Path, refused: tuple[str, int, str]
) -> None:
    name, size, told = refused
    (tmp_path / name).write_bytes(bytes(size))
    choose(page, tmp_path / name)
    assert f"“{name}” {told}" in wait_for(page, "#fersys-refused [role=alert]")
    expect(page.locator("html")).not_to_have_attribute("data-fersys-looking", "")
    expect(page.locator(".toast-body")).to_have_count(0)
    assert not [url for url in asked if "/upload" in url]
    choose(page, saved(tmp_path, astronaut))
    assert "One face found" in wait_for(page, ".fersys-faces")
    expect(page.locator("#fersys-refused")).to_be_empty()


def test_of_several_files_those_that_can_be_taken_are_answered(page: Page, astronaut: Image, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("none")
    choose(page, tmp_path / "notes.txt", saved(tmp_path, astronaut))
    assert "One face found" in wait_for(page, ".fersys-faces")
    assert "“notes.txt” is not a picture" in wait_for(page, "#fersys-refused [role=alert]")


def test_a_dropped_file_that_is_no_picture_is_refused_too(page: Page) -> None:
    page.evaluate(
        """() => {
            const given = new DataTransfer();
            given.items.add(new File(["none"], "notes.txt", { type: "text/plain" }));
            document.querySelector("#fersys-upload button").dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: given }));
        }"""
    )
    assert "“notes.txt” is not a picture" in wait_for(page, "#fersys-refused [role=alert]")
    expect(page.locator("html")).not_to_have_attribute("data-fersys-looking", "")


def test_more_pictures_than_are_taken_at_once_are_named(page: Page, astronaut: Image, tmp_path: Path) -> None:
    small = np.asarray(PIL.Image.fromarray(astronaut).resize((64, 64)))
    choose(page, *(saved(tmp_path, small, f"{number:02}.png") for number in range(22)))
    assert "2 files were not uploaded" in wait_for(page, "#fersys-refused [role=alert]")
    expect(page.locator(".fersys-strip button")).to_have_count(20, timeout=PATIENCE)


@pytest.mark.parametrize("page", [{"viewport": PHONE}], ids=["phone"], indirect=True)
def test_plates_of_faces_that_are_close_do_not_cover_each_other(page: Page, astronaut: Image, tmp_path: Path) -> None:
    near = np.concatenate([astronaut[:260, 140:310]] * 5, axis=1)
    choose(page, saved(tmp_path, near))
    shown_card(page)
    expect(page.locator(".fersys-box")).to_have_count(5)
    plates = page.locator(".fersys-box span").evaluate_all(
        "all => all.map(one => { const {left, right} = one.getBoundingClientRect(); return [left, right]; })"
    )
    plates.sort()
    assert all(first[1] <= second[0] for first, second in pairwise(plates))


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


def test_an_example_is_answered_and_the_zone_is_free_again(page: Page) -> None:
    page.get_by_role("button", name="One face").click()
    assert "One face found" in wait_for(page, ".fersys-faces")
    expect(page.locator("html")).not_to_have_attribute("data-fersys-looking", "")
    expect(page.locator("#fersys-looking")).to_be_empty()


def test_the_heat_map_is_made_on_demand_and_said_in_words(page: Page, astronaut: Image, tmp_path: Path) -> None:
    choose(page, saved(tmp_path, astronaut))
    shown_card(page)
    assert page.locator(".fersys-heat").inner_text() == ""
    page.get_by_role("button", name="What did the CNN look at?").click()
    said = page.locator(".fersys-heat p")
    expect(said).not_to_contain_text("Covering", timeout=PATIENCE)
    assert "first" in said.inner_text()  # the network that was asked
    expect(page.get_by_role("button", name="What did the CNN look at?")).to_be_enabled()


def test_the_drop_zone_is_reached_and_opened_by_keyboard(page: Page, astronaut: Image, tmp_path: Path) -> None:
    photo = saved(tmp_path, astronaut)
    page.on("filechooser", lambda chooser: chooser.set_files(photo))
    page.evaluate("0")  # a round trip: from here on the browser hands choosers over
    page.locator("#fersys-tabs [role=tab]").last.focus()
    page.keyboard.press("Tab")
    expect(page.locator("#fersys-upload button")).to_be_focused()
    page.keyboard.press("Enter")
    assert "One face found" in wait_for(page, ".fersys-faces")


def test_every_picture_and_button_has_words(page: Page, astronaut: Image, tmp_path: Path) -> None:
    choose(page, saved(tmp_path, two_faces(astronaut)))
    shown_card(page)
    alone = "images => images.filter(image => !image.closest('button')).map(image => image.alt)"
    assert all(page.locator("#fersys-image-answer img").evaluate_all(alone))
    named = "buttons => buttons.map(button => button.getAttribute('aria-label') || button.textContent.trim())"
    assert all(page.locator("#fersys-image-answer button, .fersys-welcome button").evaluate_all(named))


_TRACKS = """() => {
    window.tracks = [];
    const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (wanted) => { const stream = await open(wanted); window.tracks.push(...stream.getTracks()); return stream; };
}"""


def test_a_snapshot_is_announced_taken_answered_and_the_camera_released(page: Page, served: Served) -> None:
    page.evaluate(_TRACKS)
    page.get_by_role("button", name="Take a photo").click()
    assert "guesses which expression" in wait_for(page, "#fersys-camera")
    assert page.evaluate("window.tracks.length") == 0  # told before it opens
    page.get_by_role("button", name="Open the camera").click()
    page.get_by_role("button", name="Take the photo").click()
    wait_for(page, ".fersys-answer")
    expect(page.locator("#fersys-camera")).to_be_hidden()
    assert page.evaluate("window.tracks.map(track => track.readyState)") == ["ended"]
    assert served.files() == []


def test_closing_the_window_releases_the_camera(page: Page) -> None:
    page.evaluate(_TRACKS)
    page.get_by_role("button", name="Take a photo").click()
    page.get_by_role("button", name="Open the camera").click()
    expect(page.get_by_role("button", name="Take the photo")).to_be_visible(timeout=PATIENCE)
    page.keyboard.press("Escape")
    page.wait_for_function("window.tracks.length === 1 && window.tracks[0].readyState === 'ended'")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("NotAllowedError", "does not let this page"),
        ("NotFoundError", "no camera on this device"),
        ("NotReadableError", "Another program"),
        ("Odd", "could not be"),
    ],
)
def test_a_camera_that_does_not_open_is_explained(page: Page, name: str, told: str) -> None:
    page.evaluate("name => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', name)); }", name)
    page.get_by_role("button", name="Take a photo").click()
    page.get_by_role("button", name="Open the camera").click()
    assert told in wait_for(page, "#fersys-camera [role=alert]")


def test_a_page_that_may_not_have_a_camera_says_why(page: Page) -> None:
    page.evaluate("() => Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")
    page.get_by_role("button", name="Take a photo").click()
    page.get_by_role("button", name="Open the camera").click()
    assert "https" in wait_for(page, "#fersys-camera [role=alert]")
