"""The commands of `fersys` that know hubs, as a user types them."""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest

from fersys.package import SERVING_FILE
from tests.faulty_hub import Fault, faulty
from tests.local_hub import environment
from tests.pulling import NAME, Pushed, nowhere, pushed
from tests.whole_package import content, flip, make_whole


@dataclass(frozen=True)
class Shell:
    """A terminal of a user with a token, in a folder of its own."""

    at_hub: Pushed
    folder: Path

    def run(self, *words: str | Path, **variables: str) -> "subprocess.CompletedProcess[str]":
        environ = environment(self.at_hub.hub.url, self.folder.parent / "home", self.at_hub.hub.token) | variables
        command = [sys.executable, "-m", "fersys", *map(str, words)]
        return subprocess.run(command, cwd=self.folder, env=environ, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    (tmp_path / "folder").mkdir()
    with pushed(tmp_path) as there:
        yield Shell(there, tmp_path / "folder")


def test_pull_prints_commit_and_folder_and_no_bars_into_pipes(shell: Shell) -> None:
    done = shell.run("pull", NAME)
    assert (done.returncode, done.stderr) == (0, "")
    commit, folder = done.stdout.splitlines()
    assert commit == f"{NAME}@{shell.at_hub.commit}"
    assert content(Path(folder)) == content(shell.at_hub.package)
    copied = shell.run("pull", f"{NAME}@v1", "--to", "copy")
    assert copied.stdout.splitlines() == [commit, "copy"]
    assert content(shell.folder / "copy") == content(shell.at_hub.package)
    dead = shell.run("pull", NAME, HF_ENDPOINT=nowhere())
    assert dead.stdout == done.stdout
    assert dead.stderr.startswith("warning: http")
    assert shell.at_hub.commit in shell.run("models").stdout


@pytest.mark.parametrize(
    "words", [["pull", "you/none"], ["pull", "name"], ["pull", f"{NAME}@v9"], ["verify", "you/none"], ["predict", "x", "--model", "you/none"]]
)
def test_what_cannot_be_had_is_one_line(shell: Shell, words: list[str]) -> None:
    done = shell.run(*words)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("error: ")
    assert shell.at_hub.hub.token not in done.stderr


def test_verify_names_every_file_or_the_first_bad_one(shell: Shell, tmp_path: Path) -> None:
    done = shell.run("verify", NAME)
    assert (done.returncode, done.stderr) == (0, f"{NAME}: commit {shell.at_hub.commit}\n")
    assert f"{SERVING_FILE}: OK\n" in done.stdout
    bad = flip(make_whole(tmp_path, "bad") / SERVING_FILE).parent
    refused = shell.run("verify", bad)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert f"{SERVING_FILE} was changed" in refused.stderr
    assert refused.stdout.splitlines()[-1] == "model.keras: OK"
    shell.at_hub.push(bad)
    assert f"is refused: {SERVING_FILE} was damaged or tampered with" in shell.run("verify", NAME).stderr


def test_a_model_of_a_hub_answers_and_its_commit_is_said(shell: Shell, astronaut: npt.NDArray[np.uint8]) -> None:
    PIL.Image.fromarray(astronaut).save(shell.folder / "photo.png")
    done = shell.run("predict", "photo.png", "--csv", "--model", f"{NAME}@v1")
    assert (done.returncode, done.stderr) == (0, f"{NAME}: commit {shell.at_hub.commit}\n")
    assert ",tiny," in done.stdout
    scored = shell.run("score", "photo.png", "--out", "out.csv", "--model", NAME)
    assert scored.returncode == 0, scored.stderr


@pytest.mark.parametrize("name", ["fersys.json", "model.weights.h5"])
def test_a_pull_that_was_killed_is_taken_up_again(shell: Shell, name: str) -> None:
    home = shell.folder.parent / "home"
    with faulty(shell.at_hub.hub.url, Fault("slow", on=f"GET /{NAME}/resolve/{shell.at_hub.commit}/{name}", times=None)) as line:
        process = subprocess.Popen([sys.executable, "-m", "fersys", "pull", NAME], env=environment(line.url, home, shell.at_hub.hub.token))
        while line.count(f"/{name}") < 2 and process.poll() is None:  # HEAD, then GET
            time.sleep(0.01)
        process.kill()
        process.wait()
    offline = shell.run("pull", NAME, HF_HUB_OFFLINE="1")
    assert (offline.returncode, offline.stdout, offline.stderr.count("\n")) == (1, "", 1)
    done = shell.run("pull", NAME)
    assert done.returncode == 0, done.stderr
    assert content(Path(done.stdout.splitlines()[1])) == content(shell.at_hub.package)


@pytest.mark.parametrize("words", [["verify", "~nosuchuser/x"], ["pull", NAME, "--to", "~nosuchuser/x"]])
def test_a_home_that_nobody_has_is_one_line(shell: Shell, words: list[str]) -> None:
    done = shell.run(*words)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.endswith("Received: ~nosuchuser/x\n")
