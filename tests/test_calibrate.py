"""What is chosen on validation."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import accuracy_score, f1_score

from fersys.calibration import apply_temperature
from fersys.config import ModelConfig, read_config, write_config
from fersys.errors import ConfigError, DataError, PackageError
from fersys.package import METRICS_FILE, MODEL_FILES, PREDICTIONS_FILE, check_package, seal, sha256
from fersys.recognizers import RECOGNIZERS
from train.calibrate import ACCURACY_COST, TAUS, adjust_logits, calibrate_package, choose_tau, choose_temperature, class_priors, fit_temperature, set_certainty
from train.certainty import choose_certainty
from train.data import Fer2013
from train.measure import read_metrics
from train.predictions import Predictions, read_predictions, write_predictions
from train.sources import Records
from train.twins import Twins

PRIORS = np.array([0.14, 0.02, 0.14, 0.26, 0.17, 0.11, 0.16])


def sample(count: int = 3000, sharpness: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities `sharpness` times as confident (in logits) as they ought to be, and true classes."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=(count, 7)) * 2
    calibrated = softmax(logits, axis=1)
    labels = np.array([random.choice(7, p=row) for row in calibrated])
    return softmax(logits * sharpness, axis=1), labels


def imbalanced(priors: np.ndarray, weight: float, margin: float, count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Answers that count the priors `weight` times: 1 is best for accuracy, more drowns rare classes."""
    random = np.random.default_rng(0)
    labels = random.choice(7, count, p=priors)
    evidence = margin * (random.normal(size=(count, 7)) + margin * np.eye(7)[labels])
    return softmax(evidence + weight * np.log(priors), axis=1), labels


def scores_by_tau(probabilities: np.ndarray, labels: np.ndarray, priors: np.ndarray) -> dict[float, tuple[float, float]]:
    """Accuracy and macro-F1 of each strength, by dividing probabilities instead of shifting logits."""
    answers = {tau: (probabilities / priors**tau).argmax(axis=1) for tau in TAUS}
    return {tau: (accuracy_score(labels, a), f1_score(labels, a, average="macro")) for tau, a in answers.items()}


def nll(probabilities: np.ndarray, labels: np.ndarray) -> float:
    return float(-np.log(probabilities[np.arange(len(labels)), labels].astype(np.float64)).mean())


@pytest.mark.parametrize("sharpness", [0.6, 1.0, 2.0])
def test_temperature_is_that_of_a_fine_grid(sharpness: float) -> None:
    probabilities, labels = sample(sharpness=sharpness)
    grid = np.exp(np.linspace(np.log(0.2), np.log(5), 400))
    best = grid[int(np.argmin([nll(apply_temperature(probabilities, t), labels) for t in grid]))]
    assert fit_temperature(probabilities, labels) == pytest.approx(best, rel=0.01)


def test_temperature_recovers_how_over_confident_a_model_is() -> None:
    probabilities, labels = sample(count=10_000, sharpness=1.8)
    assert fit_temperature(probabilities, labels) == pytest.approx(1.8, rel=0.05)


def ece(probabilities: np.ndarray, labels: np.ndarray) -> float:
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * 15).astype(int), 14)
    return float(sum(abs(confidence[bins == i].sum() - right[bins == i].sum()) for i in range(15)) / len(labels))


def test_temperature_is_the_best_calibrated_of_those_the_likelihood_allows() -> None:
    probabilities, labels = sample(count=1500, sharpness=1.5)
    flattened = 0.9 * probabilities + 0.1 / 7  # no temperature undoes this: the two measures disagree
    least = fit_temperature(flattened, labels)
    allowed = nll(apply_temperature(flattened, least), labels) + 3.8415 / 2 / len(labels)
    grid = least * np.exp(np.linspace(-0.25, 0.25, 101))
    inside = [t for t in grid if nll(apply_temperature(flattened, t), labels) <= allowed]
    chosen = choose_temperature(flattened, labels)
    assert 3 < len(inside) < 101
    assert chosen == pytest.approx(min(inside, key=lambda t: ece(apply_temperature(flattened, t), labels)))
    assert ece(apply_temperature(flattened, chosen), labels) < ece(apply_temperature(flattened, least), labels)


