"""The staged Space is a folder that starts by itself, anywhere."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
import yaml  # type: ignore[import-untyped]
from playwright.sync_api import expect, sync_playwright

from fersys.errors import ConfigError, PackageError
from hub.inspection import inspect_package
from hub.local.serving import Hub
from hub.parcel import SPACE
from hub.pushing import Target, connect, push
from hub.staging import LAUNCHER, stage
from tests.local_hub import ROOT, client, environment, online_hub
from tests.made_pushable import make_pushable
from tests.served import free_port

_FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync")
_PATIENCE = 60_000  # milliseconds, for busy machines


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with online_hub(tmp_path / "hub") as running:
        monkeypatch.setattr("fersys.hub_client.endpoint", lambda: running.url)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("HF_TOKEN", running.token)
        yield running


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two small packages in place of the shipped ones."""
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(["fersys-cnn", "fersys-cnn-paper"]):
        make_pushable(tmp_path / "hub" / "models", name, seed=seed)
    return tmp_path / "hub" / "models"


def front_matter(folder: Path) -> dict[str, object]:
    about: dict[str, object] = yaml.safe_load((folder / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    return about


def words(folder: Path) -> str:
    return next(line for line in (folder / LAUNCHER).read_text(encoding="utf-8").splitlines() if line.startswith("WORDS"))


@pytest.mark.usefixtures("shipped")
def test_a_space_says_what_it_needs(tmp_path: Path) -> None:
    parcel = stage(tmp_path / "space")
    about = front_matter(tmp_path / "space")
    assert (about["sdk"], about["sdk_version"], about["python_version"]) == ("gradio", version("gradio"), "3.11")
    assert (about["app_file"], about["license"]) == (LAUNCHER, "apache-2.0")
    assert "models" not in about
    assert (tmp_path / "space" / "requirements.txt").read_bytes() == (ROOT / "requirements-app.txt").read_bytes()
    assert parcel.kind == SPACE
    assert not [name for name in parcel.files if "__pycache__" in name or name == "app.py"]


def test_the_shipped_models_are_copied_in_with_what_serving_reads(shipped: Path, tmp_path: Path) -> None:
    parcel = stage(tmp_path / "space")
    there = {name for name in parcel.files if name.startswith("hub/")}
    assert there == {
        f"hub/models/{name}/{file}" for name in ("fersys-cnn", "fersys-cnn-paper") for file in ("README.md", "fersys.json", "metrics.json", "model.onnx")
    }
    assert parcel.files["hub/models/fersys-cnn/model.onnx"].read_bytes() == (shipped / "fersys-cnn" / "model.onnx").read_bytes()
    assert "--cnn" not in words(tmp_path / "space")


def test_a_damaged_model_is_not_staged(shipped: Path, tmp_path: Path) -> None:
    (shipped / "fersys-cnn" / "model.onnx").write_bytes(b"other")
    with pytest.raises(PackageError, match=r"model\.onnx"):
        stage(tmp_path / "space")


@pytest.mark.usefixtures("shipped")
def test_staging_again_replaces_what_was_staged_and_nothing_else(tmp_path: Path) -> None:
    stage(tmp_path / "space")
    (tmp_path / "space" / "app" / "old.py").touch()
    assert "app/old.py" not in stage(tmp_path / "space").files
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").touch()
    with pytest.raises(ConfigError, match=r"staged before.*mine"):
        stage(tmp_path / "mine")
    assert (tmp_path / "mine" / "letter.txt").exists()


def test_a_model_of_a_hub_is_named_by_its_commit(hub: Hub, tmp_path: Path) -> None:
    commit = push(connect(), inspect_package(make_pushable(tmp_path)), Target("you/mine")).commit
    parcel = stage(tmp_path / "space", cnn=["you/mine@main"], deepface=["deepface"])
    about = front_matter(tmp_path / "space")
    assert about["models"] == ["you/mine"]
    (preloaded,) = about["preload_from_hub"]  # type: ignore[misc]  # a list
    repository, files, revision = preloaded.split(" ")  # type: ignore[has-type]
    assert (repository, revision) == ("you/mine", commit)
    assert {"fersys.json", "model.onnx"} <= set(files.split(",")) <= set(client(hub).list_repo_files("you/mine"))
    assert f'"--cnn", "you/mine@{commit}", "--deepface", "deepface"' in words(tmp_path / "space")
    assert not [name for name in parcel.files if name.startswith("hub/")]


@pytest.mark.usefixtures("shipped")
def test_shipped_models_of_a_column_that_others_were_named_for_stay_here(tmp_path: Path) -> None:
    parcel = stage(tmp_path / "space", cnn=[str(make_pushable(tmp_path, "mine"))])
    assert {name.split("/")[2] for name in parcel.files if name.startswith("hub/")} == {"mine"}
    assert '"--cnn", "hub/models/mine"]' in words(tmp_path / "space")


@pytest.mark.usefixtures("shipped")
def test_a_staged_space_is_pushed_as_a_space(hub: Hub, tmp_path: Path) -> None:
    parcel = stage(tmp_path / "space")
    done = push(connect(), parcel, Target("you/demo"))
    assert client(hub).space_info("you/demo").sha == done.commit
    assert set(client(hub).list_repo_files("you/demo", repo_type="space")) - {".gitattributes"} == set(parcel.files)
    assert not push(connect(), parcel, Target("you/demo")).is_new


@contextmanager
def started(folder: Path, hub: Hub, home: Path) -> Iterator[str]:
    """Start a staged folder in a process that knows nothing of the checkout; yields its address."""
    outside = {name: value for name, value in environment(hub.url, home).items() if name != "PYTHONPATH"}
    port = free_port()
    command = [sys.executable, LAUNCHER, "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, cwd=folder, env=outside, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        watchdog = threading.Timer(_PATIENCE / 1000, process.kill)
        watchdog.start()
        lines: list[str] = []
        try:
            for line in process.stdout or ():
                lines.append(line)
                if "is ready on" in line:
                    break
            assert "is ready on" in lines[-1], "".join(lines)
            watchdog.cancel()
            yield f"http://127.0.0.1:{port}"
        finally:
            watchdog.cancel()
            process.terminate()


def test_a_staged_space_uses_its_own_code_alone(shipped: Path, tmp_path: Path) -> None:
    stage(tmp_path / "space")
    code = "import fersys, app, fersys.shipped; print(fersys.__file__, app.__file__, fersys.shipped.shipped_folder())"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "space", capture_output=True, text=True, check=True)
    assert all(Path(path).is_relative_to(tmp_path / "space") for path in done.stdout.split())
    assert shipped.is_dir()


def test_a_staged_space_starts_and_answers_in_a_browser(hub: Hub, tmp_path: Path, chromium_path: str, astronaut: npt.NDArray[np.uint8]) -> None:
    push(connect(), inspect_package(make_pushable(tmp_path / "a", "pulled")), Target("you/pulled"))
    local = make_pushable(tmp_path / "b", "copied", seed=1)
    stage(tmp_path / "space", cnn=[str(local)], deepface=["you/pulled"])
    PIL.Image.fromarray(astronaut).save(tmp_path / "photo.png")
    with started(tmp_path / "space", hub, tmp_path / "home") as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=list(_FLAGS))
        page = browser.new_page()
        page.goto(url)
        page.set_input_files("#fersys-upload input[type=file]", tmp_path / "photo.png", timeout=_PATIENCE)
        answer = page.locator(".fersys-faces")
        expect(answer).to_contain_text("One face found", timeout=_PATIENCE)
        said = answer.inner_text()
        browser.close()
    assert "copied" in said
    assert "pulled" in said
