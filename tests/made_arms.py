"""Packages and records in miniature, with predictions from which all their figures can be computed."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fersys.config import read_config, write_config
from fersys.labels import EMOTIONS
from tests.tiny_package import make_package
from train.history import COLUMNS, write_history
from train.measure import recompute, write_metrics
from train.predictions import Predictions, write_predictions

SIZES = {"train": 280, "validation": 140, "test": 140}
FINGERPRINT = "0" * 64
RESAMPLES = 20


def predictions(seed: int = 0, skill: float = 1.5, memory: float = 0.0, splits: tuple[str, ...] = ("train", "validation", "test")) -> Predictions:
    """Answers of a made model to made images; labels, twins and truths are the same whatever the arguments.

    Args:
        seed: of the answers.
        skill: how far the true expression's logit is lifted.
        memory: how much further on train.
        splits: official splits that were measured; test brings `test_clean` and `test_ferplus` along.
    """
    official = np.repeat(list(SIZES), list(SIZES.values()))
    count = len(official)
    labels = np.arange(count) % len(EMOTIONS)
    lift = skill + memory * (official == "train")
    logits = np.random.default_rng(seed).normal(size=(count, len(EMOTIONS))) + lift[:, None] * np.eye(len(EMOTIONS))[labels]
    powers = np.exp(logits)
    groups = np.arange(count) - (np.arange(count) % 10 == 9)  # each tenth image is a twin of the one before
    members = {name: official == name for name in splits}
    if "test" in splits:
        members |= {"test_clean": (official == "test") & (np.arange(count) % 10 != 9), "test_ferplus": (official == "test") & (labels != 1)}
    inside = np.any(list(members.values()), axis=0)
    whole = Predictions(np.arange(count), np.arange(count), official, labels, labels, groups, members, (powers / powers.sum(axis=1, keepdims=True)))
    return _only(whole, inside)


def _only(whole: Predictions, inside: Any) -> Predictions:
    return Predictions(
        index=whole.index[inside],
        rows=whole.rows[inside],
        splits=whole.splits[inside],
        labels=whole.labels[inside],
        ferplus=whole.ferplus[inside],
        groups=whole.groups[inside],
        members={name: mask[inside] for name, mask in whole.members.items()},
        probabilities=whole.probabilities[inside].astype(np.float32),
    )


def make_arm(folder: Path, name: str, answers: Predictions, **facts: Any) -> Path:
    """Write a measured package, or a record if `serving_megabytes` is among the facts, and return its folder.

    Args:
        folder: where it is made.
        name: of the folder and of the model.
        answers: what the model said.
        facts: changes of its metrics; `temperature` and `certainty` go into its config, `history` is a number of epochs.
    """
    epochs, certainty = facts.pop("history", 0), facts.pop("certainty", 0.0)
    package = make_package(folder, name, seed=len(name))
    config = replace(read_config(package), temperature=facts.get("temperature", 1.0), certainty=certainty)
    write_predictions(package / "predictions.parquet", answers)
    metrics = {
        "format": 1,
        "model": name,
        "serving_sha256": config.files[config.serving_file],
        "data_fingerprint": FINGERPRINT,
        "test_opened": "2026-11-25" if "test" in answers.members else None,
        "temperature": 1.0,
        "splits": {},
        "params": 1_234_567,
        "macs": 89_000_000,
    }
    write_metrics(package, config, metrics | facts)
    write_metrics(package, config, recompute(package, RESAMPLES))
    if epochs:
        write_history(package / "history.csv", [dict.fromkeys(COLUMNS, 0.5) | {"epoch": float(number + 1)} for number in range(epochs)])
    if "serving_megabytes" in facts:
        (package / config.serving_file).unlink()
    return package


def edit(path: Path, **changes: Any) -> None:
    """Change keys of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def set_config(package: Path, **changes: Any) -> None:
    """Change `fersys.json`."""
    write_config(package, replace(read_config(package), **changes))