def test_adjusting_equals_dividing_by_the_priors_to_the_tau() -> None:
    probabilities, _ = sample(count=50)
    expected = [[p / prior**0.4 for p, prior in zip(row, PRIORS, strict=True)] for row in probabilities]
    expected = [[value / sum(row) for value in row] for row in expected]
    np.testing.assert_allclose(adjust_logits(probabilities, PRIORS, 0.4), expected, rtol=1e-5)
    np.testing.assert_allclose(adjust_logits(probabilities, PRIORS, 0.0), probabilities, rtol=1e-5)


def test_adjusting_is_a_shift_of_the_last_bias() -> None:
    logits = np.random.default_rng(0).normal(size=(20, 7))
    shifted = softmax(logits - 0.3 * np.log(PRIORS), axis=1)
    np.testing.assert_allclose(adjust_logits(softmax(logits, axis=1), PRIORS, 0.3), shifted, rtol=1e-5)


def test_chosen_tau_lifts_macro_f1_where_priors_drown_rare_classes() -> None:
    probabilities, labels = imbalanced(PRIORS, weight=1.5, margin=1.6)
    scores = scores_by_tau(probabilities, labels, PRIORS)
    chosen = choose_tau(probabilities, labels, PRIORS)
    assert scores[chosen][1] == max(f1 for _, f1 in scores.values()) > scores[0.0][1] + 0.01


def test_chosen_tau_stops_where_accuracy_would_fall() -> None:
    priors = np.array([0.04, 0.02, 0.04, 0.7, 0.1, 0.05, 0.05])
    probabilities, labels = imbalanced(priors, weight=1.0, margin=1.0)
    scores = scores_by_tau(probabilities, labels, priors)
    allowed = [tau for tau in TAUS if scores[tau][0] >= scores[0.0][0] - ACCURACY_COST]
    chosen = choose_tau(probabilities, labels, priors)
    assert scores[chosen][1] == max(scores[tau][1] for tau in allowed)
    assert scores[chosen][1] < max(f1 for _, f1 in scores.values())


def test_of_equal_strengths_the_smallest_is_chosen() -> None:
    labels = np.arange(70) % 7
    assert choose_tau(softmax(20 * np.eye(7)[labels], axis=1), labels, PRIORS) == 0.0


def test_priors_are_shares_and_want_every_class() -> None:
    assert class_priors(np.array([0, 1, 2, 3, 4, 5, 6, 3])).tolist() == [0.125, 0.125, 0.125, 0.25, 0.125, 0.125, 0.125]
    with pytest.raises(ConfigError, match="Received counts"):
        class_priors(np.array([0, 1]))


class Fixed:
    """Answers with probabilities looked up by the image's first pixels, at a package's temperature."""

    name = title = "fixed"
    certainty = 0.0

    def __init__(self, table: np.ndarray, temperature: float) -> None:
        self._table, self._temperature = table, temperature

    def predict(self, crops: list[np.ndarray]) -> np.ndarray:
        rows = [int(crop[0, 0, 0]) * 256 + int(crop[0, 1, 0]) for crop in crops]
        return apply_temperature(self._table[rows], self._temperature)


