"""What a model scores on images that it was trained on, and on others: the paper's 0.82 for DeepFace.

The paper measured DeepFace on Kaggle's random re-split of FER2013, 28,821 of all 35,887 images.
Most of these are official Training images, which DeepFace was trained on. Which ones they are is
not known here, so they are drawn anew: `DRAWS` seeded draws, stratified by label.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import train_test_split

from fersys.labels import EMOTIONS
from train.arms import AS_PUBLISHED, Arm
from train.expression_metrics.expression_metrics import LABELS, check_answers, from_sums, group_sums
from train.predictions import Predictions
from train.sources import COUNTS, SPLITS

DRAWN = 28_821  # images in the "train" folder of Kaggle's jonathanoheix/face-expression-recognition-dataset
DRAWS = 20
SIMULATED = "paper_28821"  # its name beside those of the real splits

_ALL = sum(COUNTS.values())
_SCALARS = ("accuracy", "macro_f1", "weighted_f1")
_TABLE = ("train", "validation", "test", "test_clean", "test_strict")

# What was claimed. Sources: the paper's text and Table 2; DeepFace's author in serengil/deepface #247 and #1375.
PAPER: dict[str, Any] = {
    "accuracy": 0.82,
    "per_class": {"angry": 0.77, "disgust": 0.77, "fear": 0.89, "surprise": 0.91},
    "source": "the paper, on 28,821 images of a random re-split",
}
AUTHOR: dict[str, Any] = {
    "train": 0.9205,
    "validation": 0.5743,
    "source": "DeepFace's author: serengil/deepface #247, #1375",
}

Mask = npt.NDArray[np.bool_]


def draws(labels: npt.NDArray[np.int64], count: int = DRAWS) -> Mask:
    """Draw as large a part of the images as the paper's, stratified by label.

    Args:
        labels: int64 (n,), of all images in the order of the data set.
        count: number of draws, seeded 0 … count − 1.

    Returns:
        bool (count, n).
    """
    size, everything = round(len(labels) * DRAWN / _ALL), np.arange(len(labels))
    chosen = [train_test_split(everything, train_size=size, stratify=labels, random_state=seed)[0] for seed in range(count)]
    return np.stack([np.isin(everything, one) for one in chosen])


def simulate(predictions: Predictions, count: int = DRAWS) -> dict[str, Any] | None:
    """Return what a model scores on the drawn images; None if it was not measured on all three official splits.

    Returns:
        {"n", "draws", "seen": share of the drawn images that are official Training images,
        "accuracy", "macro_f1", "weighted_f1", "per_class": {expression: {"precision", "recall",
        "f1"}}}: each a {"mean", "low", "high"} over the draws.
    """
    if not set(SPLITS) <= set(predictions.members):
        return None
    masks = draws(predictions.labels, count)
    answers = check_answers(predictions.probabilities, predictions.labels, np.arange(len(predictions.labels)), len(LABELS))
    values = from_sums(masks.astype(np.float64) @ group_sums(answers, len(LABELS)), LABELS)
    return {
        "n": int(masks[0].sum()),
        "draws": count,
        "seen": _range(masks[:, predictions.members["train"]].sum(axis=1) / masks.sum(axis=1)),
        **{name: _range(values[name]) for name in _SCALARS},
        "per_class": {name: {kind: _range(values[f"{name}_{kind}"]) for kind in ("precision", "recall", "f1")} for name in EMOTIONS},
    }


def _range(values: npt.NDArray[np.floating]) -> dict[str, float]:
    return {"mean": float(values.mean()), "low": float(values.min()), "high": float(values.max())}


def expected_accuracy(seen: float) -> float:
    """Return what the author's two figures give on images of which a share was trained on, 0–1."""
    return float(seen * AUTHOR["train"] + (1 - seen) * AUTHOR["validation"])


def tell(arms: Sequence[Arm], simulated: dict[str, dict[str, Any] | None]) -> dict[str, Any]:
    """Put what was claimed beside what every model scores on images it has and has not seen.

    Args:
        arms: the models.
        simulated: `simulate` of each, by name.

    Returns:
        {"paper", "author": the claims, "seen": share of Training among the drawn images,
        "expected": accuracy that the author's figures give there, both None if nothing could be
        drawn, "as_published": `AS_PUBLISHED` or None, "rows": [{"model", "paper_28821": mean, low and
        high, and the accuracy on each split; None where it was not measured}]}.
    """
    seen = next((one["seen"]["mean"] for one in simulated.values() if one), None)
    return {
        "paper": PAPER,
        "author": AUTHOR,
        "seen": seen,
        "expected": None if seen is None else expected_accuracy(seen),
        "as_published": AS_PUBLISHED if any(arm.name == AS_PUBLISHED for arm in arms) else None,
        "rows": [_row(arm, simulated[arm.name]) for arm in arms],
    }


def _row(arm: Arm, simulated: dict[str, Any] | None) -> dict[str, Any]:
    splits = arm.metrics["splits"]
    accuracy = {name: splits[name]["accuracy"] if name in splits else None for name in _TABLE}
    return {"model": arm.name, SIMULATED: simulated["accuracy"] if simulated else None, **accuracy}
