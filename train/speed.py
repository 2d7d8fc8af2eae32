"""What an answer of each model costs: milliseconds a face, all models in turn within each round."""

import os
import platform
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from fersys.preprocess import INPUT_SIZE
from fersys.recognizers.base import Recognizer
from fersys.results import Image
from train.runtime_worker import milliseconds

BATCH = 16
ROUNDS = 15


def measure_speed(recognizers: dict[str, Recognizer], rounds: int = ROUNDS) -> dict[str, Any]:
    """Time every model on one crop, and on several at once.

    Args:
        recognizers: by name.
        rounds: how often each is timed; medians are reported.

    Returns:
        {"batch": `BATCH`, "models": {name: {"one": ms, "batch": ms a face, "machine": a few words}}}.
    """
    crops = list(np.random.default_rng(0).integers(0, 256, (BATCH, INPUT_SIZE, INPUT_SIZE, 3), dtype=np.uint8))
    steps = {(name, kind): _step(recognizer, given) for name, recognizer in recognizers.items() for kind, given in (("one", crops[:1]), ("batch", crops))}
    times: dict[tuple[str, str], list[float]] = {key: [] for key in steps}
    for _ in range(rounds):
        for key, step in steps.items():
            times[key] += milliseconds(step, rounds=1)
    faces = {"one": 1, "batch": BATCH}
    models = {name: {kind: round(median(times[name, kind]) / count, 2) for kind, count in faces.items()} for name in recognizers}
    machine = f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    return {"batch": BATCH, "models": {name: {**line, "machine": machine} for name, line in models.items()}}


def _step(recognizer: Recognizer, crops: list[Image]) -> Callable[[], Any]:
    return partial(recognizer.predict, crops)
