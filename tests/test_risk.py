"""Risk at a coverage, against sorting by hand."""

from pathlib import Path

import numpy as np
import pytest

from tests.made_arms import make_arm, predictions
from train.arms import find_arms
from train.certainty import risk_coverage
from train.risk import COVERAGES, risk_at, summarize_risk


def test_risk_is_that_of_the_surest() -> None:
    answers = predictions(skill=1.0)
    curve = risk_coverage(answers.probabilities, answers.labels)
    order = np.argsort(-answers.probabilities.max(axis=1))
    wrong = (answers.probabilities.argmax(axis=1) != answers.labels)[order]
    for share in (0.1, 0.5, 0.9, 1.0):
        assert risk_at(curve, share) == pytest.approx(wrong[: round(share * len(wrong))].mean())


def test_answers_that_are_equally_sure_come_together() -> None:
    probabilities = np.array([[0.9, 0.1, 0, 0, 0, 0, 0]] * 3 + [[0.8, 0.2, 0, 0, 0, 0, 0]])
    curve = risk_coverage(probabilities, np.array([0, 0, 1, 0]))
    assert risk_at(curve, 0.25) == risk_at(curve, 0.75) == pytest.approx(1 / 3)
    assert risk_at(curve, 1.0) == pytest.approx(1 / 4)


def test_every_split_is_summarized(tmp_path: Path) -> None:
    make_arm(tmp_path, "one", predictions())
    (arm,) = find_arms(tmp_path, tmp_path / "none")
    found = summarize_risk(arm)
    assert set(found) == set(arm.splits)
    assert list(found["test"]["risk_at"]) == [f"{share:g}" for share in COVERAGES]
    assert found["test"]["risk_at"]["1"] == pytest.approx(1 - arm.metrics["splits"]["test"]["accuracy"])
    assert found["test"]["aurc"] == risk_coverage(*arm.predictions.of("test")).area
