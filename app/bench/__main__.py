"""`python -m app.bench`: measures the live view's transport and writes reports/stream.json and reports/stream.md."""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from app.bench.camera import browser_flags, write_clip
from app.bench.transports import ROUNDS, SECONDS, Rates, as_markdown, measure, report
from app.models import load_arms
from fersys.command import run_command
from fersys.errors import ConfigError

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def main(words: Sequence[str] | None = None) -> int:
    """Measure and write; an error of ours becomes one line and exit code 1."""
    parser = argparse.ArgumentParser(prog="python -m app.bench", description="Measure how many updates a second the live view gets in a headless browser.")
    parser.add_argument("--out", type=Path, default=Path("reports"), help="folder of stream.json and stream.md (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="rounds in which all ways take turns (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each measurement (default: %(default)s)")
    arguments = parser.parse_args(words)
    return run_command(lambda: _bench(arguments), debug=False, stopped="stopped: nothing was written")


def _bench(arguments: argparse.Namespace) -> int:
    rates = _measure(arguments.seconds, arguments.rounds)
    said = report(rates)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "stream.json").write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    (arguments.out / "stream.md").write_text(as_markdown(said), encoding="utf-8")
    for way, rounds in rates.rounds.items():
        print(f"{way:<12} {' '.join(f'{rate:5.1f}' for rate in rounds)}  updates a second")
    return 0


def _measure(seconds: float, rounds: int) -> Rates:
    try:
        from playwright.sync_api import sync_playwright
        from skimage import data
    except ImportError as error:
        raise ConfigError(f"A package is missing: expected those of requirements-dev.txt. Received: no {error.name}") from error
    browser_path = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser_path is None:
        raise ConfigError(f"No browser: expected one of {', '.join(_BROWSERS)}. Received: none")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        clip = write_clip(data.astronaut(), Path(folder) / "camera.mjpeg")
        browser = playwright.chromium.launch(executable_path=browser_path, args=browser_flags(clip))
        return measure(browser, load_arms(), seconds, rounds)


if __name__ == "__main__":
    sys.exit(main())
