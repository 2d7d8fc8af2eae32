"""Measuring a package: a stand-in recogniser, data made in memory."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

import train.measure
from fersys.calibration import apply_temperature
from fersys.config import ModelConfig, read_config, write_config
from fersys.errors import DataError, PackageError
from fersys.labels import EMOTIONS
from fersys.package import seal
from fersys.recognizers import RECOGNIZERS
from train.data import Fer2013, ferplus_labels
from train.measure import measure, read_metrics, recompute
from train.predictions import read_predictions, write_predictions
from train.sources import Records
from train.twins import Twins

COUNT = 120
TEMPERATURE = 1.5
SCALARS = ("accuracy", "balanced_accuracy", "macro_f1", "weighted_f1", "nll", "brier", "ece")

Array = npt.NDArray[Any]

# The smallest of the splits made here lack a class.
pytestmark = pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")


class Numbered:
    """Knows an image by its first pixel; counts how often it was shown."""

    name = title = "numbered"
    certainty = 0.0

    def __init__(self, raw: Array, temperature: float) -> None:
        self.raw, self.temperature, self.seen = raw, temperature, [0] * len(raw)

    def predict(self, crops: list[Array]) -> npt.NDArray[np.float32]:
        numbers = [int(crop[0, 0, 0]) for crop in crops]
        for number in numbers:
            self.seen[number] += 1
        return apply_temperature(self.raw[numbers], self.temperature)


@pytest.fixture
def data() -> Fer2013:
    random = np.random.default_rng(0)
    images = np.zeros((COUNT, 48, 48), np.uint8)
    images[:, 0, 0] = np.arange(COUNT)
    splits = np.array(["train"] * 50 + ["validation"] * 30 + ["test"] * 40)
    labels = np.arange(COUNT) % 7
    votes = random.multinomial(10, np.full(10, 0.1), COUNT).astype(np.uint8)
    groups = np.arange(COUNT) // 2
    test = splits == "test"
    masks = {name: splits == name for name in ("train", "validation", "test")}
    masks |= {"fit": splits == "train", "test_clean": test & (np.arange(COUNT) % 5 > 0), "test_strict": test & (np.arange(COUNT) % 5 > 1)}
    masks["test_ferplus"] = test & (ferplus_labels(votes) >= 0)
    return Fer2013(Records(images, labels, splits, np.arange(COUNT), votes), Twins(groups, groups), masks, {}, "f" * 64)


@pytest.fixture
def raw() -> Array:
    random = np.random.default_rng(1)
    logits = random.normal(size=(COUNT, 7)) * 2 + 2 * np.eye(7)[np.arange(COUNT) % 7]
    powers = np.exp(logits)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


@pytest.fixture
def folder(tmp_path: Path, raw: Array, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sealed package whose serving file stands for the stand-in."""
    monkeypatch.setitem(RECOGNIZERS, "numbered", lambda _, config: Numbered(raw, config.temperature))
    (tmp_path / "model.onnx").write_bytes(b"weights")
    seal(tmp_path, ModelConfig("tiny", "paper", recognizer="numbered", temperature=TEMPERATURE, params=12, macs=345))
    return tmp_path


@pytest.fixture
def retrain(folder: Path) -> Callable[[], None]:
    def change() -> None:
        (folder / "model.onnx").write_bytes(b"other weights")
        seal(folder, read_config(folder))

    return change


def test_test_splits_stay_closed_without_release(folder: Path, data: Fer2013) -> None:
    metrics = measure(folder, data, resamples=10)
    assert list(metrics["splits"]) == ["train", "validation"]
    assert metrics["test_opened"] is None
    assert sum(s["n"] for s in metrics["splits"].values()) == 80


def test_closed_test_images_are_never_shown_to_the_model(folder: Path, data: Fer2013, raw: Array, monkeypatch: pytest.MonkeyPatch) -> None:
    recognizer = Numbered(raw, 1.0)
    monkeypatch.setattr(train.measure, "open_recognizer", lambda *_: recognizer)
    measure(folder, data, resamples=0)
    assert recognizer.seen == [1] * 80 + [0] * 40
    measure(folder, data, release=True, resamples=0)
    assert recognizer.seen == [2] * 80 + [1] * 40


