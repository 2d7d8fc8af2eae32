"""Takes the README's pictures of the page: `python docs/record.py`. They show NASA's astronaut alone.

Needs `make test`'s packages, Chromium and ffmpeg on the PATH. It starts `python -m app` on a free port with a
made camera, walks through the tabs, and writes a picture of each and a short clip into this folder.
"""

import io
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import PIL.Image
from playwright.sync_api import Page, sync_playwright
from skimage import data

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from app.bench.camera import browser_flags, write_clip  # noqa: E402  # the checkout, not an installed app

HERE = Path(__file__).parent
SCREEN = {"width": 1200, "height": 800}
CLIP_SIZE = (900, 600)


@contextmanager
def running() -> Iterator[str]:
    """The page on a free port of this machine; its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with tempfile.TemporaryDirectory() as state:
        process = subprocess.Popen([sys.executable, "-m", "app", "--port", str(port)], cwd=ROOT, stdout=subprocess.PIPE, env=_environment(state))
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def _environment(state: str) -> dict[str, str]:
    import os

    return os.environ | {"XDG_STATE_HOME": state}


class Film:
    """Collects what the page shows, each picture for so many milliseconds."""

    def __init__(self, page: Page) -> None:
        self._page, self._frames, self._times = page, list[PIL.Image.Image](), list[int]()

    def hold(self, milliseconds: int) -> None:
        """Take one picture and show it for so long."""
        shot = PIL.Image.open(io.BytesIO(self._page.screenshot())).convert("RGB")
        self._frames.append(shot.resize(CLIP_SIZE, PIL.Image.Resampling.LANCZOS))
        self._times.append(milliseconds)

    def roll(self, count: int) -> None:
        """Take so many pictures of something that moves."""
        for _ in range(count):
            self._page.wait_for_timeout(150)
            self.hold(180)

    def save(self, path: Path) -> None:
        """Write them as an animated WebP file."""
        self._frames[0].save(path, save_all=True, append_images=self._frames[1:], duration=self._times, loop=0, quality=72, method=4)


def open_tab(page: Page, name: str, shows: str) -> None:
    """Go to a tab and wait until something of it is there."""
    page.click(f"#fersys-tab-{name}-button")
    page.wait_for_selector(shows, state="visible", timeout=60_000)
    page.evaluate("scrollTo(0, 0)")


def walk(page: Page, film: Film) -> None:
    """Show the tabs that people come for."""
    show_image(page, film)
    show_webcam(page, film)
    show_challenge(page, film)
    show_drawn(page, film)
    open_tab(page, "compare", "#fersys-tab-compare svg, .fersys-compare svg")
    page.wait_for_timeout(1200)
    film.hold(2500)
    page.screenshot(path=HERE / "compare.png")


def show_image(page: Page, film: Film) -> None:
    """What both models make of a photo."""
    page.wait_for_selector(".fersys-examples button")
    film.hold(1200)
    page.click(".fersys-examples button >> nth=0")
    page.wait_for_selector(".fersys-card table", timeout=60_000)
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(800)
    film.hold(2200)
    page.screenshot(path=HERE / "screenshot.png")


def show_webcam(page: Page, film: Film) -> None:
    """What they make of a camera."""
    open_tab(page, "webcam", "[data-for=intro] [data-do=start]")
    film.hold(1000)
    page.click("#fersys-live [data-for=intro] [data-do=start]")
    page.wait_for_selector(".fersys-live-box", timeout=60_000)
    film.roll(12)
    page.screenshot(path=HERE / "webcam.png")


def show_challenge(page: Page, film: Film) -> None:
    """The emoji challenge; who smiles all the time does not pass it."""
    open_tab(page, "captcha", ".fersys-challenge iframe[data-ready]")
    inside = page.frame_locator(".fersys-challenge iframe")
    inside.locator("[data-for=choose] [data-do=tell]").click()
    page.wait_for_timeout(400)
    film.hold(2200)
    inside.locator("[data-for=tell] [data-do=face]").click()
    inside.locator("[data-part=picture] svg").wait_for(timeout=60_000)
    page.wait_for_timeout(1500)
    film.roll(8)
    page.screenshot(path=HERE / "captcha.png")
    inside.locator("[data-for=face] [data-do=back]").click()


def show_drawn(page: Page, film: Film) -> None:
    """A drawn face is guessed, wrongly or by luck."""
    page.click("#fersys-play [data-do=guess] >> nth=0")
    page.wait_for_selector("#fersys-play svg >> visible=true", timeout=60_000)
    page.wait_for_timeout(600)
    film.hold(1600)
    page.keyboard.press("4")
    page.wait_for_timeout(600)
    film.hold(2200)


def main() -> int:
    """Write the pictures and the clip."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with tempfile.TemporaryDirectory() as folder, running() as address, sync_playwright() as playwright:
        clip = write_clip(np.asarray(data.astronaut(), np.uint8), Path(folder) / "clip.mjpeg", frames=60)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", *browser_flags(clip)])
        page = browser.new_page(viewport=SCREEN, locale="en-US")  # type: ignore[arg-type]
        page.goto(address)
        film = Film(page)
        walk(page, film)
        film.save(HERE / "clip.webp")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
