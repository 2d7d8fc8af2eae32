"""A package that a card can be made of: a real serving file in miniature, and figures as training and measuring write them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from fersys.config import read_config
from fersys.labels import EMOTIONS
from fersys.package import seal
from tests.tiny_package import make_package
from train.config import FitConfig, to_dict

_SCALARS = ("balanced_accuracy", "macro_f1", "weighted_f1", "nll", "brier", "ece")


def figures(accuracy: float, n: int = 3589) -> dict[str, Any]:
    """The figures of a split, all different; disgust is the weakest expression, and it is taken for fear."""
    per_class = {name: dict.fromkeys(("precision", "recall", "f1"), 0.5 + (i + 6) % 7 / 100) | {"support": 100 + i} for i, name in enumerate(EMOTIONS)}
    per_class["disgust"]["f1"] = 0.1234
    values = {name: accuracy - (i + 1) / 100 for i, name in enumerate(_SCALARS)}
    matrix = [[80 if i == j else 2 for j in range(len(EMOTIONS))] for i in range(len(EMOTIONS))]
    matrix[1] = [1, 50, 45, 1, 1, 1, 1]
    around = {name: [accuracy - 0.02, accuracy + 0.02] for name in ("accuracy", "macro_f1")}
    more = {"ci95": around | {"happy_f1": [0.4444, 0.5555]}, "uncalibrated": {"nll": 1.111, "brier": 0.888, "ece": 0.777}}
    return {"n": n, "accuracy": accuracy, **values, "per_class": per_class, "confusion_matrix": matrix, **more}


METRICS: dict[str, Any] = {
    "format": 1,
    "model": "tiny",
    "data_fingerprint": "f" * 64,
    "test_opened": None,
    "splits": {"train": figures(0.91234, 28_709), "validation": figures(0.65432)},
}
OPENED = METRICS | {
    "test_opened": "2001-02-03",
    "splits": METRICS["splits"] | {"test": figures(0.7004), "test_clean": figures(0.69, 3301), "test_strict": figures(0.68, 3176)},
}
RUN: dict[str, Any] = {
    "config": to_dict(FitConfig()),
    "removed": {"twin_in_validation_or_test": 1234, "conflicting_labels": 56, "repeated": 789, "kept": 26_000},
    "versions": {"python": "3.11.7", "keras": "3.15.1"},
    "git_revision": "abcdef+",
    "tau": 0.35,
}
HISTORY = "epoch,val_accuracy,seconds\n1,0.4,70.0\n2,0.62345,50.0\n3,0.61,60.0\n"


def make_measured(folder: Path, name: str = "tiny") -> Path:
    """Write such a package into folder/name: a run of which the test splits were not opened."""
    package = make_package(folder, name)
    (package / "figures").mkdir()
    for figure in ("confusion_validation.png", "learning_curves.png", "learning_curves.svg"):
        (package / "figures" / figure).touch()
    change(package, "metrics.json", METRICS)
    change(package, "run.json", RUN)
    (package / "history.csv").write_text(HISTORY)
    seal(package, replace(read_config(package), temperature=1.234, params=2_780_000, macs=91_000_000))
    return package


def change(folder: Path, name: str, content: dict[str, Any]) -> None:
    """Replace a JSON file of a package."""
    (folder / name).write_text(json.dumps(content))


def compared(package: Path) -> dict[str, Any]:
    """A comparison that measured this very package, beside another model."""
    config = read_config(package)
    kind = {"unit": "px", "strengths": [0.5, 3.0]}
    own = {"images": 100, "clean": 0.5, "accuracy": {"blur": [0.6123, 0.5], "noise": [0.3, 0.2123]}, "serving_sha256": config.files[config.serving_file]}
    draws = {"draws": 20, "seen": {"mean": 0.8}, "accuracy": {"mean": 0.7777, "low": 0.7654, "high": 0.7899}}
    tested = {"p_holm": 0.0421, "accuracy": {"value": 0.0511, "ci95": [0.0411, 0.0611]}}
    return {
        "models": [
            {"model": config.name, "about": "ours", "splits": OPENED["splits"], "paper_28821": draws},
            {"model": "other", "about": "somebody's", "splits": {"validation": figures(0.6032), "test": figures(0.6)}},
        ],
        "references": [{"model": "human raters", "accuracy": 0.65, "macro_f1": None, "disgust_f1": None, "note": "± 5 points"}],
        "contamination": {"rows": [{"model": config.name, "validation": 0.65432, "test": 0.7004}]},
        "pairs": {split: [{"first": "other", "second": second, **tested} for second in (config.name, "third")] for split in ("validation", "test")},
        "robustness": {"split": "validation", "corruptions": {"blur": kind, "noise": kind}, "models": {config.name: own}},
    }
