"""The threshold below which an answer is "not sure": the curve it is read off, and the rule that chooses it."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import binomtest

from fersys.config import read_config
from fersys.labels import EMOTIONS
from fersys.results import to_prediction
from tests.rounding import rounded
from train.certainty import FEWEST, LEVEL, RiskCoverage, as_text, choose_certainty, lower_bound, risk_coverage, summarize
from train.measure import read_metrics
from train.predictions import Predictions, read_predictions

SHIPPED = sorted(path.parent for path in Path(__file__).parent.parent.glob("hub/models/*/metrics.json"))

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


def answers(sure: list[float], right: list[bool]) -> tuple[Floats, Labels]:
    """Answers "angry" with these top probabilities, of which these are right."""
    top = np.array(sure, np.float32)
    return np.stack([top, *[(1 - top) / 6] * 6], axis=1), np.where(right, 0, 1)


def groups(*parts: tuple[float, int, int]) -> tuple[Floats, Labels]:
    """(top probability, number of images, number of right answers) each."""
    sure = [top for top, count, _ in parts for _ in range(count)]
    return answers(sure, [position < good for _, count, good in parts for position in range(count)])


def measured(probabilities: Floats, truth: Labels) -> Predictions:
    numbers, everywhere = np.arange(len(truth)), np.ones(len(truth), bool)
    half = numbers < len(truth) // 2
    ferplus = np.where(half, -1, (truth + 1) % 7)
    members = {"validation": everywhere, "test": half, "test_ferplus": ~half}
    return Predictions(numbers, numbers, np.full(len(truth), "test"), truth, ferplus, numbers, members, probabilities)


def test_curve_counts_the_answered_and_the_wrong_among_them() -> None:
    curve = risk_coverage(*answers([0.5, 0.9, 0.7, 0.6], [False, True, False, True]))
    np.testing.assert_allclose(curve.threshold, [0.9, 0.7, 0.6, 0.5], rtol=1e-6)
    assert curve.answered.tolist() == [1, 2, 3, 4]
    assert curve.coverage.tolist() == [0.25, 0.5, 0.75, 1]
    assert curve.risk.tolist() == pytest.approx([0, 1 / 2, 1 / 3, 2 / 4])


def test_equal_probabilities_are_answered_together() -> None:
    curve = risk_coverage(*answers([0.8, 0.4, 0.8, 0.4], [True, False, False, False]))
    assert curve.answered.tolist() == [2, 4]
    assert curve.risk.tolist() == [0.5, 0.75]


def test_area_is_the_mean_risk_over_all_coverages() -> None:
    random = np.random.default_rng(0)
    sure, right = (0.3 + random.permutation(200) / 300).tolist(), (random.random(200) < 0.7).tolist()
    ranked = [good for _, good in sorted(zip(sure, right, strict=True), reverse=True)]
    risks = [ranked[:count].count(False) / count for count in range(1, 201)]
    assert risk_coverage(*answers(sure, right)).area == pytest.approx(np.mean(risks))


def test_area_does_not_depend_on_the_order_of_equal_probabilities() -> None:
    sure = [0.8] * 4 + [0.4] * 2
    areas = [risk_coverage(*answers(sure, right)).area for right in ([True, True, False, False, False, True], [False, False, True, True, True, False])]
    assert areas == [pytest.approx(0.5)] * 2
    assert RiskCoverage(np.array([0.9]), np.array([3]), np.array([0.25])).area == 0.25


@pytest.mark.parametrize(("right", "count"), [(80, 100), (2700, 3589), (1, 50), (7, 7)])
def test_lower_bound_is_the_exact_one_sided_one(right: int, count: int) -> None:
    expected = binomtest(right, count, alternative="greater").proportion_ci(0.95, "exact").low
    assert lower_bound(right, count) == pytest.approx(expected)


def test_lower_bound_of_nothing_right_is_nothing() -> None:
    assert lower_bound(0, 30) == 0


def test_chosen_threshold_is_the_lowest_that_reaches_the_level() -> None:
    """0.9: 190 of 200 right; from 0.6 on 340 of 400, still enough; from 0.4 on 390 of 600, too few."""
    assert choose_certainty(*groups((0.9, 200, 190), (0.6, 200, 150), (0.4, 200, 50))) == 0.41
    assert lower_bound(340, 400) > LEVEL > 390 / 600


def test_an_accuracy_above_the_level_is_not_enough_if_its_lower_bound_is_below() -> None:
    assert 155 / 200 > LEVEL > lower_bound(155, 200)
    assert choose_certainty(*groups((0.9, 200, 155))) == 1.0
    assert choose_certainty(*groups((0.9, 2000, 1550))) == 0.0


def test_walk_ends_at_the_first_failure() -> None:
    """Between two good groups lies a bad one: what would be good again below it is not looked at."""
    assert choose_certainty(*groups((0.9, 200, 190), (0.75, 200, 20), (0.3, 2000, 1990))) == 0.76


def test_few_surest_images_do_not_end_the_walk() -> None:
    few = FEWEST - 1
    assert choose_certainty(*groups((0.99, few, 0), (0.6, 2000, 1990), (0.3, 1000, 0))) == 0.31


def test_model_that_is_never_right_often_enough_is_never_certain() -> None:
    assert choose_certainty(*groups((0.9, 500, 100), (0.5, 500, 90))) == 1.0
    assert choose_certainty(*groups((0.9, FEWEST - 1, FEWEST - 1))) == 1.0


def test_choice_and_serving_agree_on_the_very_threshold() -> None:
    """0.71 as float32 lies above 0.71 and 0.7 below 0.7: both compare as float64."""
    for top in (0.7, 0.71, 0.51):
        probabilities, truth = groups((top, 200, 190), (0.2, 200, 0))
        summary = summarize(measured(probabilities, truth), top)
        served = [to_prediction("tiny", row, top).certain for row in probabilities]
        assert summary["splits"]["validation"]["coverage"] == np.mean(served) == (0.5 if float(np.float32(top)) >= top else 0)


def test_summary_says_what_the_threshold_does_to_each_split() -> None:
    summary = summarize(measured(*answers([0.9, 0.4, 0.8, 0.3], [True, True, False, False])), 0.5)
    assert (summary["threshold"], summary["level"]) == (0.5, LEVEL)
    assert list(summary["splits"]) == ["validation", "test", "test_ferplus"]
    validation, test = summary["splits"]["validation"], summary["splits"]["test"]
    assert (validation["coverage"], validation["accuracy"]) == (0.5, 0.5)
    assert (test["coverage"], test["accuracy"], test["aurc"]) == (0.5, 1.0, 0.0)
    assert list(validation["answered"]) == list(EMOTIONS)
    assert validation["answered"] == dict.fromkeys(EMOTIONS) | {"angry": 0.5, "disgust": 0.5}


def test_summary_of_ferplus_has_the_raters_as_truth() -> None:
    summary = summarize(measured(*answers([0.9] * 4, [True] * 4)), 0.0)["splits"]
    assert (summary["test"]["accuracy"], summary["test_ferplus"]["accuracy"]) == (1, 0)


def test_where_nothing_is_answered_there_is_no_accuracy() -> None:
    summary = summarize(measured(*answers([0.9, 0.4], [True, True])), 1.0)
    assert (summary["splits"]["validation"]["coverage"], summary["splits"]["validation"]["accuracy"]) == (0, None)
    assert "–" in as_text({"model": "tiny", "certainty": summary})


def test_text_has_a_line_a_split() -> None:
    summary = summarize(measured(*answers([0.9, 0.4, 0.8, 0.3], [True, True, False, False])), 0.5)
    first, _, *lines = as_text({"model": "tiny", "certainty": summary}).splitlines()
    assert first == "tiny  (certainty 0.50)"
    assert lines[0].split() == ["validation", "0.500", "0.500", f"{summary['splits']['validation']['aurc']:.3f}"]
    assert len(lines) == 3


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda folder: folder.name)
def test_shipped_certainty_is_that_of_the_package_s_own_validation_predictions(shipped: Path) -> None:
    predictions = read_predictions(shipped / "predictions.parquet")
    chosen = choose_certainty(*predictions.of("validation"))
    assert read_config(shipped).certainty == chosen
    assert rounded(read_metrics(shipped)["certainty"]) == rounded(summarize(predictions, chosen))