def test_release_measures_every_split_there_is(folder: Path, data: Fer2013) -> None:
    metrics = measure(folder, data, release=True, resamples=10)
    assert list(metrics["splits"]) == ["train", "validation", "test", "test_clean", "test_strict", "test_ferplus"]
    assert {name: s["n"] for name, s in metrics["splits"].items()} == {name: int(data.splits[name].sum()) for name in metrics["splits"]}


def test_once_opened_the_same_file_is_measured_again_with_its_day(folder: Path, data: Fer2013) -> None:
    metrics = measure(folder, data, release=True, resamples=5)
    (folder / "metrics.json").write_text(json.dumps(metrics | {"test_opened": "2001-02-03"}))
    again = measure(folder, data, resamples=5)
    assert again["test_opened"] == "2001-02-03"
    assert again["splits"] == metrics["splits"]


def test_another_serving_file_finds_the_test_closed(folder: Path, data: Fer2013, retrain: Callable[[], None]) -> None:
    measure(folder, data, release=True, resamples=5)
    retrain()
    metrics = measure(folder, data, resamples=5)
    assert metrics["test_opened"] is None
    assert "test" not in metrics["splits"]


@pytest.mark.parametrize("split", ["train", "validation", "test", "test_clean", "test_strict"])
def test_split_is_measured_on_its_own_images(folder: Path, data: Fer2013, raw: Array, split: str) -> None:
    result = measure(folder, data, release=True, resamples=5)["splits"][split]
    inside = data.splits[split]
    truth, answers = data.records.labels[inside], raw[inside].argmax(axis=1)
    assert result["accuracy"] == pytest.approx(accuracy_score(truth, answers))
    assert result["macro_f1"] == pytest.approx(f1_score(truth, answers, average="macro", labels=range(7), zero_division=0))
    assert result["confusion_matrix"] == confusion_matrix(truth, answers, labels=range(7)).tolist()


def test_ferplus_split_has_the_raters_plurality_as_truth(folder: Path, data: Fer2013, raw: Array) -> None:
    result = measure(folder, data, release=True, resamples=5)["splits"]["test_ferplus"]
    assert data.records.votes is not None
    inside = data.splits["test_ferplus"]
    truth = ferplus_labels(data.records.votes)[inside]
    assert result["accuracy"] == pytest.approx(accuracy_score(truth, raw[inside].argmax(axis=1)))
    assert [values["support"] for values in result["per_class"].values()] == np.bincount(truth, minlength=7).tolist()


def test_calibration_is_reported_before_and_after(folder: Path, data: Fer2013, raw: Array) -> None:
    result = measure(folder, data, resamples=5)["splits"]["validation"]
    inside = data.splits["validation"]
    truth = data.records.labels[inside]

    def nll(probabilities: Array) -> float:
        return float(-np.log(probabilities[np.arange(len(truth)), truth]).mean())

    assert set(result["uncalibrated"]) == {"nll", "brier", "ece"}
    assert result["uncalibrated"]["nll"] == pytest.approx(nll(raw[inside]), rel=1e-5)
    assert result["nll"] == pytest.approx(nll(apply_temperature(raw[inside], TEMPERATURE)), rel=1e-5)
    assert result["nll"] != pytest.approx(result["uncalibrated"]["nll"], rel=0.01)


def test_file_has_the_published_keys(folder: Path, data: Fer2013) -> None:
    measure(folder, data, release=True, resamples=5)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert {"model", "data_fingerprint", "temperature", "splits", "params", "macs", "test_opened", "format", "certainty"} <= set(metrics)
    assert (metrics["model"], metrics["data_fingerprint"], metrics["temperature"]) == ("tiny", "f" * 64, TEMPERATURE)
    assert (metrics["params"], metrics["macs"]) == (12, 345)
    split = metrics["splits"]["test"]
    assert set(split) == {"n", *SCALARS, "per_class", "confusion_matrix", "ci95", "uncalibrated"}
    assert list(split["per_class"]) == list(EMOTIONS)
    assert set(split["per_class"]["happy"]) == {"precision", "recall", "f1", "support"}
    assert set(SCALARS) < set(split["ci95"])
    assert all(low <= high for low, high in split["ci95"].values())


