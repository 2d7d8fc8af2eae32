"""The `fer` package's network as a recogniser: an outside reference, run by `train.fer_worker` in its own environment."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from fersys.errors import ModelError
from fersys.labels import EMOTIONS, to_indices
from fersys.preprocess import to_model_input
from fersys.recognizers.base import Probabilities
from fersys.results import Image
from train.arms import FER

_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}
_ROOT = Path(__file__).resolve().parents[1]


class FerNetwork:
    """The network as it answers from its worker. Not for several threads.

    Attributes:
        about: what `train.fer_worker.open_network` says of it.
    """

    name, certainty = FER, 0.0

    def __init__(self, process: "subprocess.Popen[str]", folder: Path) -> None:
        self._process, self._folder = process, folder
        self.about = self._answer()
        self._order = to_indices(self.about["labels"])

    @property
    def title(self) -> str:
        """What people are shown."""
        return f"fer {self.about['version']}"

    def predict(self, crops: Sequence[Image]) -> Probabilities:
        """Return probabilities, float32 (n, 7), of RGB uint8 crops; they reach it as gray 48×48, like FER2013."""
        probabilities = np.empty((len(crops), len(EMOTIONS)), np.float32)
        if not crops:
            return probabilities
        paths = {"crops": str(self._folder / "crops.npy"), "out": str(self._folder / "out.npy")}
        np.save(paths["crops"], np.stack([to_model_input(crop)[..., 0] for crop in crops]))
        self._ask(paths)
        probabilities[:, self._order] = np.load(paths["out"])
        return probabilities

    def _ask(self, question: dict[str, str]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended: there will be no answer
        self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            said = (self._folder / "log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise ModelError(
                f"Expected an interpreter with the package fer: train/bench.py says how to make one. Received: {said[-1] if said else 'no answer'}"
            )
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def opened_fer(python: str) -> Iterator[FerNetwork]:
    """Start the worker, and end it afterwards.

    Args:
        python: interpreter that has the package `fer`.

    Raises:
        ModelError: if there is no such interpreter, or it has no `fer`.
    """
    with tempfile.TemporaryDirectory() as name, Path(name, "log").open("w", encoding="utf-8") as log:
        process = _start(python, log)
        try:
            yield FerNetwork(process, Path(name))
        finally:
            process.kill()
            process.communicate()


def _start(python: str, log: Any) -> "subprocess.Popen[str]":
    try:
        return subprocess.Popen(
            [python, "-m", "train.fer_worker"],
            cwd=_ROOT,
            env={**os.environ, **_QUIET},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            encoding="utf-8",
        )
    except OSError as error:
        raise ModelError(f"Expected an interpreter with the package fer. Received: {python}: {error.strerror}") from error
