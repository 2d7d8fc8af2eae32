"""One training from settings to package, on made images."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import train.data
import train.training
from fersys.errors import ConfigError
from fersys.package import HISTORY_FILE, MODEL_FILES, RUN_FILE, SERVING_FILE, check_package, load
from tests.made_data import records, write_parquet
from tests.made_run import NAME, SETTINGS, made_data, trained_run
from train.__main__ import main
from train.calibrate import TAUS, calibrate_package
from train.config import FitConfig
from train.data import Split, load_fer2013
from train.fit import CHECKPOINT
from train.runs import read_run
from train.training import train as train_run


@pytest.fixture
def run(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_run(tmp_path_factory, tmp_path)


def test_run_folder_is_a_package_that_passes_the_check(run: Path) -> None:
    config = check_package(run)
    assert config.name == NAME
    assert set(config.files) == {*MODEL_FILES, HISTORY_FILE, RUN_FILE}
    answers = load(run).predict([np.zeros((90, 90, 3), np.uint8)])
    assert answers.sum() == pytest.approx(1, abs=1e-5)


def test_run_holds_what_is_needed_to_repeat_it(run: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    facts = read_run(run)
    assert facts["config"] == vars(SETTINGS)
    assert facts["data_fingerprint"] == made_data(tmp_path_factory).fingerprint
    assert facts["tau"] in TAUS
    assert {"versions", "git_revision", "removed"} <= set(facts)


def test_same_command_again_leaves_a_finished_and_calibrated_package_alone(run: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    calibrate_package(run, made_data(tmp_path_factory))
    before = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    train_run(run, SETTINGS, made_data(tmp_path_factory))
    assert {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()} == before


def test_same_command_again_exports_a_package_that_was_lost(run: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    crops = list(np.random.default_rng(0).integers(0, 256, (8, 48, 48, 3), dtype=np.uint8))
    answers, history = load(run).predict(crops), (run / HISTORY_FILE).read_text()
    (run / SERVING_FILE).unlink()
    train_run(run, SETTINGS, made_data(tmp_path_factory))
    assert (run / HISTORY_FILE).read_text() == history
    np.testing.assert_allclose(load(run).predict(crops), answers, atol=1e-5)


@pytest.mark.parametrize("wrong", [{"architecture": "pape"}, {"architecture": "deepface", "window": 40}])
def test_wrong_network_is_refused_before_the_name_is_taken(wrong: dict[str, Any], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(ConfigError, match="Received"):
        train_run(tmp_path / "run", replace(SETTINGS, **wrong), made_data(tmp_path_factory))
    assert not (tmp_path / "run").exists()


def test_missing_expression_is_found_before_a_training_that_is_to_lift_rare_ones(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(ConfigError, match="every expression"):
        train_run(tmp_path / "run", replace(SETTINGS, limit=3), made_data(tmp_path_factory))
    assert not (tmp_path / "run").exists()


def test_other_settings_or_data_are_refused_and_leave_the_package_alone(run: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    data = made_data(tmp_path_factory)
    with pytest.raises(ConfigError, match=r"other settings.*Received: epochs=3"):
        train_run(run, replace(SETTINGS, epochs=3), data)
    with pytest.raises(ConfigError, match="other data"):
        train_run(run, SETTINGS, replace(data, fingerprint="0" * 64))
    check_package(run)


def test_equalised_training_is_refused_as_it_is_not_served(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(ConfigError, match=r"equalize: expected no.*Received: yes$"):
        train_run(tmp_path / "run", replace(SETTINGS, equalize=True), made_data(tmp_path_factory))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("clean", "limit", "count"), [(True, 0, "fit"), (False, 0, "train"), (True, 20, "fit")])
def test_fits_on_the_cleaned_split_unless_told_otherwise(
    clean: bool, limit: int, count: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def fake(folder: Path, _config: FitConfig, fit_split: Split, validation: Split) -> None:
        (folder / CHECKPOINT).touch()
        seen.append((fit_split, validation))

    monkeypatch.setattr(train.training, "fit", fake)
    monkeypatch.setattr(train.training, "export", lambda *_: None)
    data = made_data(tmp_path_factory)
    data = replace(data, splits=data.splits | {"fit": data.splits["train"] & (np.arange(len(data.records.labels)) % 2 == 0)})
    train_run(tmp_path_factory.mktemp("seen") / "run", replace(SETTINGS, clean=clean, limit=limit, adjust=False), data)
    ((fit_split, validation),) = seen
    np.testing.assert_array_equal(fit_split.images, data.split(count, limit or None).images)
    np.testing.assert_array_equal(validation.images, data.split("validation", limit or None).images)


def test_smoke_recipe_trains_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What CI trains: on real images where they are, else on made ones."""
    import os

    source = os.environ.get("FERSYS_DATA", "")
    if not Path(source).exists() or not source:  # it may be the id of a data set on the hub
        source = str(write_parquet(tmp_path / "source", records(train=140, validation=28, test=28)))
        monkeypatch.setattr(train.data, "load_fer2013", lambda path, splits, seed: load_fer2013(path, splits, seed, strict=False))
    assert main(["fit", "--recipe", "smoke", "--name", "ci", "--runs", str(tmp_path), "--data", source]) == 0
    assert "python -m train evaluate" in capsys.readouterr().out
    check_package(tmp_path / "ci")
    assert json.loads((tmp_path / "ci" / RUN_FILE).read_text())["config"]["limit"] == 512
