"""Run folders."""

import json
import re
import subprocess
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from fersys.errors import ConfigError
from fersys.package import RUN_FILE
from tests.made_data import records, write_parquet
from train.config import FitConfig
from train.data import Fer2013, load_fer2013
from train.runs import git_revision, open_run, read_run


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Fer2013:
    return load_fer2013(str(write_parquet(tmp_path_factory.mktemp("fer2013"), records())), strict=False)


def test_a_new_run_writes_what_is_needed_to_repeat_it(tmp_path: Path, data: Fer2013) -> None:
    folder = tmp_path / "runs" / "first"
    run = open_run(folder, FitConfig(seed=3), data)
    assert json.loads((folder / RUN_FILE).read_text()) == run == read_run(folder)
    assert run["config"] == asdict(FitConfig(seed=3))
    assert run["data_fingerprint"] == data.fingerprint
    assert run["removed"] == data.removed
    assert {"python", "tensorflow", "keras", "numpy"} <= set(run["versions"])
    assert re.fullmatch(r"[0-9a-f]{40}\+?|unknown", run["git_revision"])


def test_a_run_is_opened_again_with_the_same_settings_and_data(tmp_path: Path, data: Fer2013) -> None:
    first = open_run(tmp_path, FitConfig(), data)
    before = (tmp_path / RUN_FILE).read_bytes()
    assert open_run(tmp_path, FitConfig(), data) == first
    assert (tmp_path / RUN_FILE).read_bytes() == before


def test_other_settings_are_refused_by_name(tmp_path: Path, data: Fer2013) -> None:
    open_run(tmp_path, FitConfig(), data)
    with pytest.raises(ConfigError, match=r"choose another --name. Received: epochs=3, seed=9$"):
        open_run(tmp_path, FitConfig(epochs=3, seed=9), data)


def test_other_data_are_refused(tmp_path: Path, data: Fer2013) -> None:
    open_run(tmp_path, FitConfig(), data)
    with pytest.raises(ConfigError, match=f"expected fingerprint {data.fingerprint}. Received: other"):
        open_run(tmp_path, FitConfig(), replace(data, fingerprint="other"))


def test_a_folder_without_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=RUN_FILE):
        read_run(tmp_path)


def test_git_revision_is_that_of_the_code() -> None:
    here = Path(__file__).parent
    found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=False)
    assert git_revision().rstrip("+") == (found.stdout.strip() or "unknown")


def test_outside_git_the_revision_is_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("train.runs.__file__", str(tmp_path / "runs.py"))
    assert git_revision() == "unknown"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_revision() == "unknown"
