"""How long an answer takes, beside other libraries: medians and ratios from one run on this machine.

`make bench`, or `python -m train bench [--fer-python .../bin/python] [--profile]`. Every row is
timed in turn within each round, the others' rows by a process of their own (`train.rivals`), so
that a change of the machine's speed hits all. To add a row of ours, add a line in `_ours`; a row
of another library, in `train.rival_worker.RIVALS`; a target, in `_targets`.

The `fer` package wants an older numpy than this project, so it needs an environment of its own:

    python3.11 -m venv fer-env && fer-env/bin/pip install fer
    python -m train bench --fer-python fer-env/bin/python
"""

import cProfile
import os
import platform
import pstats
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import cv2
import numpy as np
import PIL.Image

import fersys
from fersys.errors import ModelError
from fersys.package import KERAS_FILE, SERVING_FILE, check_package, load
from fersys.preprocess import to_model_input
from fersys.results import Image
from fersys.runtime import open_network
from train.atomic import write_json
from train.rival_worker import CROP, FRAME, NETWORK
from train.rivals import DEEPFACE_WEIGHTS, ONE_THREAD, Rival, flops, opened
from train.runtime_worker import milliseconds
from train.serving import first_answer

WHOLE, FIND, CUT, ONE, EIGHT = "our frame: find, cut, CNN", "find and cut the face", "crop to the CNN's input", "CNN, 1 face", "CNN, 8 faces"
NETWORK_ONE, PRODUCT = "network alone, 1 thread", "matrix product"
DEEPFACE, FER = "DeepFace.analyze, its OpenCV detector", "fer, its OpenCV detector"  # as `train.rival_worker` names them
_FRAME_SIZE = 480, 640
_ENLARGED, _LEFT = 768, 13  # the astronaut's picture, and where the frame begins in it: her face is as large as one at a desk
_PROFILED, _PROFILE_LINES = 50, 12  # frames, functions


@dataclass(frozen=True)
class Bench:
    """What is measured.

    Attributes:
        package: a complete package.
        rounds: how often each row is timed.
        starts: how often the app is started; 0: not at all.
        fer_python: interpreter that has the `fer` package; without one its row is left out.
        deepface_home: folder in which DeepFace's weights may lie; where they do not, random ones are timed.
        profile: whether to say where our frame's time goes, even if no target is missed.
    """

    package: Path
    rounds: int
    starts: int
    fer_python: str = ""
    deepface_home: Path = Path()
    profile: bool = False


def run_bench(bench: Bench) -> dict[str, Any]:
    """Time every row and return the report.

    Raises:
        PackageError: if the folder is no package, or one of its files is missing or changed.
        ModelError: if not exactly one face is found in the frame, or the app does not start.
    """
    config = check_package(bench.package)
    with tempfile.TemporaryDirectory() as name:
        folder, frame = Path(name), make_frame()
        steps = _ours(bench.package, frame)
        random_weights = _prepare(bench, frame, folder)
        times, versions, skipped = _take_turns(bench, steps, folder)
        served = _serve(bench, frame, folder)
    medians = {row: median(values) for row, values in times.items()}
    roof = 2000 * config.macs / flops(medians[PRODUCT])
    targets = _targets(medians, roof, served)
    report = {
        "package": bench.package.name,
        "rounds": bench.rounds,
        "machine": {"cores": os.cpu_count(), "system": platform.system(), "python": platform.python_version()},
        "versions": versions,
        "deepface_weights": "random: they cost the same time" if random_weights else "its own",
        "roof_ms": round(roof, 3),
        "rows": [{"row": row, "ours": row in steps, **_summary(values, medians[WHOLE])} for row, values in times.items() if row != PRODUCT],
        "skipped": skipped,
        "targets": targets,
    }
    missed = any(target["reached"] is False for target in targets)
    return report | ({"profile": profile(steps[WHOLE])} if bench.profile or missed else {})