def numbered_data(labels: np.ndarray) -> Fer2013:
    count = len(labels)
    images = np.zeros((count, 48, 48), np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.divmod(np.arange(count), 256)
    splits = np.where(np.arange(count) < count // 2, "validation", "test")
    records = Records(images, labels, splits, np.arange(count), None)
    masks = {"validation": splits == "validation", "test": splits == "test"}
    return Fer2013(records, Twins(np.arange(count), np.arange(count)), masks, {}, "0" * 64)


def test_package_gets_the_temperature_of_its_validation_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    half, labels = sample(count=1000, sharpness=2.0)
    over_confident_only_on_validation = np.concatenate([half, sample(count=1000, sharpness=0.5, seed=1)[0]])
    data = numbered_data(np.concatenate([labels, sample(count=1000, sharpness=0.5, seed=1)[1]]))
    monkeypatch.setitem(RECOGNIZERS, "fixed", lambda _, config: Fixed(over_confident_only_on_validation, config.temperature))
    (tmp_path / "model.onnx").write_bytes(b"weights")
    before = seal(tmp_path, ModelConfig("tiny", "paper", recognizer="fixed"))
    first = calibrate_package(tmp_path, data)
    assert first == pytest.approx(choose_temperature(half, labels), rel=1e-3)
    assert read_config(tmp_path).temperature == first
    assert read_config(tmp_path).files == before.files
    assert read_config(tmp_path).certainty == choose_certainty(apply_temperature(half, first), labels) > 0
    assert calibrate_package(tmp_path, data) == pytest.approx(first, rel=1e-3)


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """A measured package of before certainty: 400 validation images, 300 of 320 right above 0.6, and some test images."""
    top = np.repeat([0.9, 0.6, 0.3, 0.95], [160, 160, 80, 50]).astype(np.float32)
    probabilities = np.stack([top, *[(1 - top) / 6] * 6], axis=1)
    numbers, validation = np.arange(450), np.arange(450) < 400
    truth = np.where(numbers % 16 > 0, 0, 1) * (numbers < 320) + (numbers >= 320)  # all test answers are wrong
    members = {"validation": validation, "test": ~validation}
    for name in (*MODEL_FILES, "history.csv", "run.json"):
        (tmp_path / name).write_bytes(b"weights")
    write_predictions(tmp_path / PREDICTIONS_FILE, Predictions(numbers, numbers, np.full(450, "test"), truth, truth, numbers, members, probabilities))
    metrics = {"format": 1, "model": "tiny", "serving_sha256": sha256(tmp_path / "model.onnx"), "temperature": 1.25, "splits": {"validation": 1}}
    (tmp_path / METRICS_FILE).write_text(json.dumps(metrics))
    seal(tmp_path, ModelConfig("tiny", "paper", temperature=1.25))
    return tmp_path


def test_released_package_gets_a_certainty_from_its_own_validation_predictions(released: Path) -> None:
    before, metrics = {path.name: path.read_bytes() for path in released.iterdir()}, read_metrics(released)
    written = set_certainty(released)
    assert read_config(released).certainty == written["certainty"]["threshold"] == 0.31
    assert written["certainty"]["splits"]["test"]["accuracy"] == 0
    assert read_metrics(released) == written == metrics | {"certainty": written["certainty"]}
    assert check_package(released) == replace(read_config(released), certainty=0.31)
    assert {name for name, content in before.items() if (released / name).read_bytes() != content} == {METRICS_FILE, "fersys.json"}
    again = (released / METRICS_FILE).read_bytes()
    set_certainty(released)
    assert (released / METRICS_FILE).read_bytes() == again


def test_package_that_was_changed_since_it_was_measured_gets_no_certainty(released: Path) -> None:
    write_config(released, replace(read_config(released), temperature=2.0))
    with pytest.raises(PackageError, match=r"changed since it was measured.*Received: "):
        set_certainty(released)
    (released / PREDICTIONS_FILE).write_bytes(b"better")
    with pytest.raises(PackageError, match="was changed"):
        set_certainty(released)
    assert read_config(released).certainty == 0


def test_package_without_validation_predictions_gets_no_certainty(released: Path) -> None:
    predictions = read_predictions(released / PREDICTIONS_FILE)
    write_predictions(released / PREDICTIONS_FILE, replace(predictions, members={"test": predictions.members["test"]}))
    seal(released, read_config(released))
    with pytest.raises(DataError, match=r"validation.*Received: test"):
        set_certainty(released)