def test_certainty_of_the_package_is_reported_for_every_measured_split(folder: Path, data: Fer2013) -> None:
    write_config(folder, replace(read_config(folder), certainty=0.6))
    certainty = measure(folder, data, resamples=0)["certainty"]
    assert (certainty["threshold"], list(certainty["splits"])) == (0.6, ["train", "validation"])
    probabilities, truth = read_predictions(folder / "predictions.parquet").of("validation")
    given = probabilities.max(axis=1) > 0.6
    assert 0 < given.sum() < len(given)
    assert certainty["splits"]["validation"]["coverage"] == given.mean()
    assert certainty["splits"]["validation"]["accuracy"] == (probabilities.argmax(axis=1) == truth)[given].mean()


def test_metrics_of_before_certainty_are_recomputed_without_it(folder: Path, data: Fer2013) -> None:
    metrics = measure(folder, data, resamples=0)
    del metrics["certainty"]
    (folder / "metrics.json").write_text(json.dumps(metrics))
    assert recompute(folder, resamples=0) == metrics


def test_intervals_know_of_twins(folder: Path, data: Fer2013) -> None:
    """With all images of a split in one group every resample is the same."""
    one = np.zeros(COUNT, np.int64)
    low, high = measure(folder, replace(data, twins=Twins(one, one)), resamples=50)["splits"]["train"]["ci95"]["accuracy"]
    assert low == high
    low, high = measure(folder, data, resamples=50)["splits"]["train"]["ci95"]["accuracy"]
    assert low < high


def test_metrics_come_out_of_the_predictions_file_again(folder: Path, data: Fer2013) -> None:
    metrics = measure(folder, data, release=True, resamples=20)
    assert recompute(folder, resamples=20) == metrics == read_metrics(folder)


def test_an_edited_prediction_shows_when_recomputed(folder: Path, data: Fer2013, raw: Array) -> None:
    metrics = measure(folder, data, resamples=5)
    predictions = read_predictions(folder / "predictions.parquet")
    flipped = replace(predictions, probabilities=np.roll(predictions.probabilities, 1, axis=1))
    write_predictions(folder / "predictions.parquet", flipped)
    assert recompute(folder, resamples=5)["splits"]["validation"]["accuracy"] < metrics["splits"]["validation"]["accuracy"]


def test_package_vouches_for_what_was_written(folder: Path, data: Fer2013) -> None:
    before = read_config(folder)
    measure(folder, data, resamples=5)
    after = read_config(folder)
    assert seal(folder, after) == after
    assert after.files["model.onnx"] == before.files["model.onnx"]


def test_changed_weights_are_refused_and_not_vouched_for(folder: Path, data: Fer2013) -> None:
    (folder / "model.onnx").write_bytes(b"changed behind our back")
    with pytest.raises(PackageError, match="was changed"):
        measure(folder, data)
    assert not (folder / "metrics.json").exists()


def test_splits_that_the_data_lack_are_left_out(folder: Path, data: Fer2013) -> None:
    few = replace(data, splits={"train": data.splits["train"], "validation": np.zeros(COUNT, bool), "test": data.splits["test"]})
    assert list(measure(folder, few, release=True, resamples=5)["splits"]) == ["train", "test"]
    with pytest.raises(DataError, match="Nothing to measure"):
        measure(folder, replace(data, splits={"fit": data.splits["fit"]}))


def test_metrics_that_are_missing_or_foreign_are_refused(folder: Path) -> None:
    with pytest.raises(PackageError, match=r"metrics\.json"):
        read_metrics(folder)
    (folder / "metrics.json").write_text('{"accuracy": 1}')
    with pytest.raises(PackageError, match="format"):
        read_metrics(folder)


def test_new_temperature_changes_confidence_but_not_answers(folder: Path, data: Fer2013) -> None:
    first = measure(folder, data, resamples=5)["splits"]["validation"]
    write_config(folder, replace(read_config(folder), temperature=3.0))
    second = measure(folder, data, resamples=5)["splits"]["validation"]
    assert second["accuracy"] == first["accuracy"]
    assert second["nll"] != pytest.approx(first["nll"])
    assert second["uncalibrated"]["nll"] == pytest.approx(first["uncalibrated"]["nll"], rel=1e-5)
