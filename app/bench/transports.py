"""How many updates a second the live view gets, of what its transport could carry.

Four ways from the browser to us and back take turns, round after round, so that a busy machine slows all of them:
frames over our socket, echoed or looked at; and frames over Gradio's stream, echoed or looked at. Rates depend on the
machine; their ratios hardly do, and only they are written down.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.applications import Starlette

from app.live import Live, to_message
from app.models import Arms, Model
from app.watcher import LOOKS, Seen, Sight, Watcher
from fersys.results import Image, to_prediction

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SECONDS, ROUNDS = 3.0, 10
WAYS = ("socket_echo", "socket_live", "gradio_echo", "gradio_live")
_ASSETS = Path(__file__).parents[1] / "assets"
# Updates a second, counted and timed inside the page: from one update to another.
_MEASURE = """async (milliseconds) => {
    const count = () => %s, begin = performance.now(), from = count();
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    return 1000 * (%s - from) / (performance.now() - begin);
}"""


_PAGE_OF_RATIOS = """# The live view's transport

Updates a second in headless Chromium with a made camera (one face, 640×480), as ratios: medians of {rounds} rounds in
which all ways take turns. `python -m app.bench` makes this file.

| ratio | |
|---|---|
| our socket, faces found and both models asked ÷ the same socket, echoing | {live_of_echo} |
| Gradio's stream with the same work ÷ Gradio's stream, echoing | {gradio_live_of_gradio_echo} |
| Gradio's stream ÷ our socket, both echoing | {gradio_echo_of_socket_echo} |
| Gradio's stream ÷ our socket, both with the work | {gradio_live_of_socket_live} |

Faces are looked for, and models asked, at most {looks} times a second; in the frames between, boxes are carried on. Over
our socket an answer does not wait for a look that takes long.
Gradio's stream runs with `stream_every=0.05`. On an idle machine nothing can be faster than the camera, which gives 30
frames a second, nor Gradio's stream than its 20; on a busy one the ways fall behind by different amounts.
"""


@dataclass(frozen=True)
class Rates:
    """Updates a second, a number a round, by way."""

    rounds: dict[str, list[float]]

    def ratio(self, way: str, to: str) -> float:
        """Return the median over the rounds of one way's rate ÷ another's in the same round."""
        return median(one / other for one, other in zip(self.rounds[way], self.rounds[to], strict=True))


def report(rates: Rates) -> dict[str, Any]:
    """Return what is written down: ratios alone, and what they were measured with."""
    ratios = {
        "live_of_echo": rates.ratio("socket_live", "socket_echo"),
        "gradio_live_of_gradio_echo": rates.ratio("gradio_live", "gradio_echo"),
        "gradio_echo_of_socket_echo": rates.ratio("gradio_echo", "socket_echo"),
        "gradio_live_of_socket_live": rates.ratio("gradio_live", "socket_live"),
    }
    return {
        "format": 1,
        "rounds": len(rates.rounds["socket_echo"]),
        "looks_a_second": LOOKS,
        "ratios": {name: round(value, 3) for name, value in ratios.items()},
    }


def as_markdown(report: dict[str, Any]) -> str:
    """Return the report as a page."""
    of = {name: f"{value:.2f}" for name, value in report["ratios"].items()}
    return _PAGE_OF_RATIOS.format(rounds=report["rounds"], looks=report["looks_a_second"], **of)


def measure(browser: "Browser", arms: Arms, seconds: float = SECONDS, rounds: int = ROUNDS) -> Rates:
    """Let the ways take turns in a browser that has a camera."""
    with socket_pages(arms) as addresses, gradio_pages(arms) as streams:
        taken = [
            {way: rate_of_socket(browser, address, seconds) for way, address in addresses.items()}
            | {way: rate_of_gradio(browser, address, seconds) for way, address in streams.items()}
            for _ in range(rounds)
        ]
    return Rates({way: [turn[way] for turn in taken] for way in WAYS})


class Echo(Watcher):
    """Answers like a watcher that sees one face, without looking."""

    def __init__(self, models: Sequence[Model]) -> None:
        super().__init__(models)
        said = tuple(to_prediction(model.name, [1 / 7] * 7) for model in models)
        self._sight = Sight((Seen(1, (0.3, 0.3, 0.3, 0.4), True, said),))

    def due(self, now: float) -> bool:
        """Never."""
        return False

    def sight(self, now: float) -> Sight:
        """The same, always."""
        return self._sight


_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>bench</title><body><style>{style}</style>{view}<script>{script}</script>"""


