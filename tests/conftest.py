"""What tests share: real data and media where they are, a browser, and the one face that may be shown.

`FERSYS_DATA` and `FERSYS_MEDIA` name the folders of FER2013 and of the trial photos and videos.
"""

import os

# Before any library is imported: no test asks the network.
os.environ.update(
    {
        "GRADIO_ANALYTICS_ENABLED": "False",
        "HF_DATASETS_OFFLINE": "1",
        "HF_EVALUATE_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "ORT_DISABLE_TELEMETRY": "1",
        "HF_HUB_OFFLINE": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
)

import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session", autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What the app keeps from run to run (the CAPTCHA's sites and keys) lies in a folder of the tests' own, also for the processes they start."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="session")
def fer2013_source() -> str:
    """Absolute path of the FER2013 on this machine."""
    return str(_existing("FERSYS_DATA", "FER2013"))


@pytest.fixture(scope="session")
def media() -> Path:
    """Folder with the trial photos and videos. They show people: nothing of it is published."""
    return _existing("FERSYS_MEDIA", "the trial photos and videos")


def _existing(variable: str, what: str) -> Path:
    value = os.environ.get(variable, "")
    path = Path(value).expanduser()
    if not value or not path.exists():
        pytest.skip(f"{variable} names no folder with {what} on this machine. Received: {value or 'nothing'}")
    return path.resolve()


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Path of a Chromium: on the PATH, else Playwright's own."""
    found = next(filter(None, map(shutil.which, _BROWSERS)), None) or _playwright_chromium()
    if found is None:
        pytest.skip(f"No browser: expected {', '.join(_BROWSERS)} on the PATH, or `playwright install chromium`")
    return found


def _playwright_chromium() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).is_file() else None


@pytest.fixture(scope="session")
def _astronaut() -> npt.NDArray[np.uint8]:
    from skimage import data

    return np.asarray(data.astronaut(), dtype=np.uint8)


@pytest.fixture
def astronaut(_astronaut: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """RGB uint8 (512, 512, 3), public domain: one smiling face. A fresh copy for each test."""
    return _astronaut.copy()
