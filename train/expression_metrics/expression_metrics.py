"""How well predicted probabilities fit the true classes, with intervals that know of duplicates.

    metric = evaluate.load("train/expression_metrics")  # this folder, or the id of its Space
    metric.compute(predictions=probabilities, references=labels, groups=twin_groups)

Point values come from scikit-learn. Intervals come from a bootstrap that draws whole groups of
duplicate images, since copies of one picture are not independent answers (Field & Welsh 2007).
This file stands alone, so that it loads by id where nothing else of its project is installed.
The loader of `evaluate` reads one module a line: `import a, b` would break it.
"""

from dataclasses import dataclass
from typing import Any

import datasets
import evaluate
import numpy as np
import numpy.typing as npt
from sklearn.calibration import calibration_curve
from sklearn.metrics import accuracy_score, balanced_accuracy_score, brier_score_loss, confusion_matrix, log_loss, precision_recall_fscore_support

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
BINS = 15
LEVEL = 95.0

_SUM_TOLERANCE = 1e-3
_CHUNK = 50  # resamples drawn at once: 50 × 28,709 weights are 11 MB

_DESCRIPTION = "Accuracy, F1, confusion matrix and calibration of a classifier, with duplicate-aware bootstrap intervals."
_INPUTS = """
Args:
    predictions: k probabilities for each image, in the order of `labels`; each row sums to 1.
    references: the true class of each image, 0 to k − 1.
    groups: a whole number for each image; equal numbers mark duplicates. No duplicates: range(n).
    labels: names of the k classes. Default: the seven expressions.
    resamples: number of bootstrap resamples; 0 leaves the intervals out. Default: 1000.
    seed: seed of the resampling. Default: 0.
Returns:
    A dict of plain numbers and lists: n, accuracy, balanced_accuracy, macro_f1, weighted_f1, nll
    (nats), brier (0–2, summed over the classes), ece (15 equal-width bins of the top probability),
    per_class {label: precision, recall, f1, support}, confusion_matrix (rows = truth), and ci95
    {scalar: [low, high]}, also for "<label>_precision", "<label>_recall" and "<label>_f1".
"""


@dataclass(frozen=True)
class Settings:
    """What `compute` takes beside the data."""

    labels: tuple[str, ...] = LABELS
    resamples: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.resamples < 0:
            raise ValueError(f"resamples: expected 0 or more. Received: {self.resamples}")
        if len(set(self.labels)) != len(self.labels) or len(self.labels) < 2:
            raise ValueError(f"labels: expected at least two different names. Received: {self.labels}")


@dataclass(frozen=True)
class Answers:
    """Checked input: truth int64 (n,), probabilities float64 (n, k), groups 0 … g − 1 int64 (n,)."""

    truth: Indices
    probabilities: Floats
    groups: Indices

    @property
    def chosen(self) -> Indices:
        """The most probable class of each image, int64 (n,)."""
        return np.asarray(self.probabilities.argmax(axis=1), dtype=np.int64)


class ExpressionMetrics(evaluate.Metric):
    """`evaluate` module: see `_INPUTS` for what goes in and comes out."""

    def _info(self) -> evaluate.MetricInfo:
        number = datasets.Value("int64")
        features = {"predictions": datasets.Sequence(datasets.Value("float64")), "references": number, "groups": number}
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation="",
            inputs_description=_INPUTS,
            features=datasets.Features(features),
            reference_urls=["https://scikit-learn.org/stable/modules/model_evaluation.html"],
        )

    def _compute(self, predictions: Any, references: Any, groups: Any, **settings: Any) -> dict[str, Any]:
        chosen = Settings(**(settings | {"labels": tuple(settings.get("labels", LABELS))}))
        answers = check_answers(predictions, references, groups, len(chosen.labels))
        result = point_values(answers, chosen.labels)
        if chosen.resamples:
            result["ci95"] = intervals(answers, chosen)
        return result


def check_answers(predictions: Any, references: Any, groups: Any, classes: int) -> Answers:
    """Turn the input into arrays whose rows of probabilities sum to 1 exactly.

    Raises:
        ValueError: if there is nothing, a row has another number of probabilities than there are
            classes or does not sum to 1, or a true class is out of range.
    """
    if not len(predictions):
        raise ValueError("Expected at least one prediction. Received: none")
    if {len(row) for row in predictions} != {classes}:
        raise ValueError(f"Expected {classes} probabilities a row. Received: {sorted({len(row) for row in predictions})}")
    probabilities = np.asarray(predictions, dtype=np.float64)
    sums = probabilities.sum(axis=1, keepdims=True)
    if not (probabilities >= 0).all() or np.abs(sums - 1).max() > _SUM_TOLERANCE:
        raise ValueError(f"Expected probabilities: not negative, each row summing to 1. Received sums from {sums.min():.4g} to {sums.max():.4g}")
    truth = np.asarray(references, dtype=np.int64)
    if truth.min() < 0 or truth.max() >= classes:
        raise ValueError(f"Expected classes from 0 to {classes - 1}. Received: {truth.min()} to {truth.max()}")
    numbers = np.unique(np.asarray(groups, dtype=np.int64), return_inverse=True)[1]
    return Answers(truth, probabilities / sums, np.asarray(numbers, dtype=np.int64))


