"""When an answer is "not sure": the top probability below which a model had better not be believed.

A face whose top probability lies below `ModelConfig.certainty` is answered with "not sure". How
good the others are is read off the risk–coverage curve: for every threshold the share of faces
that are answered, and the share of those that are answered wrong (El-Yaniv & Wiener, "On the
Foundations of Noise-free Selective Classification", JMLR 2010; for networks that reject by their
top probability: Geifman & El-Yaniv, "Selective Classification for Deep Neural Networks", NeurIPS
2017). The threshold is chosen on validation, from calibrated probabilities; no test label has a
say in it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

from fersys.labels import EMOTIONS
from train.predictions import Predictions

# Of the faces a model is sure of, it must be right about three of four. Raters agree with two
# thirds of FER2013's labels, so this asks for a little more than a person who answers everything;
# four of five would silence our best model on a third of all faces and on half of the sad ones.
LEVEL = 0.75
SURENESS = 0.95  # of the lower bound that has to reach LEVEL
FEWEST = 100  # answered faces on which a threshold can be judged

_STEPS = 100  # thresholds are hundredths: they are written in cards and read by people

Floats = npt.NDArray[np.floating]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """The risk–coverage curve, a point for each distinct top probability, from the highest down.

    Attributes:
        threshold: float64 (k,), answers with this top probability or more are given.
        answered: int64 (k,), number of those, rising to all n images.
        risk: float64 (k,), share of wrong answers among them.
    """

    threshold: npt.NDArray[np.float64]
    answered: npt.NDArray[np.int64]
    risk: npt.NDArray[np.float64]

    @property
    def coverage(self) -> npt.NDArray[np.float64]:
        """Share of the images that are answered, float64 (k,), rising to 1."""
        return np.asarray(self.answered / self.answered[-1], dtype=np.float64)

    @property
    def area(self) -> float:
        """Area under the curve, AURC: the mean risk over all coverages, lower is better.

        Geifman, Uziel & El-Yaniv, "Bias-Reduced Uncertainty Estimation for Deep Neural
        Classifiers", ICLR 2019; images of equal top probability are answered together.
        """
        return float(self.risk @ np.diff(self.coverage, prepend=0.0))


def confidence(probabilities: Floats) -> npt.NDArray[np.float64]:
    """Return the top probability of each row of (n, 7), as serving compares it: as float64 (n,)."""
    return np.asarray(probabilities.max(axis=1), dtype=np.float64)


def risk_coverage(probabilities: Floats, truth: Labels) -> RiskCoverage:
    """Compute the curve of answers to labelled images.

    Args:
        probabilities: (n, 7), calibrated, rows sum to 1; n > 0.
        truth: int64 (n,), positions in `EMOTIONS`.
    """
    sure = confidence(probabilities)
    order = np.argsort(-sure, kind="stable")
    sure, wrong = sure[order], (probabilities.argmax(axis=1) != truth)[order]
    last = np.append(np.nonzero(np.diff(sure))[0], len(sure) - 1)  # of each run of equal probabilities
    return RiskCoverage(sure[last], last + 1, np.cumsum(wrong)[last] / (last + 1))


def lower_bound(right: int, answered: int) -> float:
    """Return the lower `SURENESS` bound of an accuracy, one-sided (Clopper & Pearson, Biometrika 1934)."""
    return float(beta.ppf(1 - SURENESS, right, answered - right + 1)) if right else 0.0


def choose_certainty(probabilities: Floats, truth: Labels) -> float:
    """Return the lowest threshold, in hundredths, from which on the answers are right often enough.

    Thresholds are tried from the strictest that answers `FEWEST` images downwards, and the last
    one before the lower bound of the accuracy first falls below `LEVEL` is taken. Such a walk in a
    fixed order that ends at the first failure tests many thresholds at no cost in `SURENESS`
    (Angelopoulos et al., "Learn then Test", 2021, fixed-sequence testing), where the binary search
    of Geifman & El-Yaniv pays for each step. Near twins count as images of their own, and the
    network was chosen on the same split: the figures of the test splits show what it comes to.

    Args:
        probabilities: (n, 7), calibrated, of the validation split.
        truth: int64 (n,), positions in `EMOTIONS`.

    Returns:
        the threshold, 0–1; 1, so that hardly any answer is certain, if none does.
    """
    sure, right = confidence(probabilities), probabilities.argmax(axis=1) == truth
    chosen = 1.0
    for threshold in np.arange(_STEPS, -1, -1) / _STEPS:
        given = sure >= threshold
        if given.sum() < FEWEST:
            continue
        if lower_bound(int(right[given].sum()), int(given.sum())) < LEVEL:
            break
        chosen = float(threshold)
    return chosen


def as_text(metrics: dict[str, Any]) -> str:
    """Lay out for a terminal what the certainty in `metrics.json` does to each split."""
    content = metrics["certainty"]
    lines = [f"{metrics['model']}  (certainty {content['threshold']:.2f})", f"{'':14}{'answered':>10}{'right':>10}{'AURC':>10}"]
    for split, figures in content["splits"].items():
        right = "–" if figures["accuracy"] is None else f"{figures['accuracy']:.3f}"
        lines.append(f"{split:14}{figures['coverage']:>10.3f}{right:>10}{figures['aurc']:>10.3f}")
    return "\n".join(lines) + "\n"


def summarize(predictions: Predictions, threshold: float) -> dict[str, Any]:
    """Return what a threshold does to each measured split, as it stands under "certainty" in `metrics.json`.

    Returns:
        {"threshold", "level": what was asked of the accuracy, "splits": {split: {"coverage": share
        of images answered, "accuracy": share right among those, None if there is none, "aurc",
        "answered": {expression: share answered of the images that show it, None if there is none}}}}.
    """
    splits = {name: _summarize_split(*predictions.of(name), threshold) for name in predictions.members}
    return {"threshold": threshold, "level": LEVEL, "splits": splits}


def _summarize_split(probabilities: Floats, truth: Labels, threshold: float) -> dict[str, Any]:
    given, right = confidence(probabilities) >= threshold, probabilities.argmax(axis=1) == truth
    return {
        "coverage": float(given.mean()),
        "accuracy": _share(right[given]),
        "aurc": risk_coverage(probabilities, truth).area,
        "answered": {name: _share(given[truth == position]) for position, name in enumerate(EMOTIONS)},
    }


def _share(chosen: npt.NDArray[np.bool_]) -> float | None:
    return float(chosen.mean()) if len(chosen) else None
