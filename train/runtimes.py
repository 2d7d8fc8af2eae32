"""Which runtime serves the CNN: speed, memory, install weight and agreement, measured.

`python -m train runtimes [--python .../bin/python]`. Each row is timed in a process of its own by
`train.runtime_worker`, with an interpreter that may belong to another environment: LiteRT and
OpenVINO are not among the project's requirements (pip install ai-edge-litert openvino). To add a
runtime, add a line to `runtime_worker.RUNTIMES` and, if it reads another format, to `_FORMATS`.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from fersys.config import read_config
from fersys.package import KERAS_FILE, SERVING_FILE
from fersys.recognizers.base import Probabilities
from fersys.runtime import open_network
from train.atomic import write_json
from train.data import Fer2013
from train.quantize import quantize
from train.rivals import peak_flops
from train.runtime_worker import RUNTIMES, Inputs

BATCHES = (1, 8, 256)
THREADS = (1, 2)
_CALIBRATION = 1024  # Training images that set the scales of int8
_FORMATS = {"LiteRT": "model.tflite"}
_INT8 = "model-int8.onnx"
_INT8_LOSS = 0.003  # of accuracy on validation: int8 is taken only if it loses no more
_REQUEST_ROUNDS = 15


@dataclass(frozen=True)
class Setting:
    """What every row is measured with: files and inputs in `folder`, the interpreter, batch sizes."""

    folder: Path
    python: str
    batches: tuple[int, ...] = BATCHES
    rounds: int = _REQUEST_ROUNDS


def run_runtimes(package: Path, data: Fer2013, python: str = sys.executable, rounds: int = _REQUEST_ROUNDS) -> dict[str, Any]:
    """Time every runtime on a package's network and return the report.

    Args:
        package: a released package.
        data: FER2013; Training calibrates int8, validation judges it.
        python: interpreter that has the runtimes.
        rounds: rounds a batch size; medians are reported.
    """
    with tempfile.TemporaryDirectory() as name:
        setting = Setting(Path(name), python, rounds=rounds)
        expected = _prepare(package, data, setting.folder)
        rows = [_row(runtime, file, threads, expected, setting) for runtime, file in _files() for threads in THREADS]
        accuracy = {file: _accuracy(setting.folder / file, data) for file in (SERVING_FILE, _INT8)}
    macs = read_config(package).macs
    lost = accuracy[SERVING_FILE] - accuracy[_INT8]
    return {
        "package": package.name,
        "macs": macs,
        "roof_ms": round(2000 * macs / peak_flops(), 2),
        "validation_accuracy": {name: round(value, 4) for name, value in accuracy.items()},
        "int8_allowed": lost <= _INT8_LOSS,
        "rows": rows,
    }


def _files() -> list[tuple[str, str]]:
    return [*((name, _FORMATS.get(name, SERVING_FILE)) for name in RUNTIMES), ("ONNX Runtime", _INT8)]


def _prepare(package: Path, data: Fer2013, folder: Path) -> Probabilities:
    """Write inputs and every form of the network, and return Keras' probabilities for the first inputs."""
    inputs: Inputs = data.split("validation").images[: max(BATCHES), :, :, None].astype(np.float32)
    np.save(folder / "inputs.npy", inputs)
    (folder / SERVING_FILE).write_bytes((package / SERVING_FILE).read_bytes())
    fit = data.split("fit").images
    chosen = np.random.default_rng(0).choice(len(fit), min(_CALIBRATION, len(fit)), replace=False)
    quantize(folder / SERVING_FILE, folder / _INT8, fit[np.sort(chosen)])
    model = keras.saving.load_model(package / KERAS_FILE, compile=False)
    expected: Probabilities = model.predict(inputs[:8], verbose=0)
    model.export(folder / _FORMATS["LiteRT"], format="litert", verbose=False)
    return expected


def _row(runtime: str, file: str, threads: int, expected: Probabilities, setting: Setting) -> dict[str, Any]:
    request = {"runtime": runtime, "file": str(setting.folder / file), "threads": threads, "inputs": str(setting.folder / "inputs.npy")}
    request |= {"batches": setting.batches, "rounds": setting.rounds}
    command = [setting.python, "-m", "train.runtime_worker"]
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True, cwd=root, check=False)
    about = {"runtime": f"{runtime} int8" if file == _INT8 else runtime, "threads": threads}
    if done.returncode:
        return about | {"error": (done.stderr.strip().splitlines() or ["no word"])[-1]}
    found: dict[str, Any] = json.loads(done.stdout)
    probabilities = np.asarray(found.pop("probabilities"))
    return about | found | {"difference": float(np.abs(probabilities - expected).max())}


def _accuracy(file: Path, data: Fer2013) -> float:
    session, split = open_network(file), data.split("validation")
    name = session.get_inputs()[0].name
    parts = np.array_split(split.images[..., None].astype(np.float32), max(1, len(split.images) // 256))
    answers = np.concatenate([session.run(None, {name: part})[0].argmax(axis=1) for part in parts])
    return float((answers == split.labels).mean())


def write_report(report: dict[str, Any], folder: Path) -> str:
    """Write `runtimes.json` and `runtimes.md` into `folder` and return the table."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "runtimes.json", report)
    heads = [*(f"batch {size}" for size in BATCHES), "open, ms", "memory, MB", "installed, MB", "differs from Keras"]
    lines = ["| runtime | threads | " + " | ".join(heads) + " |", "|" + "---|" * (len(heads) + 2)]
    table = "\n".join([*lines, *(_line(row) for row in report["rows"])])
    accuracy = report["validation_accuracy"]
    intro = (
        f"# Runtimes\n\n{report['package']} ({report['macs'] / 1e6:.0f} M multiply–adds), milliseconds a face (medians), each row in a process of its own. "
        f"The arithmetic roof of one core is {report['roof_ms']} ms a face: the multiply–adds over the peak of a 2048×2048 float32 matrix product in this run. "
        f"Accuracy on validation: float32 {accuracy[SERVING_FILE]:.4f}, int8 {accuracy[_INT8]:.4f}. Made by `python -m train runtimes`.\n\n"
    )
    (folder / "runtimes.md").write_text(intro + table + "\n", encoding="utf-8")
    return table


def _line(row: dict[str, Any]) -> str:
    if "error" in row:
        return f"| {row['runtime']} | {row['threads']} | not measured: {row['error']} |" + " |" * 6
    times = " | ".join("fails" if (value := row["ms"][str(size)]) is None else f"{value:.2f}" for size in BATCHES)
    rest = f"{row['open_ms']} | {row['memory_mb']} | {row['install_mb']:.0f} | {row['difference']:.1g}"
    return f"| {row['runtime']} | {row['threads']} | {times} | {rest} |"
