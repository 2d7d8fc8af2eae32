"""How long the steps of an answer take: medians and ratios from one run on this machine.

Each row is timed in turn within every round, so that a change of the machine's speed hits all.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import keras
import numpy as np

from fersys.faces import detect
from fersys.package import KERAS_FILE, check_package, load
from fersys.preprocess import INPUT_SIZE, to_model_input

ROUNDS = 30
_FRAME = (480, 640, 3)


def run_bench(package: Path, out: Path, rounds: int = ROUNDS) -> list[dict[str, Any]]:
    """Time the package on made-up pictures, write the rows as JSON and return them.

    Times in milliseconds; "ratio" is against one face through the serving file.

    Raises:
        PackageError: if the folder is no package, or one of its files is missing or changed.
    """
    check_package(package)
    steps = _steps(package)
    for step in steps.values():
        step()
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            began = time.perf_counter()
            step()
            times[name].append(1000 * (time.perf_counter() - began))
    base = median(times["serving file, 1 face"])
    rows = [{"step": name, "ms": round(median(values), 3), "ratio": round(median(values) / base, 2)} for name, values in times.items()]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"package": package.name, "rounds": rounds, "rows": rows}, indent=2) + "\n", encoding="utf-8")
    return rows


def _steps(package: Path) -> dict[str, Callable[[], Any]]:
    random = np.random.default_rng(0)
    frame = random.integers(0, 256, _FRAME, dtype=np.uint8)
    crops = [random.integers(0, 256, (200, 200, 3), dtype=np.uint8) for _ in range(8)]
    recognizer = load(package)
    model = keras.saving.load_model(package / KERAS_FILE, compile=False)
    inputs = np.zeros((1, INPUT_SIZE, INPUT_SIZE, 1), np.float32)
    return {
        "serving file, 1 face": lambda: recognizer.predict(crops[:1]),
        "serving file, 8 faces": lambda: recognizer.predict(crops),
        "crop to input": lambda: to_model_input(crops[0]),
        "find faces, 640×480": lambda: detect(frame),
        "Keras predict, 1 face": lambda: model.predict(inputs, verbose=0),
    }


def as_text(rows: list[dict[str, Any]]) -> str:
    """Lay the rows out for a terminal."""
    return "\n".join(["step                            ms    ratio", *(f"{row['step']:26}{row['ms']:10.2f}{row['ratio']:8.1f}x" for row in rows)])
