"""How often models err if they may keep silent about the faces they are least sure of, side by side."""

from typing import Any

import numpy as np

from train.arms import Arm
from train.certainty import RiskCoverage, risk_coverage

COVERAGES = (0.5, 0.7, 0.9, 1.0)  # shares of the faces answered that tables show


def risk_at(curve: RiskCoverage, coverage: float) -> float:
    """Return the share of wrong answers among the surest that make up at least this share of all.

    Args:
        curve: of a model on a split.
        coverage: 0–1.
    """
    return float(curve.risk[np.searchsorted(curve.coverage, coverage - 1e-12)])


def summarize_risk(arm: Arm) -> dict[str, Any]:
    """Return {split: {"aurc": area under the curve, "risk_at": {coverage, as text: risk}}} of a model."""
    curves = {split: risk_coverage(*arm.predictions.of(split)) for split in arm.splits}
    return {split: {"aurc": curve.area, "risk_at": {f"{share:g}": risk_at(curve, share) for share in COVERAGES}} for split, curve in curves.items()}
