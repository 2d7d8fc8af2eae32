"""Starts `train.rival_worker` for a library and asks it for one time after another."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from fersys.errors import ModelError
from train.rival_worker import PRODUCT_SIDE

DEEPFACE_WEIGHTS = Path(".deepface/weights/facial_expression_model_weights.onnx")  # in $DEEPFACE_HOME, as deepface 0.0.103 looks for it
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "ORT_DISABLE_TELEMETRY": "1"}
_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Rival:
    """A library whose worker answers.

    Attributes:
        rows: what it can be timed at.
        version: of the library.
    """

    rows: tuple[str, ...]
    version: str
    _process: "subprocess.Popen[str]"
    _log: Path

    def milliseconds(self, row: str) -> float:
        """Run a row twice and return what the second time took.

        Raises:
            ModelError: if the worker has ended.
        """
        return float(_ask(self._process, self._log, row)["ms"])


@contextmanager
def opened(name: str, folder: Path, python: str = sys.executable, environment: dict[str, str] | None = None) -> Iterator[Rival]:
    """Start a worker, and end it afterwards.

    Args:
        name: key in `train.rival_worker.RIVALS`.
        folder: where the worker finds its pictures and files.
        python: interpreter that has the library.
        environment: variables to set for it.

    Raises:
        ModelError: if the library is missing or does not start.
    """
    log = folder / f"{name}.log"
    variables = {**os.environ, **_QUIET, **(environment or {})}
    with log.open("w", encoding="utf-8") as errors:
        process = _start(python, errors, variables)
        try:
            ready = _ask(process, log, {"rival": name, "folder": str(folder)})
            yield Rival(tuple(ready["rows"]), ready["version"], process, log)
        finally:
            process.kill()
            process.communicate()


def _start(python: str, errors: Any, variables: dict[str, str]) -> "subprocess.Popen[str]":
    command = [python, "-m", "train.rival_worker"]
    try:
        return subprocess.Popen(command, cwd=_ROOT, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, encoding="utf-8")
    except OSError as error:
        raise ModelError(f"Expected an interpreter to time with. Received: {python}: {error.strerror}") from error


def _ask(process: "subprocess.Popen[str]", log: Path, question: Any) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(question) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
    except BrokenPipeError:
        line = ""
    if not line:
        process.wait()  # or its last words are not written yet
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise ModelError(f"Expected a library that can be timed. Received: {said[-1] if said else 'no answer'}")
    answer: dict[str, Any] = json.loads(line)
    return answer


def peak_flops(rounds: int = 8) -> float:
    """Return what one core reaches in a large float32 matrix product, in operations a second: the median of some rounds."""
    with tempfile.TemporaryDirectory() as folder, opened("numpy", Path(folder), environment=ONE_THREAD) as product:
        return flops(median(product.milliseconds(product.rows[0]) for _ in range(rounds)))


def flops(milliseconds: float) -> float:
    """Return the operations a second of a matrix product of the worker's size that took so long."""
    return 2 * PRODUCT_SIDE**3 / (milliseconds / 1000)