def make_frame() -> Image:
    """Return a webcam's frame, RGB uint8 (480, 640, 3), with one face: of the one picture that may be shown."""
    from skimage import data  # among what the checks need, not among what training needs

    height, width = _FRAME_SIZE
    enlarged = cv2.resize(data.astronaut(), (_ENLARGED, _ENLARGED), interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(enlarged[:height, _LEFT : _LEFT + width], dtype=np.uint8)


def _ours(package: Path, frame: Image) -> dict[str, Callable[[], Any]]:
    recognizer, faces = load(package), fersys.detect(frame)
    if len(faces) != 1:
        raise ModelError(f"Expected one face in the frame. Received: {len(faces)}")
    crop = faces[0].crop
    session = open_network(package / SERVING_FILE, threads=1)
    inputs = {session.get_inputs()[0].name: to_model_input(crop)[None].astype(np.float32)}
    return {
        WHOLE: lambda: fersys.analyze(frame, [recognizer]),
        FIND: lambda: fersys.detect(frame),
        CUT: lambda: to_model_input(crop),
        ONE: lambda: recognizer.predict([crop]),
        EIGHT: lambda: recognizer.predict([crop] * 8),
        NETWORK_ONE: lambda: session.run(None, inputs),
    }


def _prepare(bench: Bench, frame: Image, folder: Path) -> bool:
    """Write what the workers read; returns whether DeepFace gets random weights."""
    np.save(folder / FRAME, frame)
    np.save(folder / CROP, fersys.detect(frame)[0].crop)
    (folder / NETWORK).write_bytes((bench.package / KERAS_FILE).read_bytes())
    if (bench.deepface_home / DEEPFACE_WEIGHTS).is_file():
        return False
    write_random_deepface(folder / DEEPFACE_WEIGHTS)
    return True


def write_random_deepface(path: Path) -> None:
    """Write DeepFace's emotion network with random weights as it loads it: float32 (n, 48, 48, 1), 0–1 → probabilities (n, 7)."""
    import keras

    from train.architectures import build_network
    from train.config import FitConfig

    network = build_network(FitConfig(architecture="deepface"))
    pixels = keras.Input(network.input.shape[1:], name="pixels")
    x = pixels
    for layer in network.layers[2:]:  # behind the input and the scaling, which DeepFace does itself
        x = layer(x)
    model = keras.Model(pixels, keras.layers.Softmax()(x))
    model(np.zeros((1, *pixels.shape[1:]), np.float32))  # Keras exports only a model that was called
    path.parent.mkdir(parents=True, exist_ok=True)
    model.export(path, format="onnx", verbose=False)


def _take_turns(bench: Bench, steps: dict[str, Callable[[], Any]], folder: Path) -> tuple[dict[str, list[float]], dict[str, str], list[dict[str, str]]]:
    """Time all rows, one of each a round: the times by row, the versions by library, and what could not be timed."""
    with ExitStack() as stack:
        rivals, skipped = _open_rivals(bench, folder, stack)
        rows: dict[str, Callable[[], float]] = {row: partial(_one_time, step) for row, step in steps.items()}
        rows |= {row: partial(rival.milliseconds, row) for rival in rivals.values() for row in rival.rows}
        for take in rows.values():
            take()
        times: dict[str, list[float]] = {row: [] for row in rows}
        for _ in range(bench.rounds):
            for row, take in rows.items():
                times[row].append(take())
    return times, {name: rival.version for name, rival in rivals.items()}, skipped


def _one_time(step: Callable[[], Any]) -> float:
    return milliseconds(step, rounds=1)[0]


def _open_rivals(bench: Bench, folder: Path, stack: ExitStack) -> tuple[dict[str, Rival], list[dict[str, str]]]:
    home = bench.deepface_home if (bench.deepface_home / DEEPFACE_WEIGHTS).is_file() else folder
    rivals = {
        "numpy": stack.enter_context(opened("numpy", folder, environment=ONE_THREAD)),
        "keras": stack.enter_context(opened("keras", folder)),
        "deepface": stack.enter_context(opened("deepface", folder, environment={"DEEPFACE_HOME": str(home), "DEEPFACE_BACKEND_ENGINE": "onnx"})),
    }
    if not bench.fer_python:
        return rivals, [{"row": FER, "reason": "no --fer-python: train/bench.py says how to make its environment"}]
    return rivals | {"fer": stack.enter_context(opened("fer", folder, bench.fer_python))}, []


def _serve(bench: Bench, frame: Image, folder: Path) -> dict[str, float]:
    """Start the app some times: the median seconds to the first answer, and the most memory in MB."""
    if not bench.starts:
        return {}
    picture = folder / "frame.png"
    PIL.Image.fromarray(frame).save(picture)
    answers = [first_answer(picture) for _ in range(bench.starts)]
    return {"seconds": median(one.seconds for one in answers), "megabytes": max(one.megabytes for one in answers)}


def _summary(values: list[float], whole: float) -> dict[str, Any]:
    low, middle, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    return {"ms": round(middle, 3), "quartiles": [round(low, 3), round(high, 3)], "ratio": round(middle / whole, 3)}


def _targets(medians: dict[str, float], roof: float, served: dict[str, float]) -> list[dict[str, Any]]:
    whole = medians[WHOLE]
    return [
        _target("DeepFace's time for a frame over ours", medians[DEEPFACE] / whole, at_least=10),
        _target("fer's time for a frame over ours", medians[FER] / whole if FER in medians else None, at_least=5),
        _target("one face on one thread over the roof of one core", medians[NETWORK_ONE] / roof, at_most=1.4),
        _target("seconds from `python -m app` to its first answer", served.get("seconds"), at_most=4),
        _target("resident MB of the app after an answer", served.get("megabytes") or None, at_most=400),
    ]


def _target(what: str, value: float | None, *, at_least: float = 0, at_most: float = 0) -> dict[str, Any]:
    target = f"≥ {at_least:g}" if at_least else f"≤ {at_most:g}"
    reached = None if value is None else value >= at_least if at_least else value <= at_most
    return {"what": what, "value": None if value is None else round(value, 2), "target": target, "reached": reached}


def profile(step: Callable[[], Any], frames: int = _PROFILED) -> list[dict[str, Any]]:
    """Return the functions that take most of a step's time: name, own milliseconds a step, calls a step."""
    recorder = cProfile.Profile()
    for _ in range(frames):
        recorder.runcall(step)
    found = sorted(_own_times(pstats.Stats(recorder)), key=lambda one: one[1], reverse=True)[:_PROFILE_LINES]
    return [{"function": name, "ms": round(1000 * seconds / frames, 3), "calls": round(calls / frames, 1)} for name, seconds, calls in found]


def _own_times(stats: pstats.Stats) -> Iterator[tuple[str, float, int]]:
    recorded: dict[tuple[str, int, str], tuple[int, int, float, float, Any]] = stats.stats  # type: ignore[attr-defined]
    for (file, line, name), (_, calls, seconds, _, _) in recorded.items():
        yield (name if file == "~" else f"{Path(file).name}:{line} {name}"), seconds, calls


def write_report(report: dict[str, Any], folder: Path) -> None:
    """Write `bench.json`, `bench.png` and `bench.svg` into a folder."""
    from train.bench_figure import draw_bench
    from train.figures import save

    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "bench.json", report)
    save(draw_bench(report), folder / "bench")


