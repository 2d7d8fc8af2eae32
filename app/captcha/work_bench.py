"""What a puzzle costs: natively, as whoever writes a bot would solve it, and in a browser, as a person's device does.

The puzzle that is timed is the median one: half of the puzzles take fewer tries, none takes more than twice as many.
The browser runs the widget's own scripts against a small server of this process, and tells it what it took.
"""

import hashlib
import json
import os
import queue
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import altcha
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from app.captcha.refusals import CaptchaError
from app.captcha.settings import Settings
from app.captcha.widget import asset_routes
from app.captcha.work import ALGORITHM

_PATIENCE = 600.0  # seconds for a browser
_HOUR = 3600.0
_PAGE = """<!doctype html><script type="module">
import { solve } from "/captcha/assets/work.js";
const parameters = %s, seconds = [];
for (let left = %d; left; left -= 1) {
  const begun = performance.now();
  await solve(parameters, { tries: %d, signal: new AbortController().signal, onProgress() {} });
  seconds.push((performance.now() - begun) / 1000);
}
await fetch("/told", { method: "POST", body: JSON.stringify({ seconds, cores: navigator.hardwareConcurrency }) });
</script>"""


@dataclass(frozen=True)
class Solved:
    """What the median puzzle took in a browser: seconds, each time; and how many cores it had."""

    seconds: tuple[float, ...]
    cores: int


def time_try(settings: Settings, count: int = 15) -> float:
    """Return the seconds of one core that one try takes natively, median of `count`."""
    return statistics.median(_time_once(settings.work_cost) for _ in range(count))


def _time_once(rounds: int) -> float:
    begun = time.thread_time()
    hashlib.pbkdf2_hmac("sha256", b"nonce and counter", b"salt of 16 bytes", rounds)
    return time.thread_time() - begun


def time_browser(settings: Settings, command: str, count: int = 3) -> Solved:
    """Solve the median puzzle `count` times in a browser without a window.

    Args:
        settings: of the service.
        command: starts a Chromium.
        count: how often.

    Raises:
        CaptchaError: if the browser does not start, or does not say how long it took.
    """
    told: queue.Queue[dict[str, Any]] = queue.Queue()
    with _serving(_build_app(settings, count, told)) as url, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        flags = ["--headless", "--disable-gpu", "--no-first-run", f"--user-data-dir={folder}", *(["--no-sandbox"] if _is_root() else [])]
        try:
            browser = subprocess.Popen([command, *flags, url], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except OSError as error:
            raise CaptchaError(f"Browser: expected the command of a Chromium. Received: {command} ({error.strerror})") from error
        try:
            said = told.get(timeout=_PATIENCE)
        except queue.Empty:
            raise CaptchaError(f"The browser did not solve its puzzles within {_PATIENCE:g} seconds.") from None
        finally:
            browser.terminate()
            browser.wait()
    return Solved(tuple(said["seconds"]), int(said["cores"]))


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _build_app(settings: Settings, count: int, told: "queue.Queue[dict[str, Any]]") -> Starlette:
    puzzle = altcha.create_challenge(ALGORITHM, settings.work_cost, counter=median_counter(settings))
    page = _PAGE % (json.dumps(puzzle.parameters.to_dict()), count, settings.work_tries)

    async def show(_: Request) -> Response:
        return HTMLResponse(page)

    async def hear(request: Request) -> Response:
        told.put(await request.json())
        return Response(status_code=204)

    return Starlette(routes=[Route("/", show), Route("/told", hear, methods=["POST"]), *asset_routes()])


@contextmanager
def _serving(app: Starlette) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            server.should_exit = server.force_exit = True
            thread.join()


def median_counter(settings: Settings) -> int:
    """Return the counter that solves the median puzzle: it takes so many tries, and one."""
    return (settings.work_tries - 1) // 2


def report(settings: Settings, try_seconds: float, solved: Solved | None, price: float) -> str:
    """Return what a puzzle costs, as text.

    Args:
        settings: of the service.
        try_seconds: of one core, for a try; see `time_try`.
        solved: see `time_browser`; None if no browser was asked.
        price: of a core for an hour, in dollars.
    """
    tries = median_counter(settings) + 1
    token = try_seconds * tries
    lines = [
        f"A puzzle: {tries:,} tries in the median, {settings.work_tries:,} at most, each of {settings.work_cost:,} rounds of {ALGORITHM}.",
        f"Natively, one core: {1000 * try_seconds:.2f} ms a try; {token:.1f} s a token in the median, {try_seconds * settings.work_tries:.1f} s at most.",
        f"A bot's price: {_HOUR / token:,.0f} tokens a core-hour; at ${price:g} a core-hour, ${1000 * price * token / _HOUR:.3f} a thousand tokens.",
    ]
    if solved is not None:
        times = ", ".join(f"{seconds:.1f}" for seconds in solved.seconds)
        lines.append(
            f"In Chromium, {solved.cores} cores: {statistics.median(solved.seconds):.1f} s for the median puzzle (n = {len(solved.seconds)}: {times})."
        )
    lines.append("Graphics cards derive such keys far cheaper than cores do; against them the rates hold, of addresses and of sites, not the work.")
    return "\n".join(lines)
