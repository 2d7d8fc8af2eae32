"""What is chosen on validation after the training: a temperature, a certainty, how far to lift rare classes.

All only re-scale a trained network's logits or judge its answers. A logit adjustment belongs into
the network before export: subtracting tau·log(prior) from the bias of its last layer is the same
as `adjust_logits`. The temperature is fitted after that, the certainty (`train/certainty.py`) on
what then comes out; both are stored in `fersys.json`.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from scipy.stats import chi2
from sklearn.metrics import accuracy_score, f1_score, log_loss

from fersys.calibration import apply_temperature
from fersys.config import read_config, write_config
from fersys.errors import ConfigError, DataError
from fersys.labels import EMOTIONS
from fersys.package import PREDICTIONS_FILE, check_package
from train.certainty import choose_certainty, summarize
from train.data import Fer2013
from train.embeddings import open_recognizer
from train.expression_metrics.expression_metrics import Answers, calibration_error
from train.measure import Metrics, check_current, read_metrics, write_metrics
from train.predictions import predict_images, read_predictions

TAUS: tuple[float, ...] = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)
ACCURACY_COST = 0.005  # what a logit adjustment may cost: half a point

_LOG_TEMPERATURES = (np.log(0.1), np.log(10.0))
_SURENESS = 0.95  # of the likelihood-ratio interval that a temperature is chosen from
_REACH, _CANDIDATES = 0.25, 101  # log-temperatures tried on either side of the likeliest, and their number

Probabilities = npt.NDArray[np.floating]
Labels = npt.NDArray[np.int64]


def fit_temperature(probabilities: Probabilities, labels: Labels) -> float:
    """Return the temperature, 0.1–10, that minimises the negative log-likelihood (Guo et al. 2017).

    Args:
        probabilities: (n, 7) of the uncalibrated network, rows sum to 1.
        labels: int64 (n,), positions in `EMOTIONS`.
    """

    def loss(log_temperature: float) -> float:
        return _nll(apply_temperature(probabilities, float(np.exp(log_temperature))), labels)

    return float(np.exp(minimize_scalar(loss, bounds=_LOG_TEMPERATURES, method="bounded", options={"xatol": 1e-4}).x))


def choose_temperature(probabilities: Probabilities, labels: Labels) -> float:
    """Return, of the temperatures that the likelihood cannot tell from the best one, the best calibrated.

    They form its 95 % likelihood-ratio interval (Wilks, Annals of Mathematical Statistics 1938):
    the summed negative log-likelihood lies within half a chi-squared quantile of the least. Among
    `_CANDIDATES` of them the one with the lowest calibration error (ECE, 15 bins) is taken.

    Args:
        probabilities: (n, 7) of the uncalibrated network, rows sum to 1.
        labels: int64 (n,), positions in `EMOTIONS`.
    """
    best = fit_temperature(probabilities, labels)
    allowed = _nll(apply_temperature(probabilities, best), labels) + chi2.ppf(_SURENESS, 1) / (2 * len(labels))
    reach = best * np.exp(np.linspace(-_REACH, _REACH, _CANDIDATES))
    inside = [float(t) for t in reach if _nll(apply_temperature(probabilities, float(t)), labels) <= allowed]
    return min(inside or [best], key=lambda t: _ece(apply_temperature(probabilities, t), labels))


def _ece(probabilities: Probabilities, labels: Labels) -> float:
    return calibration_error(Answers(labels, np.asarray(probabilities, np.float64), np.arange(len(labels))))


def _nll(probabilities: Probabilities, labels: Labels) -> float:
    exact = np.asarray(probabilities, dtype=np.float64)
    return float(log_loss(labels, exact / exact.sum(axis=1, keepdims=True), labels=np.arange(exact.shape[1])))


def calibrate_package(folder: Path, data: Fer2013) -> float:
    """Choose temperature and certainty of a package on the validation split and store them in `fersys.json`.

    What the package now says is first brought back to temperature 1, so a second call finds the
    same temperature again. Returns the temperature.

    Raises:
        PackageError: if the folder is no package, or its serving file was changed.
        DataError: if the data have no validation split.
    """
    config, validation = read_config(folder), data.split("validation")
    calibrated = predict_images(open_recognizer(folder, data, ["validation"]), validation.images)
    raw = apply_temperature(calibrated, 1 / config.temperature)
    temperature = choose_temperature(raw, validation.labels)
    certainty = choose_certainty(apply_temperature(raw, temperature), validation.labels)
    write_config(folder, replace(config, temperature=temperature, certainty=certainty))
    return temperature


def set_certainty(folder: Path) -> Metrics:
    """Choose the certainty of a measured package from its own validation predictions, and return its metrics.

    Writes it to `fersys.json` and what it does to each split to `metrics.json`; nothing is
    predicted or measured anew, all other figures and files stay.

    Raises:
        PackageError: if a file of the package is missing or changed, or if it was not measured as it is now.
        DataError: if it was not measured on validation.
    """
    config, metrics = check_package(folder), read_metrics(folder)
    check_current(folder, config, metrics)
    predictions = read_predictions(folder / PREDICTIONS_FILE)
    if "validation" not in predictions.members:
        raise DataError(f"{folder}: expected predictions of the validation split. Received: {', '.join(predictions.members)}")
    certainty = choose_certainty(*predictions.of("validation"))
    metrics["certainty"] = summarize(predictions, certainty)
    write_metrics(folder, replace(config, certainty=certainty), metrics)
    return metrics


def class_priors(labels: Labels) -> npt.NDArray[np.float64]:
    """Return the share of each expression among the labels fitted on, float64 (7,).

    Raises:
        ConfigError: if an expression is missing: its prior would be 0.
    """
    counts = np.bincount(labels, minlength=len(EMOTIONS))
    if not counts.all():
        raise ConfigError(f"Priors: expected every expression among the labels. Received counts: {counts.tolist()}")
    return np.asarray(counts / counts.sum(), dtype=np.float64)


def adjust_logits(probabilities: Probabilities, priors: npt.NDArray[np.float64], tau: float) -> npt.NDArray[np.float32]:
    """Return softmax(log p − tau · log prior): rare classes are lifted, tau = 0 changes nothing.

    Post-hoc logit adjustment of Menon et al., "Long-tail learning via logit adjustment", ICLR 2021.

    Args:
        probabilities: (n, 7), rows sum to 1.
        priors: (7,), share of each class in the data fitted on, above 0.
        tau: strength, 0–1.
    """
    floor = np.finfo(np.float32).tiny
    logits = np.log(np.maximum(probabilities, floor, dtype=np.float64)) - tau * np.log(priors)
    return np.asarray(softmax(logits, axis=1), dtype=np.float32)


def choose_tau(probabilities: Probabilities, labels: Labels, priors: npt.NDArray[np.float64]) -> float:
    """Return the strength in `TAUS` with the best validation macro-F1 that hardly costs accuracy.

    A strength that lowers accuracy by more than `ACCURACY_COST` is out; of equals the smallest wins.
    """
    classes = np.arange(len(priors))
    answers = {tau: adjust_logits(probabilities, priors, tau).argmax(axis=1) for tau in TAUS}
    least = accuracy_score(labels, answers[0.0]) - ACCURACY_COST
    allowed = [tau for tau in TAUS if accuracy_score(labels, answers[tau]) >= least]
    return max(allowed, key=lambda tau: float(f1_score(labels, answers[tau], labels=classes, average="macro", zero_division=0)))