def as_text(report: dict[str, Any]) -> str:
    """Lay the report out for a terminal."""
    lines = ["                                             ms   of our frame"]
    lines += [f"{_indented(row):38}{row['ms']:10.2f}{row['ratio']:10.2f} ×" for row in report["rows"]]
    lines += [f"{one['row']:38}  left out: {one['reason']}" for one in report["skipped"]]
    lines += ["", f"DeepFace's weights: {report['deepface_weights']}. Roof of one core: {report['roof_ms']:.2f} ms a face.", ""]
    lines += [_target_line(target) for target in report["targets"]]
    if "profile" in report:
        lines += ["", "where our frame's time goes             own ms     calls"]
        lines += [f"{one['function'][:38]:38}{one['ms']:8.3f}{one['calls']:10.1f}" for one in report["profile"]]
    return "\n".join(lines)


def _indented(row: dict[str, Any]) -> str:
    return f"  {row['row']}" if row["ours"] and row["row"] != WHOLE else str(row["row"])


def _target_line(target: dict[str, Any]) -> str:
    verdict = {True: "reached", False: "MISSED", None: "not measured"}[target["reached"]]
    value = "–" if target["value"] is None else f"{target['value']:.2f}"
    return f"{target['what']:54}{value:>9}  {target['target']:6}  {verdict}"
