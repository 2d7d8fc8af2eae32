"""The Video tab in a real browser: a video in, news on the way, the answer, its downloads, and nothing left behind."""

import csv
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browsing import PATIENCE, PHONE, launched, opened, wait_for
from tests.made_videos import squares, write
from tests.served import Served, serve
from tests.test_browser_compare import open_tab
from tests.test_films import wandering

Image = npt.NDArray[np.uint8]
LEFT = "fersys-video-*"


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with launched(chromium_path) as browser:
        yield browser


@pytest.fixture(scope="module")
def served(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    (folder / "temporary").mkdir()
    with pytest.MonkeyPatch.context() as patch, serve(folder) as page:
        patch.setattr(tempfile, "tempdir", str(folder / "temporary"))
        yield page


@pytest.fixture
def asked() -> list[str]:
    """Addresses the page asked for, and errors it reported."""
    return []


@pytest.fixture
def page(browser: Browser, served: Served, asked: list[str]) -> Iterator[Page]:
    with opened(browser, served.url, asked, accept_downloads=True) as page:
        open_tab(page, "Video")
        page.wait_for_selector(".fersys-drop")
        yield page


def choose(page: Page, file: Path) -> None:
    page.set_input_files("#fersys-video input[type=file]", file)


def state(page: Page, wanted: str) -> None:
    expect(page.locator("#fersys-video")).to_have_attribute("data-state", wanted, timeout=PATIENCE)


def left() -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob(LEFT))


def test_a_video_is_played_charted_and_downloaded_and_nothing_is_left(page: Page, served: Served, asked: list[str], astronaut: Image, tmp_path: Path) -> None:
    choose(page, write(tmp_path / "holiday.mp4", wandering(astronaut, 30)))
    state(page, "done")
    video = page.locator("video[data-film]")
    page.wait_for_function("document.querySelector('video[data-film]').readyState >= 2")
    assert video.evaluate("video => video.videoWidth") == 320
    assert page.locator(".fersys-lane").count() == 7
    assert "of the time" in wait_for(page, ".fersys-track .fersys-head")
    with page.expect_download() as table:
        page.click("[data-table-link]")
    assert table.value.suggested_filename == "holiday-faces.csv"
    with Path(table.value.path()).open(newline="") as file:
        assert {row["model"] for row in csv.DictReader(file)} == {"first", "second"}
    with page.expect_download() as film:
        page.click("[data-video-link]")
    assert film.value.suggested_filename.startswith("holiday-annotated.")
    assert Path(film.value.path()).stat().st_size > 1000
    assert left() == []
    assert served.files() == []
    assert [one for one in asked if not one.startswith((f"{served.url}/", "data:", "blob:"))] == []


def test_the_chart_follows_the_video_and_the_video_the_chart(page: Page, astronaut: Image, tmp_path: Path) -> None:
    choose(page, write(tmp_path / "in.mp4", wandering(astronaut, 30)))
    state(page, "done")
    page.wait_for_function("document.querySelector('video[data-film]').readyState >= 2")
    box = page.locator(".fersys-lane svg").first.bounding_box()
    assert box
    page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 5)
    page.wait_for_function("document.querySelector('video[data-film]').currentTime > 0.6")
    page.wait_for_function("document.querySelector('.fersys-lane output').textContent.includes('%')")
    page.wait_for_function("Math.abs(document.querySelector('.fersys-track').style.getPropertyValue('--now') - 0.75) < 0.1")


def test_cancelling_stops_the_work_and_deletes_the_video(page: Page, astronaut: Image, tmp_path: Path) -> None:
    choose(page, write(tmp_path / "long.mp4", wandering(astronaut, 1500)))
    state(page, "working")
    expect(page.locator("[data-left]")).to_contain_text("Frame", timeout=PATIENCE)
    page.wait_for_function("document.querySelector('#fersys-video progress').value > 0")
    page.click("[data-cancel]")
    state(page, "start")
    page.wait_for_function("true")
    for _ in range(200):
        if not left():
            break
        page.wait_for_timeout(50)
    assert left() == []


def test_a_file_that_is_no_video_is_answered_in_words_and_the_next_one_works(page: Page, astronaut: Image, tmp_path: Path) -> None:
    (tmp_path / "song.mp4").write_bytes(b"no video")
    choose(page, tmp_path / "song.mp4")
    assert "is no video that can be read here" in wait_for(page, "[data-when=failed]")
    page.click("[data-when=failed] [data-again]")
    choose(page, write(tmp_path / "in.mp4", wandering(astronaut, 6)))
    state(page, "done")


def test_a_file_that_is_too_large_is_not_even_sent(page: Page, asked: list[str]) -> None:
    before = len(asked)
    page.evaluate(
        """() => { const file = new File(["x"], "large.mp4"); Object.defineProperty(file, "size", { value: 200000001 }); window.fersysVideo.take(file); }"""
    )
    assert "at most 200 MB" in wait_for(page, "[data-when=failed]")
    assert not [one for one in asked[before:] if "fersys/video" in one]


def test_a_video_without_a_face_gets_hints(page: Page, tmp_path: Path) -> None:
    choose(page, write(tmp_path / "in.mp4", squares(8)))
    state(page, "done")
    assert "No face found in this video" in wait_for(page, ".fersys-film .fersys-message")


def test_the_example_can_be_tried_by_keyboard(page: Page) -> None:
    page.locator("[data-try]").focus()
    page.keyboard.press("Enter")
    state(page, "done")
    assert page.locator(".fersys-lane").count() == 7


def test_on_a_dark_german_phone_it_fits_and_speaks_german(browser: Browser, served: Served, astronaut: Image, tmp_path: Path) -> None:
    with opened(browser, f"{served.url}/?__theme=dark", [], viewport=PHONE, locale="de-DE", color_scheme="dark") as page:
        open_tab(page, "Video")
        page.wait_for_selector(".fersys-drop")
        assert "Video wählen" in wait_for(page, ".fersys-drop")
        choose(page, write(tmp_path / "in.mp4", wandering(astronaut, 10)))
        state(page, "done")
        assert "Ein Gesicht in 10 Bildern" in wait_for(page, ".fersys-film figcaption")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
