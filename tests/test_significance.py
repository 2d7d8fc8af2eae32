"""Tests of differences, against SciPy and against the definitions."""

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import binomtest, bootstrap
from sklearn.metrics import f1_score

from tests.made_arms import make_arm, predictions
from train.arms import Arm, find_arms
from train.expression_metrics.expression_metrics import Settings
from train.significance import COMPARED, compare_pairs, holm, mcnemar

Right = npt.NDArray[np.bool_]


def right(text: str) -> Right:
    return np.array([letter == "1" for letter in text])


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (1, 0), (3, 3), (9, 2), (2, 9), (60, 41), (532, 277)])
def test_p_is_that_of_scipy_s_binomial_test(wins: int, losses: int) -> None:
    first = np.repeat([True, False, True, False], [wins, losses, 50, 20])
    second = np.repeat([False, True, True, False], [wins, losses, 50, 20])
    expected = binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    assert mcnemar(first, second)[:2] == (wins, losses)
    assert mcnemar(first, second)[2] == pytest.approx(expected, rel=1e-9)


def test_images_that_both_or_neither_get_right_have_no_say() -> None:
    assert mcnemar(right("1100"), right("0011")) == mcnemar(right("11001111"), right("00111111")) == mcnemar(right("110000"), right("001100"))


def holm_by_closed_testing(values: list[float]) -> list[float]:
    """Holm's correction by what it stands for: the largest Bonferroni p of any set of hypotheses that one belongs to."""
    numbers = range(len(values))
    sets = [chosen for size in range(1, len(values) + 1) for chosen in combinations(numbers, size)]
    return [max(min(1.0, len(one) * min(values[i] for i in one)) for one in sets if number in one) for number in numbers]


@pytest.mark.parametrize("seed", range(5))
def test_holm_is_the_closed_test_of_bonferroni(seed: int) -> None:
    random = np.random.default_rng(seed)
    values = [*(random.random(6) ** 3).tolist(), 0.01, 0.01]
    assert holm(values) == pytest.approx(holm_by_closed_testing(values))


def test_holm_of_a_known_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5]) == [0.5]
    assert holm([]) == []


@pytest.fixture
def arms(tmp_path: Path) -> list[Arm]:
    for seed, name in enumerate("abc"):
        make_arm(tmp_path / "models", name, predictions(seed, skill=0.7 + seed / 2))
    return find_arms(tmp_path / "models", tmp_path / "none")


def test_every_pair_is_compared_and_holm_counts_all_of_them(arms: list[Arm]) -> None:
    pairs = compare_pairs(arms, "test", Settings(resamples=20))
    assert [(pair["first"], pair["second"]) for pair in pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    answers = {arm.name: arm.predictions.of("test") for arm in arms}
    correct = {name: probabilities.argmax(axis=1) == truth for name, (probabilities, truth) in answers.items()}
    for pair in pairs:
        assert (pair["only_first"], pair["only_second"], pair["p"]) == mcnemar(correct[pair["first"]], correct[pair["second"]])
    assert [pair["p_holm"] for pair in pairs] == holm([pair["p"] for pair in pairs])


def test_differences_are_first_minus_second(arms: list[Arm]) -> None:
    (pair, *_) = compare_pairs(arms, "test", Settings(resamples=20))
    first, second = (arm.metrics["splits"]["test"] for arm in arms[:2])
    for name in COMPARED:
        assert pair[name]["value"] == pytest.approx(first[name] - second[name])
        low, high = pair[name]["ci95"]
        assert low < pair[name]["value"] < high


def test_ferplus_is_compared_with_the_raters_truth(arms: list[Arm]) -> None:
    arms[0].predictions.ferplus[:] = 0
    (pair, *_) = compare_pairs(arms, "test_ferplus", Settings(resamples=2))
    chosen = arms[0].predictions.of("test_ferplus")[0].argmax(axis=1)
    assert pair["accuracy"]["value"] == pytest.approx((chosen == 0).mean() - arms[1].metrics["splits"]["test_ferplus"]["accuracy"])


def statistic(*columns: Any, axis: int = -1) -> Any:
    """Difference of macro-F1 for SciPy: truth, answers of the first, answers of the second."""
    assert axis == -1
    truth, first, second = columns
    scores = [f1_score(truth, chosen, labels=range(7), average="macro", zero_division=0) for chosen in (first, second)]
    return scores[0] - scores[1]


def test_interval_is_that_of_scipy_s_paired_bootstrap(arms: list[Arm]) -> None:
    """Without twins, so that groups are images: SciPy draws those."""
    for arm in arms:
        arm.predictions.groups[:] = np.arange(len(arm.predictions.groups))
    (pair, *_) = compare_pairs(arms, "test", Settings(resamples=4000))
    truth = arms[0].predictions.of("test")[1]
    chosen = [arm.predictions.of("test")[0].argmax(axis=1) for arm in arms[:2]]
    found = bootstrap(
        (truth, *chosen), statistic, paired=True, vectorized=False, method="percentile", n_resamples=2000, rng=np.random.default_rng(1)
    ).confidence_interval
    width = found.high - found.low
    assert pair["macro_f1"]["ci95"] == pytest.approx([found.low, found.high], abs=0.08 * width)


def width(arms: list[Arm]) -> float:
    low, high = compare_pairs(arms, "test", Settings(resamples=3000))[0]["accuracy"]["ci95"]
    return float(high - low)


def test_twins_are_drawn_together(arms: list[Arm]) -> None:
    """Every image four times: drawn one by one they would seem to be four times as many, and the interval half as wide."""
    numbers = np.arange(len(arms[0].predictions.groups))
    for arm in arms:
        for column in (arm.predictions.labels, arm.predictions.probabilities):
            column[:] = column[numbers // 4 * 4]
        arm.predictions.groups[:] = numbers
    alone = width(arms)
    for arm in arms:
        arm.predictions.groups[:] = numbers // 4
    assert width(arms) == pytest.approx(2 * alone, rel=0.15)


def test_same_seed_gives_the_same_intervals(arms: list[Arm]) -> None:
    once, again, other = (compare_pairs(arms, "test", Settings(resamples=30, seed=seed))[0]["accuracy"]["ci95"] for seed in (0, 0, 1))
    assert once == again != other
