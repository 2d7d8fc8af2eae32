"""The report on runtimes, made with the smallest rows that are real."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fersys.package import SERVING_FILE, load
from tests.made_run import made_data, trained_run
from train import runtimes
from train.runtimes import run_runtimes, write_report

ROW = {"runtime": "ONNX Runtime", "threads": 1, "ms": {"1": 1.5, "8": None, "256": 1.0}, "open_ms": 90, "memory_mb": 40, "install_mb": 63, "difference": 5e-7}


def report(**changes: Any) -> dict[str, Any]:
    return {
        "package": "tiny",
        "macs": 200e6,
        "roof_ms": 2.5,
        "validation_accuracy": {SERVING_FILE: 0.68, "model-int8.onnx": 0.679},
        "int8_allowed": True,
        "rows": [ROW, {"runtime": "OpenVINO", "threads": 2, "error": "No module named 'openvino'"}],
    } | changes


def test_table_and_figures_are_written(tmp_path: Path) -> None:
    table = write_report(report(), tmp_path)
    assert json.loads((tmp_path / "runtimes.json").read_text()) == report()
    text = (tmp_path / "runtimes.md").read_text()
    assert table in text
    assert "float32 0.6800, int8 0.6790" in text
    assert "2.5 ms a face" in text
    head, _, first, second = table.splitlines()
    assert first == "| ONNX Runtime | 1 | 1.50 | fails | 1.00 | 90 | 40 | 63 | 5e-07 |"
    assert second.startswith("| OpenVINO | 2 | not measured: No module named 'openvino' |")
    assert head.count("|") == first.count("|") == second.count("|")


def test_a_time_that_rounds_to_nothing_is_no_failure(tmp_path: Path) -> None:
    row = ROW | {"ms": {"1": 0.0, "8": 0.0, "256": 0.0}}
    assert "| 0.00 | 0.00 | 0.00 |" in write_report(report(rows=[row]), tmp_path)


def test_an_interpreter_without_the_runtime_is_a_row_with_its_reason(tmp_path: Path) -> None:
    np.save(tmp_path / "inputs.npy", np.zeros((8, 48, 48, 1), np.float32))
    setting = runtimes.Setting(tmp_path, sys.executable, batches=(1,), rounds=1)
    row = runtimes._row("ONNX Runtime", "none.onnx", 1, np.zeros((8, 7), np.float32), setting)
    assert set(row) == {"runtime", "threads", "error"}
    assert "none.onnx" in row["error"]


@pytest.mark.parametrize(("lost", "allowed"), [(0.002, True), (0.004, False)])
def test_int8_is_allowed_if_it_loses_little(
    lost: float, allowed: bool, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = trained_run(tmp_path_factory, tmp_path)
    monkeypatch.setattr(runtimes, "_files", lambda: [("ONNX Runtime", SERVING_FILE)])
    monkeypatch.setattr(runtimes, "THREADS", (1,))
    monkeypatch.setattr(runtimes, "BATCHES", (8,))
    monkeypatch.setattr(runtimes, "peak_flops", lambda: 1e9)
    monkeypatch.setattr(runtimes, "_accuracy", lambda file, _data: 0.5 - lost * ("int8" in file.name))
    made = run_runtimes(package, made_data(tmp_path_factory), rounds=1)
    assert made["int8_allowed"] is allowed
    assert made["roof_ms"] == pytest.approx(2000 * made["macs"] / 1e9, abs=0.01)
    (row,) = made["rows"]
    assert row["difference"] < 1e-4
    assert (row["runtime"], row["threads"]) == ("ONNX Runtime", 1)


def test_accuracy_is_the_share_of_validation_that_is_right(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    package, data = trained_run(tmp_path_factory, tmp_path), made_data(tmp_path_factory)
    split = data.split("validation")
    answers = load(package).predict([np.repeat(image[..., None], 3, axis=2) for image in split.images])
    assert runtimes._accuracy(package / SERVING_FILE, data) == pytest.approx((answers.argmax(axis=1) == split.labels).mean())
