"""Trainings end as planned, whatever kills them on the way."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import keras
import numpy as np
import pytest

from fersys.package import HISTORY_FILE
from tests.made_data import records, split, write_parquet
from train import fit as training
from train.batches import Batches
from train.config import FitConfig
from train.data import Fer2013, load_fer2013
from train.fit import BEST, CHECKPOINT, fit, stale, time_left
from train.history import COLUMNS, read_history

# All that a checkpoint must hold: momentum, averaged weights, place in the schedule and in the random numbers.
CONFIG = FitConfig(
    epochs=5,
    batch_size=8,
    optimizer="sgd",
    learning_rate=0.03,
    schedule="cosine",
    warmup=0.1,
    weight_decay=1e-3,
    ema=0.8,
    clip=5.0,
    select="last",
    patience=0,
)
QUICK = FitConfig(epochs=3, batch_size=16, precision="float32", patience=0)

ROOT = Path(__file__).parents[1]
PROGRAM = """
import json, sys
from pathlib import Path
from train.config import FitConfig
from train.data import load_fer2013
from train.fit import fit
source, folder, settings = sys.argv[1:]
data = load_fer2013(source, strict=False)
network = fit(Path(folder), FitConfig(**json.loads(settings)), data.split("fit"), data.split("validation"))
network.save_weights(Path(folder) / "final.weights.h5")
"""


Whole = tuple[Path, keras.Model]


class KilledError(Exception):
    """Stands for a kill inside this process."""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_parquet(tmp_path_factory.mktemp("fer2013"), records(84, 21, 7))


@pytest.fixture(scope="module")
def data(source: Path) -> Fer2013:
    return load_fer2013(str(source), strict=False)


def train(folder: Path, config: FitConfig, data: Fer2013) -> keras.Model:
    folder.mkdir(exist_ok=True)
    return fit(folder, config, data.split("fit"), data.split("validation"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, data: Fer2013) -> Whole:
    """A training that nothing interrupted: its folder and its network."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, train(folder, CONFIG, data)


def assert_same_history(one: Path, other: Path) -> None:
    mine, others = read_history(one / HISTORY_FILE), read_history(other / HISTORY_FILE)
    assert len(mine) == len(others)
    for column in COLUMNS[:-1]:
        np.testing.assert_allclose([row[column] for row in mine], [row[column] for row in others], rtol=1e-5, atol=1e-6, err_msg=column)


def assert_same_weights(one: keras.Model, other: keras.Model) -> None:
    for mine, others in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(mine, others, rtol=1e-5, atol=1e-6)


def die_before_checkpoint(monkeypatch: pytest.MonkeyPatch, epoch: int) -> None:
    """Die at the end of the given epoch: its history is written, its checkpoint is not."""
    save, saved = training._save, []

    def dying(network: keras.Model, path: Path) -> None:
        saved.append(path.name)
        if saved.count(CHECKPOINT) == epoch:
            raise KilledError
        save(network, path)

    monkeypatch.setattr(training, "_save", dying)


# Learning


def test_a_network_learns(whole: Whole) -> None:
    rows = read_history(whole[0] / HISTORY_FILE)
    assert rows[-1]["loss"] < 0.5 * rows[0]["loss"]
    assert rows[-1]["accuracy"] > 0.8
    assert rows[-1]["val_accuracy"] > 0.8


def test_history_has_a_row_an_epoch_and_the_planned_rates(whole: Whole) -> None:
    rows = read_history(whole[0] / HISTORY_FILE)
    assert [row["epoch"] for row in rows] == list(range(1, CONFIG.epochs + 1))
    rates = [row["learning_rate"] for row in rows]
    assert rates == sorted(rates, reverse=True)
    assert 0.02 < rates[0] <= CONFIG.learning_rate
    assert rates[-1] == pytest.approx(0, abs=1e-6)


def test_history_and_tensorboard_logs_are_left_behind(whole: Whole) -> None:
    with (whole[0] / HISTORY_FILE).open() as file:
        assert tuple(next(csv.reader(file))) == COLUMNS
    assert list((whole[0] / "logs").rglob("events*"))
    assert not list(whole[0].glob("unfinished-*"))


def test_averaged_weights_are_those_that_validation_measured(whole: Whole, data: Fer2013) -> None:
    batches = Batches(data.split("fit"), data.split("validation"), CONFIG)
    loss = whole[1].evaluate(batches.validating(), verbose=0)[0]
    assert loss == pytest.approx(read_history(whole[0] / HISTORY_FILE)[-1]["val_loss"], rel=1e-3, abs=1e-5)


def test_precision_of_the_process_stays_as_it_was(whole: Whole) -> None:
    assert keras.config.dtype_policy().name == "float32"
    assert {weight.dtype for weight in whole[1].trainable_variables} == {"float32"}


