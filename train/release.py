"""Ships a measured run as a package in `hub/models/`, and measures shipped packages again."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from fersys.config import ModelConfig, read_config
from fersys.errors import PackageError
from fersys.package import FIGURES_FOLDER, METRICS_FILE, RECORD_FILES, check_package, model_files, seal
from train.data import Fer2013
from train.figures import draw_all
from train.measure import check_current, measure, read_metrics
from train.runs import check_same_data, read_run

_TOLERANCE = 5e-4  # three decimals; another processor may round the last digits otherwise
_SHIPPABLE = {"splits": "official", "clean": True, "limit": 0}
CERTAINTY = ("coverage", "accuracy", "aurc")
HEADLINE = ("accuracy", "balanced_accuracy", "macro_f1", "weighted_f1", "nll", "brier", "ece")


def release(run: Path, models: Path, data: Fer2013) -> Path:
    """Open the test splits for a run, once, and copy its package to `models/<name>/`.

    Raises:
        PackageError: if a file of the run is missing or changed, if the run as it is now was not
            measured on validation, or if a package of that name was released before with other
            weights: its test figures were seen, so a second try needs a name of its own.
    """
    config = check_package(run)
    _check_trained(run, data)
    _check_measured(run, config)
    target = models / config.name
    if (target / METRICS_FILE).is_file() and read_config(target).files.get(config.serving_file) != config.files.get(config.serving_file):
        raise PackageError(f"{target} was released with other weights: its test split was opened. Remove it by hand to replace it. Received: {run}")
    measure(run, data, release=True)
    draw_all(run)
    seal(run, read_config(run))
    target.mkdir(parents=True, exist_ok=True)
    for name in ("fersys.json", *model_files(config), *RECORD_FILES):
        shutil.copy2(run / name, target / name)
    shutil.copytree(run / FIGURES_FOLDER, target / FIGURES_FOLDER, dirs_exist_ok=True)
    check_package(target)
    return target


def _check_trained(run: Path, data: Fer2013) -> None:
    """Before the test is opened: no image of it, and no twin of one, was fitted on."""
    check_same_data(run, data)
    settings = read_run(run)["config"]
    received = {name: settings.get(name) for name in _SHIPPABLE}
    if received != _SHIPPABLE:
        raise PackageError(f"{run} cannot be released: expected it to be trained with {_SHIPPABLE}. Received: {received}")


def _check_measured(run: Path, config: ModelConfig) -> None:
    """Before the test is opened: all was chosen on validation, for this very file."""
    metrics = read_metrics(run)
    check_current(run, config, metrics)
    threshold = metrics.get("certainty", {}).get("threshold")
    if threshold != config.certainty:
        raise PackageError(f"{run}: expected metrics at certainty {config.certainty}, python -m train evaluate writes them. Received: {threshold}")
    missing = [name for name in RECORD_FILES if not (run / name).is_file()]
    if missing:
        raise PackageError(f"{run} is incomplete: expected {', '.join(RECORD_FILES)}. Received none of: {', '.join(missing)}")


def remeasure(folder: Path, data: Fer2013) -> list[str]:
    """Measure a shipped package anew and return the figures that differ in the third decimal, counts and intervals too.

    Raises:
        PackageError: if a file of the package is missing or changed.
    """
    check_package(folder)
    check_same_data(folder, data)
    published = read_metrics(folder)
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(shutil.copytree(folder, Path(scratch) / folder.name))
        measured = measure(copy, data)
    return _differences(published, measured)


def _differences(published: dict[str, Any], measured: dict[str, Any]) -> list[str]:
    found = [f"{name}: published {published[name]}, measured {measured[name]}" for name in ("params", "macs") if published[name] != measured[name]]
    for split, figures in published["splits"].items():
        if split not in measured["splits"]:
            found.append(f"{split}: cannot be measured on this copy of the data")
            continue
        before, now = _figures(figures), _figures(measured["splits"][split])
        changed = [name for name in {**before, **now} if _differ(before.get(name), now.get(name))]
        found += [f"{split} {name}: published {_shown(before.get(name))}, measured {_shown(now.get(name))}" for name in changed]
    return found + _certainty_differences(published, measured)


def _figures(content: Any, name: str = "") -> dict[str, float]:
    """All numbers of a split by their paths, such as "per_class disgust f1"."""
    if not isinstance(content, dict | list):
        return {name: content} if isinstance(content, int | float) else {}
    pairs = content.items() if isinstance(content, dict) else enumerate(content)
    return {path: value for key, inside in pairs for path, value in _figures(inside, f"{name} {key}".strip()).items()}


def _shown(value: float | None) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _certainty_differences(published: dict[str, Any], measured: dict[str, Any]) -> list[str]:
    if "certainty" not in published:
        return []
    before, now = published["certainty"], measured["certainty"]
    pairs = {"threshold": (before["threshold"], now["threshold"])}
    for split in before["splits"].keys() & now["splits"].keys():
        pairs |= {f"{split} {name}": (before["splits"][split][name], now["splits"][split][name]) for name in CERTAINTY}
    return [f"certainty {name}: published {old}, measured {new}" for name, (old, new) in sorted(pairs.items()) if _differ(old, new)]


def _differ(old: float | None, new: float | None) -> bool:
    return old != new if old is None or new is None else abs(old - new) >= _TOLERANCE


def _certainty(metrics: dict[str, Any]) -> str:
    content = metrics.get("certainty", {})
    figures = content.get("splits", {}).get("validation")
    if not figures:
        return ""
    if content["threshold"] >= 1:
        return "  never sure: too seldom right for a threshold"
    right = "" if figures["accuracy"] is None else f", {figures['accuracy']:.3f} of these right"
    return f"  sure from {content['threshold']:.2f}: {figures['coverage']:.3f} of validation answered{right}"


def headline(metrics: dict[str, Any]) -> str:
    """Lay out the figures of each split for a terminal."""
    lines = [
        f"{metrics['model']}  (temperature {metrics['temperature']:.3f}){_certainty(metrics)}",
        f"{'':14}{'n':>7}" + "".join(f"{name.replace('balanced_', 'bal_'):>13}" for name in HEADLINE),
    ]
    for split, figures in metrics["splits"].items():
        lines.append(f"{split:14}{figures['n']:>7}" + "".join(f"{figures[name]:>13.3f}" for name in HEADLINE))
    return "\n".join(lines)