def point_values(answers: Answers, labels: tuple[str, ...]) -> dict[str, Any]:
    """Return the statistics of all images, by scikit-learn; a ratio over nothing counts as 0."""
    truth, chosen, classes = answers.truth, answers.chosen, np.arange(len(labels))
    each = precision_recall_fscore_support(truth, chosen, labels=classes, zero_division=0)
    table = [dict(zip(("precision", "recall", "f1"), map(float, row[:3]), strict=True)) | {"support": int(row[3])} for row in zip(*each, strict=True)]
    averages = {kind: precision_recall_fscore_support(truth, chosen, labels=classes, average=kind, zero_division=0)[2] for kind in ("macro", "weighted")}
    return {
        "n": len(truth),
        "accuracy": float(accuracy_score(truth, chosen)),
        "balanced_accuracy": float(balanced_accuracy_score(truth, chosen)),
        "macro_f1": float(averages["macro"]),
        "weighted_f1": float(averages["weighted"]),
        "nll": float(log_loss(truth, answers.probabilities, labels=classes)),
        "brier": float(brier_score_loss(truth, answers.probabilities, labels=classes, scale_by_half=False)),
        "ece": calibration_error(answers),
        "per_class": dict(zip(labels, table, strict=True)),
        "confusion_matrix": confusion_matrix(truth, chosen, labels=classes).tolist(),
    }


def bin_of(confidence: Floats) -> Indices:
    """Return the bin 0 … `BINS` − 1 of each confidence; a bin holds its upper edge, as in `calibration_curve`."""
    return np.asarray(np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], confidence), dtype=np.int64)


def calibration_error(answers: Answers) -> float:
    """Return the expected calibration error (Naeini et al. 2015; Guo et al. 2017), 0–1."""
    confidence = np.minimum(answers.probabilities.max(axis=1), 1.0)
    right = (answers.chosen == answers.truth).astype(np.int64)
    accuracy, average = calibration_curve(right, confidence, n_bins=BINS, strategy="uniform", pos_label=1)
    share = np.bincount(bin_of(confidence), minlength=BINS) / len(right)
    return float(np.abs(accuracy - average) @ share[share > 0])


def intervals(answers: Answers, settings: Settings) -> dict[str, list[float]]:
    """Return the 95 % percentile interval of each scalar over resamples of whole groups."""
    tail = (100 - LEVEL) / 2
    return {name: np.percentile(value, [tail, 100 - tail]).tolist() for name, value in resampled(answers, settings).items()}


def resampled(answers: Answers, settings: Settings) -> dict[str, Floats]:
    """Return each scalar of each resample of whole groups, float64 (resamples,).

    Every statistic is a function of sums over images, so a resample needs only the sums of each
    group, weighted by how often the group was drawn. Which groups are drawn depends on their number
    and the seed alone: two models that answered the same images are resampled alike, so that
    differences between their values are those of a paired bootstrap.
    """
    sums = group_sums(answers, len(settings.labels))
    random = np.random.default_rng(settings.seed)
    drawn = [_draw(sums, min(_CHUNK, settings.resamples - start), random) for start in range(0, settings.resamples, _CHUNK)]
    return from_sums(np.concatenate(drawn), settings.labels)


def _draw(sums: Floats, count: int, random: np.random.Generator) -> Floats:
    """Sums (count, columns) of `count` resamples of the groups."""
    groups = len(sums)
    weights = np.stack([np.bincount(random.integers(0, groups, groups), minlength=groups) for _ in range(count)])
    return np.asarray(weights.astype(np.float64) @ sums)


def group_sums(answers: Answers, classes: int) -> Floats:
    """Return for each group the sums that every statistic is made of, float64 (groups, columns).

    Columns: confusion matrix (k²), −log p and squared error of the images, then for each
    confidence bin the number right minus the sum of confidences.
    """
    truth, probabilities = answers.truth, answers.probabilities
    confidence, one_hot = probabilities.max(axis=1), np.eye(classes)[truth]
    floor = np.finfo(np.float64).eps  # as in scikit-learn's log_loss
    loss = -np.log(np.clip((probabilities * one_hot).sum(axis=1), floor, 1 - floor))
    error = np.square(probabilities - one_hot).sum(axis=1)
    cell = np.eye(classes * classes)[truth * classes + answers.chosen]
    gap = np.eye(BINS)[bin_of(confidence)] * ((answers.chosen == truth) - confidence)[:, None]
    each = np.concatenate([cell, loss[:, None], error[:, None], gap], axis=1)
    sums = np.zeros((int(answers.groups.max()) + 1, each.shape[1]))
    np.add.at(sums, answers.groups, each)
    return sums


def from_sums(sums: Floats, labels: tuple[str, ...]) -> dict[str, Floats]:
    """Return each scalar of each resample, float64 (resamples,), from its sums (resamples, columns)."""
    classes = len(labels)
    cells = sums[:, : classes * classes].reshape(-1, classes, classes)
    count, support, guessed = cells.sum(axis=(1, 2)), cells.sum(axis=2), cells.sum(axis=1)
    right = np.diagonal(cells, axis1=1, axis2=2)
    recall, f1 = _ratio(right, support), _ratio(2 * right, support + guessed)
    values = {
        "accuracy": right.sum(axis=1) / count,
        "balanced_accuracy": recall.sum(axis=1) / (support > 0).sum(axis=1),
        "macro_f1": f1.mean(axis=1),
        "weighted_f1": (f1 * support).sum(axis=1) / count,
        "nll": sums[:, classes * classes] / count,
        "brier": sums[:, classes * classes + 1] / count,
        "ece": np.abs(sums[:, classes * classes + 2 :]).sum(axis=1) / count,
    }
    for name, table in (("precision", _ratio(right, guessed)), ("recall", recall), ("f1", f1)):
        values |= {f"{label}_{name}": table[:, index] for index, label in enumerate(labels)}
    return values


def _ratio(part: Floats, whole: Floats) -> Floats:
    """part / whole, and 0 where the whole is 0."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
