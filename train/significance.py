"""Whether two models differ: exact McNemar tests with Holm's correction, and paired bootstrap intervals."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from train.arms import Arm
from train.expression_metrics.expression_metrics import LEVEL, Floats, Settings, point_values, resampled

COMPARED = ("accuracy", "macro_f1", "weighted_f1")
ALPHA = 0.05

_TAIL = (100 - LEVEL) / 2

Right = npt.NDArray[np.bool_]


def mcnemar(first: Right, second: Right) -> tuple[int, int, float]:
    """Test whether two models are right equally often, exactly (McNemar, Psychometrika 1947).

    Only images that one of them gets right and the other wrong have a say: if neither is better,
    each of those falls to either with probability ½.

    Args:
        first: bool (n,), where the first model is right.
        second: the same of the second, on the same images.

    Returns:
        how many images the first alone gets right, how many the second alone, and the two-sided p.
    """
    wins, losses = int((first & ~second).sum()), int((second & ~first).sum())
    return wins, losses, min(1.0, 2 * float(binom.cdf(min(wins, losses), wins + losses, 0.5)))


def holm(values: Sequence[float]) -> list[float]:
    """Return p values that allow for their number, in the same order (Holm, Scandinavian Journal of Statistics 1979)."""
    given = np.asarray(values, dtype=np.float64)
    order = np.argsort(given, kind="stable")
    stepped = np.maximum.accumulate(given[order] * np.arange(len(given), 0, -1))
    adjusted = np.empty_like(given)
    adjusted[order] = np.minimum(stepped, 1)
    return [float(value) for value in adjusted]


def _difference(values: tuple[float, float], drawn: tuple[Floats, Floats]) -> dict[str, Any]:
    return {"value": values[0] - values[1], "ci95": np.percentile(drawn[0] - drawn[1], [_TAIL, 100 - _TAIL]).tolist()}


def compare_pairs(arms: Sequence[Arm], split: str, settings: Settings) -> list[dict[str, Any]]:
    """Compare each two models on one split; Holm's correction counts all pairs of it.

    Args:
        arms: models that were measured on the split.
        split: its name.
        settings: resamples and seed of the bootstrap.

    Returns:
        for each pair {"first", "second", "only_first", "only_second": images that one alone gets
        right, "p", "p_holm", and for each statistic in `COMPARED` {"value": first minus second,
        "ci95": percentile interval of a bootstrap that draws groups of near twins, the same for both}}.
    """
    answers = {arm.name: arm.answers(split) for arm in arms}
    points = {name: point_values(one, settings.labels) for name, one in answers.items()}
    drawn = {name: resampled(one, settings) for name, one in answers.items()}
    right = {name: one.chosen == one.truth for name, one in answers.items()}
    pairs: list[dict[str, Any]] = []
    for first, second in combinations(answers, 2):
        wins, losses, p = mcnemar(right[first], right[second])
        row = {"first": first, "second": second, "only_first": wins, "only_second": losses, "p": p}
        found = {name: _difference((points[first][name], points[second][name]), (drawn[first][name], drawn[second][name])) for name in COMPARED}
        pairs.append(row | found)
    for pair, corrected in zip(pairs, holm([pair["p"] for pair in pairs]), strict=True):
        pair["p_holm"] = corrected
    return pairs