def test_balanced_class_weights_lift_the_rare_class() -> None:
    many, config = split(70), replace(QUICK, epochs=1, class_weight="balanced")
    rare = np.concatenate([np.nonzero(many.labels != 1)[0], [1]])
    few = type(many)(many.images[rare], many.labels[rare], many.rows[rare], many.groups[rare])
    batches = Batches(few, split(7, 1), config)
    weights = training._class_weights(batches, config)
    assert weights is not None
    assert weights[1] == pytest.approx(10 * weights[0])
    assert np.mean([weights[label] for label in few.labels]) == pytest.approx(1)


# Kills


def killed_in_a_later_epoch(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    """Start the command and kill -9 it after the second epoch has its checkpoint."""
    with (folder / "output.txt").open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment, cwd=ROOT)
        while not whole_epochs(folder) >= 2:
            assert process.poll() is None, (folder / "output.txt").read_text()[-2000:]
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL


def whole_epochs(folder: Path) -> int:
    """Epochs that have their row and, after it, their checkpoint."""
    files = [folder / HISTORY_FILE, folder / CHECKPOINT]
    if not all(file.is_file() for file in files) or files[0].stat().st_mtime_ns > files[1].stat().st_mtime_ns:
        return 0
    return len(read_history(folder / HISTORY_FILE))


def test_a_killed_training_ends_as_if_nothing_had_happened(tmp_path: Path, source: Path, whole: Whole) -> None:
    command = [sys.executable, "-c", PROGRAM, str(source), str(tmp_path), json.dumps(asdict(CONFIG))]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    killed_in_a_later_epoch(command, tmp_path, environment)
    assert 2 <= len(read_history(tmp_path / HISTORY_FILE)) < CONFIG.epochs
    assert not (tmp_path / "final.weights.h5").exists()
    again = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr[-2000:]
    assert "Epoch 1/" not in again.stdout
    assert_same_history(tmp_path, whole[0])
    resumed = keras.models.clone_model(whole[1])
    resumed.load_weights(tmp_path / "final.weights.h5")
    assert_same_weights(resumed, whole[1])


@pytest.mark.parametrize("epoch", [1, 3])
def test_a_kill_between_history_and_checkpoint_does_no_harm(tmp_path: Path, data: Fer2013, whole: Whole, monkeypatch: pytest.MonkeyPatch, epoch: int) -> None:
    with monkeypatch.context() as patch:
        die_before_checkpoint(patch, epoch)
        with pytest.raises(KilledError):
            train(tmp_path, CONFIG, data)
    assert len(read_history(tmp_path / HISTORY_FILE)) == epoch
    network = train(tmp_path, CONFIG, data)
    assert_same_history(tmp_path, whole[0])
    assert_same_weights(network, whole[1])


# The end


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_a_finished_run_started_again_trains_nothing(whole: Whole, data: Fer2013, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(whole[0])
    again = train(whole[0], CONFIG, data)
    assert contents(whole[0]) == before
    assert "Epoch" not in capsys.readouterr().out
    assert_same_weights(again, whole[1])


FROZEN = replace(QUICK, epochs=9, learning_rate=1e-8, batch_norm=False)  # its validation accuracy never rises


def test_a_stale_run_stops_early_and_stays_stopped(tmp_path: Path, data: Fer2013) -> None:
    config = replace(FROZEN, patience=2, ema=0.5, select="last")
    network = train(tmp_path, config, data)
    assert len(read_history(tmp_path / HISTORY_FILE)) == 3
    before = contents(tmp_path)
    again = train(tmp_path, config, data)
    assert contents(tmp_path) == before
    for mine, first in zip(again.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, first)


def test_the_best_epoch_is_chosen_by_validation(tmp_path: Path, data: Fer2013) -> None:
    config = replace(QUICK, epochs=4, learning_rate=0.02)
    network = train(tmp_path, config, data)
    rows = read_history(tmp_path / HISTORY_FILE)
    batches = Batches(data.split("fit"), data.split("validation"), config)
    accuracy = network.evaluate(batches.validating(), verbose=0)[1]
    assert accuracy == pytest.approx(max(row["val_accuracy"] for row in rows), abs=1e-6)
    last = keras.models.clone_model(network)
    last.load_weights(tmp_path / BEST)
    assert_same_weights(network, last)


# Parts


@pytest.mark.parametrize(
    ("accuracies", "patience", "expected"),
    [
        ([], 2, False),
        ([0.1], 2, False),
        ([0.3, 0.2], 2, False),
        ([0.3, 0.2, 0.3], 2, True),
        ([0.3, 0.2, 0.4], 2, False),
        ([0.3, 0.2, 0.1, 0.0], 0, False),
    ],
)
def test_stale_means_no_rise_for_so_many_epochs(accuracies: list[float], patience: int, expected: bool) -> None:
    assert stale([{"val_accuracy": accuracy} for accuracy in accuracies], patience) == expected


def test_time_left_is_told_from_the_last_epochs() -> None:
    rows = [{"seconds": seconds} for seconds in (999.0, 60.0, 120.0, 180.0)]
    assert time_left(rows, 10) == "epoch 4 of 10, at most about 12 min left at this pace"
