"""Measures a model package: `metrics.json` and `predictions.parquet` of its folder.

The package's serving file answers, as the app will hear it. The test splits stay closed until
`release=True`: everything is chosen on validation, and the test is opened once for a model. From
then on `metrics.json` holds the day and the SHA-256 of that serving file, and measuring the very
same file again keeps its test splits open: that recomputes figures, it does not open anything.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import evaluate

from fersys.calibration import apply_temperature
from fersys.config import ModelConfig, read_config, read_object, write_config
from fersys.errors import PackageError
from fersys.package import METRICS_FILE, PREDICTIONS_FILE, sha256
from train.certainty import summarize
from train.data import Fer2013
from train.embeddings import open_recognizer
from train.predictions import Predictions, predict_splits, read_predictions, write_predictions

METRIC_FOLDER = Path(__file__).parent / "expression_metrics"
OPEN_SPLITS: tuple[str, ...] = ("train", "validation")
TEST_SPLITS: tuple[str, ...] = ("test", "test_clean", "test_strict", "test_ferplus")
FORMAT = 1
RESAMPLES = 1000

_CALIBRATION = ("nll", "brier", "ece")

Metrics = dict[str, Any]


def measure(folder: Path, data: Fer2013, release: bool = False, resamples: int = RESAMPLES) -> Metrics:
    """Measure a package, write `metrics.json` and `predictions.parquet` into it, and return the metrics.

    Args:
        folder: the package.
        data: FER2013 with the splits to measure on.
        release: open the test splits.
        resamples: bootstrap resamples for the 95 % intervals.

    Raises:
        PackageError: if the folder is no package, or its serving file was changed.
        DataError: if the data have nothing to measure on.
    """
    config = read_config(folder)
    serving = config.files.get(config.serving_file)
    opened = _opened(folder, serving) or (datetime.now(UTC).date().isoformat() if release else None)
    names = [name for name in (*OPEN_SPLITS, *(TEST_SPLITS if opened else ())) if name in data.splits]
    predictions = predict_splits(open_recognizer(folder, data, names), data, names)
    write_predictions(folder / PREDICTIONS_FILE, predictions)
    metrics = {
        "format": FORMAT,
        "model": config.name,
        "serving_sha256": serving,
        "data_fingerprint": data.fingerprint,
        "test_opened": opened,
        "temperature": config.temperature,
        "splits": _splits(predictions, config.temperature, resamples),
        "params": config.params,
        "macs": config.macs,
        "certainty": summarize(predictions, config.certainty),
    }
    write_metrics(folder, config, metrics)
    return metrics


def _opened(folder: Path, serving: str | None) -> str | None:
    """The day on which the test splits were opened for this very serving file, or None."""
    if not (folder / METRICS_FILE).is_file():
        return None
    before = read_metrics(folder)
    day = before.get("test_opened") if before.get("serving_sha256") == serving else None
    return str(day) if day else None


def write_metrics(folder: Path, config: ModelConfig, metrics: Metrics) -> None:
    """Write `metrics.json`, and `fersys.json` with the hashes of it and of `predictions.parquet` beside it."""
    (folder / METRICS_FILE).write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    _vouch(folder, config, (METRICS_FILE, PREDICTIONS_FILE))


def _vouch(folder: Path, config: ModelConfig, names: Sequence[str]) -> None:
    """Record the SHA-256 of files just written; the model files keep what they were recorded with."""
    write_config(folder, replace(config, files=config.files | {name: sha256(folder / name) for name in names}))


def _splits(predictions: Predictions, temperature: float, resamples: int) -> Metrics:
    metric = evaluate.load(str(METRIC_FOLDER), keep_in_memory=True)
    return {name: _measure_split(metric, predictions, name, (temperature, resamples)) for name in predictions.members}


def _measure_split(metric: Any, predictions: Predictions, name: str, settings: tuple[float, int]) -> Metrics:
    temperature, resamples = settings
    calibrated, truth = predictions.of(name)
    shared = {"references": truth, "groups": predictions.groups[predictions.members[name]]}
    result: Metrics = metric.compute(predictions=calibrated, resamples=resamples, **shared)
    before = metric.compute(predictions=apply_temperature(calibrated, 1 / temperature), resamples=0, **shared)
    return result | {"uncalibrated": {key: before[key] for key in _CALIBRATION}}


def read_metrics(folder: Path) -> Metrics:
    """Read `metrics.json`.

    Raises:
        PackageError: if it is missing, no JSON or of another format.
    """
    path = folder / METRICS_FILE
    content = read_object(path, "no metrics, python -m train evaluate writes them")
    if content.get("format") != FORMAT:
        raise PackageError(f"{path}: expected metrics of format {FORMAT}. Received: {content.get('format')}")
    return content


def check_current(folder: Path, config: ModelConfig, metrics: Metrics) -> None:
    """Check that metrics are those of this very serving file at this temperature.

    Raises:
        PackageError: if one of the two was changed since they were measured.
    """
    if (metrics["serving_sha256"], metrics["temperature"]) != (config.files[config.serving_file], config.temperature):
        raise PackageError(
            f"{folder} has changed since it was measured: expected python -m train evaluate before. Received: metrics of another model or temperature"
        )


def recompute(folder: Path, resamples: int = RESAMPLES) -> Metrics:
    """Return the metrics anew from `predictions.parquet` alone; equal to `metrics.json` if nobody edited it.

    Raises:
        PackageError: if there is no `metrics.json`.
        DataError: if there is no `predictions.parquet`.
    """
    metrics = read_metrics(folder)
    predictions = read_predictions(folder / PREDICTIONS_FILE)
    anew = {"splits": _splits(predictions, metrics["temperature"], resamples)}
    if "certainty" in metrics:
        anew["certainty"] = summarize(predictions, metrics["certainty"]["threshold"])
    return metrics | anew
