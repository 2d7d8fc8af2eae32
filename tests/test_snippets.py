"""The code that the page shows for programs does what it says, against the page."""

import html
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest

from app.models import load_arms
from app.page import Page
from app.tabs.about import programs
from tests.served import Served, serve
from tests.tiny_package import make_package


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("served")) as page:
        yield page


@pytest.fixture
def folder(tmp_path: Path, astronaut: npt.NDArray[np.uint8]) -> Path:
    """A reader's folder, with a photo in it."""
    PIL.Image.fromarray(astronaut).save(tmp_path / "photo.jpg")
    return tmp_path


def shown(served: Served, folder: Path, *, mcp: bool = False) -> dict[str, str]:
    """Everything that the About tab offers for copying, by name."""
    arms = load_arms([make_package(folder / "models", "tiny")], [make_package(folder / "models", "other")])
    page = programs(Page(arms, url=served.url, mcp=mcp), "en")
    return {name: html.unescape(code) for name, code in re.findall(r'data-snippet="(\w+)".*?<code>(.*?)</code>', page, re.DOTALL)}


def run(words: list[str], folder: Path) -> str:
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_program_prints_each_face_and_what_both_sides_say(served: Served, folder: Path) -> None:
    printed = run([sys.executable, "-c", shown(served, folder)["python"]], folder)
    assert re.search(r"\[\d+, \d+, \d+, \d+\] \w+ 0\.\d+", printed)
    assert "'agree': " in printed
    assert served.files() == []


@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("sh") is None, reason="needs curl and sh")
def test_the_lines_for_a_shell_print_the_answer(served: Served, folder: Path) -> None:
    printed = run(["sh", "-ec", shown(served, folder)["shell"]], folder)
    event, data = printed.strip().splitlines()[-2:]
    assert event == "event: complete"
    assert len(json.loads(data.removeprefix("data: "))[0]["faces"]) == 1


def test_tools_are_offered_only_where_they_are(served: Served, folder: Path) -> None:
    assert "mcp" not in shown(served, folder)
    settings = json.loads(shown(served, folder / "again", mcp=True)["mcp"])
    assert settings["mcpServers"]["fersys"]["url"] == f"{served.url}/gradio_api/mcp/"
