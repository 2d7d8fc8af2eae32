"""What tests in a browser share: its flags, sizes of screens, and a page that is ready."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, ViewportSize, expect, sync_playwright

from app.bench.camera import QUIET

FAKE_CAMERA = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
DESKTOP: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}
PATIENCE = 60_000  # milliseconds, for busy machines: the page waits for what it expects, never a fixed time


@contextmanager
def launched(chromium_path: str, *flags: str) -> Iterator[Browser]:
    """A browser, closed in the end."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=[*QUIET, *flags])
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, url: str, asked: list[str], **options: Any) -> Iterator[Page]:
    """Our page, ready for use; `asked` takes the addresses it asks for and the errors it reports, `options` are those of a context."""

    def note_request(sent: Request) -> None:
        asked.append(sent.url)

    def note_error(said: ConsoleMessage) -> None:
        if said.type == "error":
            asked.append(f"console error: {said.text}")

    context = browser.new_context(**{"viewport": DESKTOP, **options})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.on("request", note_request)
    page.on("console", note_error)
    page.on("pageerror", lambda error: asked.append(f"page error: {error}"))
    page.goto(url)
    page.wait_for_selector("#fersys-upload input[type=file]", state="attached")
    for late in (".fersys-welcome", ".fersys-note", "button.settings"):
        page.wait_for_selector(late)
    yield page
    context.close()


def saved(folder: Path, image: npt.NDArray[np.uint8], name: str = "photo.png") -> Path:
    """Write a picture to upload."""
    PIL.Image.fromarray(image).save(folder / name)
    return folder / name


def wait_for(page: Page, selector: str) -> str:
    """Wait until something is seen, and return its text."""
    found = page.locator(selector)
    expect(found).to_be_visible(timeout=PATIENCE)
    return found.inner_text()
