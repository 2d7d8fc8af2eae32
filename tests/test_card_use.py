"""What a card tells people to type works: its blocks of code are run as they stand, against a hub on loopback."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fersys
from fersys.calibration import apply_temperature
from fersys.config import read_config
from fersys.labels import EMOTIONS
from fersys.preprocess import to_model_input
from hub.local.serving import Hub
from model_card.example import SOURCE, Example, read_example
from tests.local_hub import client, environment, online_hub

ROOT = Path(__file__).parent.parent
SHIPPED = ROOT / "hub" / "models"
RUNNABLE = ("fersys-cnn", "fersys-deepface")  # where dlib is not installed


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub on which "you" has published the shipped packages."""
    with online_hub(tmp_path_factory.mktemp("hub")) as hub:
        for name in (*RUNNABLE, "deepface-head"):
            if not (SHIPPED / name).is_dir():
                pytest.skip(f"{name} is not shipped")
            client(hub).create_repo(f"you/{name}")
            client(hub).upload_folder(repo_id=f"you/{name}", folder_path=SHIPPED / name, ignore_patterns="figures/*_*")
        yield hub


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with the files that the blocks speak of: a photo, a face cut out of it, embeddings."""
    shutil.copy(SOURCE, tmp_path / "photo.jpg")
    Image.fromarray(to_model_input(face())[:, :, 0]).save(tmp_path / "face.png")
    np.save(tmp_path / "embeddings.npy", np.random.default_rng(0).normal(0, 0.1, (2, 128)).astype(np.float32))
    return tmp_path


def face() -> fersys.results.Image:
    return fersys.detect(fersys.read_image(SOURCE))[0].crop


def blocks(name: str, language: str) -> list[str]:
    card = (SHIPPED / name / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", card, re.DOTALL)


def block(name: str, language: str, word: str) -> str:
    """The one block of a card that holds a word."""
    (found,) = [code for code in blocks(name, language) if word in code]
    return found


def example(name: str) -> Example:
    said = read_example(SHIPPED / name, read_config(SHIPPED / name))
    assert said is not None
    return said


def run(command: list[str], desk: Path, hub: Hub) -> str:
    """Run a program at the desk, whose caches and home begin empty."""
    home = {"DEEPFACE_HOME": str(desk / "deepface"), "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))}
    settings = environment(hub.url, desk / "cache") | home
    done = subprocess.run(command, cwd=desk, env=settings, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("name", RUNNABLE)
def test_python_lines_pull_the_model_and_name_the_expression(name: str, published: Hub, desk: Path) -> None:
    printed = run([sys.executable, "-c", block(name, "python", "import fersys")], desk, published)
    said = example(name)
    assert re.fullmatch(rf"\(\d+, \d+, \d+, \d+\) {said.verdict} {said.ranked[0][1]:.0%}\n", printed)


@pytest.mark.parametrize("name", RUNNABLE)
def test_python_lines_take_the_folder_they_name(name: str, published: Hub, desk: Path) -> None:
    code = block(name, "python", "import fersys")
    reference, folder = re.findall(r'"((?:you|hub)/[^"]+)"', code)
    shutil.copytree(SHIPPED / name, desk / folder)
    assert example(name).verdict in run([sys.executable, "-c", code.replace(reference, folder)], desk, published)


@pytest.mark.parametrize("name", RUNNABLE)
def test_commands_answer_from_the_hub_and_from_what_was_pulled(name: str, published: Hub, desk: Path) -> None:
    lines = block(name, "sh", "fersys predict").splitlines()
    printed = [run([sys.executable, "-m", *shlex.split(line)], desk, published) for line in lines]
    assert example(name).verdict in printed[0]
    scores = json.loads(printed[2])
    assert example(name).verdict in str(scores)
    assert (desk / name / "fersys.json").read_bytes() == (SHIPPED / name / "fersys.json").read_bytes()


def keras_scores(name: str, desk: Path, hub: Hub) -> list[dict[str, float]]:
    pytest.importorskip("keras")
    printed = run([sys.executable, "-c", block(name, "python", "import keras")], desk, hub)
    return [json.loads(line.replace("'", '"')) for line in printed.splitlines() if line.startswith("{")]


def test_keras_alone_gives_the_same_answer_before_the_temperature(published: Hub, desk: Path) -> None:
    (scores,) = keras_scores("fersys-cnn", desk, published)
    temperature = read_config(SHIPPED / "fersys-cnn").temperature
    calibrated = apply_temperature(np.array([[scores[name] for name in EMOTIONS]], np.float32), temperature)[0]
    assert dict(zip(EMOTIONS, calibrated.tolist(), strict=True)) == pytest.approx(example("fersys-cnn").scores, abs=2e-3)


def test_keras_alone_runs_the_head_on_embeddings(published: Hub, desk: Path) -> None:
    scores = keras_scores("deepface-head", desk, published)
    assert [sum(row.values()) for row in scores] == pytest.approx([1, 1], abs=1e-4)
    assert all(tuple(row) == EMOTIONS for row in scores)


def test_deepface_itself_takes_the_file(published: Hub, desk: Path) -> None:
    if shutil.which("bash") is None:
        pytest.skip("no bash: the lines are for a POSIX shell")
    pull = next(line for line in block("fersys-deepface", "sh", "fersys pull").splitlines() if "pull" in line)
    run([sys.executable, "-m", *shlex.split(pull)], desk, published)
    printed = run(["bash", "-e", "-c", block("fersys-deepface", "sh", "DEEPFACE_HOME")], desk, published)
    assert re.search(r"'dominant_emotion': '(\w+)'", printed)
    assert f"'dominant_emotion': '{example('fersys-deepface').verdict}'" in printed