@contextmanager
def socket_pages(arms: Arms) -> Iterator[dict[str, str]]:
    """Serve the live view alone, once answered for real and once echoed: addresses by way."""
    with _serving(Live(arms, watcher=Echo), arms) as echoed, _serving(Live(arms), arms) as real:
        yield {"socket_echo": echoed, "socket_live": real}


@contextmanager
def _serving(live: Live, arms: Arms) -> Iterator[str]:
    import uvicorn
    from starlette.responses import HTMLResponse
    from starlette.routing import Route

    content = _live_page(arms)

    async def page(_: object) -> HTMLResponse:
        return HTMLResponse(content)

    server = uvicorn.Server(uvicorn.Config(Starlette(routes=[Route("/", page), live.route()]), port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.05)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def _live_page(arms: Arms) -> str:
    from app.tabs.webcam import view

    style, *scripts = ((_ASSETS / name).read_text(encoding="utf-8") for name in ("webcam.css", "feed.js", "webcam.js"))
    return _PAGE.format(style=style, view=view(arms, "page.privacy_local", "en"), script="".join(scripts))


@contextmanager
def gradio_pages(arms: Arms) -> Iterator[dict[str, str]]:
    """Serve a page with Gradio's stream for each way: addresses by way."""
    with _streaming(Echo(arms.pick())) as echoed, _streaming(Watcher(arms.pick(), read=_as_is)) as real:
        yield {"gradio_echo": echoed, "gradio_live": real}


def _as_is(frame: Any) -> Image:
    """Gradio has decoded it already."""
    return np.asarray(frame, np.uint8)


@contextmanager
def _streaming(watcher: Watcher) -> Iterator[str]:
    import gradio as gr

    count = 0

    def answer(frame: Any) -> str:
        nonlocal count
        count += 1
        return f"{count}: {to_message(watcher.watch(frame, time.monotonic()))}"

    camera = gr.WebcamOptions(constraints={"video": {"width": {"ideal": 640}, "height": {"ideal": 480}}})
    with gr.Blocks(analytics_enabled=False) as demo:
        frames, said = gr.Image(sources=["webcam"], streaming=True, webcam_options=camera), gr.Textbox(elem_id="said")
        frames.stream(answer, frames, said, stream_every=0.05, time_limit=60, concurrency_limit=4)
    demo.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False)
    try:
        yield demo.local_url
    finally:
        demo.close(verbose=False)


def rate_of_socket(browser: "Browser", address: str, seconds: float) -> float:
    """Return the updates a second that the live view shows."""
    return _rate(browser, address, seconds, _open_live, "window.fersysWebcam.updates")


def rate_of_gradio(browser: "Browser", address: str, seconds: float) -> float:
    """Return the updates a second that a page with Gradio's stream shows."""
    return _rate(browser, address, seconds, _open_stream, "parseInt(document.querySelector('#said textarea').value || '0')")


def _rate(browser: "Browser", address: str, seconds: float, begin: Callable[["Page"], None], count: str) -> float:
    page = browser.new_page()
    try:
        page.goto(address)
        begin(page)
        page.wait_for_function(f"{count} > 10", timeout=60_000)
        measured = page.evaluate(_MEASURE % (count, "count()"), 1000 * seconds)
        return float(measured)
    finally:
        page.close()


def _open_live(page: "Page") -> None:
    page.click("[data-for=intro] [data-do=start]")


def _open_stream(page: "Page") -> None:
    page.get_by_role("button", name="webcam").first.click()
    page.wait_for_function("document.querySelector('video')?.videoWidth > 0")
    page.click("button[aria-label='capture photo']")
