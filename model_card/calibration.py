"""What its probabilities are worth, and when it says that it is not sure."""

from dataclasses import dataclass
from typing import Any, Self

from model_card.facts import Facts
from model_card.section import Section

_MEASURES = ("nll", "brier", "ece")


@dataclass(frozen=True)
class Calibration(Section):
    """How far probabilities are from frequencies, before and after the temperature."""

    block = "calibration"
    temperature: float
    rows: list[dict[str, Any]]
    judged: dict[str, Any]
    figure: str | None

    @classmethod
    def of(cls, facts: Facts) -> Self:
        """A package that was measured without the figures before shows those after alone."""
        rows = [
            {"name": name, "after": [split[key] for key in _MEASURES], "before": [split.get("uncalibrated", {}).get(key) for key in _MEASURES]}
            for name, split in facts.splits.items()
        ]
        judged = next(row for row in rows if row["name"] == facts.where)
        return cls(facts.config.temperature, rows, judged, facts.figure(f"reliability_{facts.where}"))


@dataclass(frozen=True)
class Certainty(Section):
    """Below which probability it is not sure, and how often it is right above."""

    block = "certainty"
    threshold: float
    level: float
    splits: dict[str, dict[str, Any]]
    where: str
    answered: list[tuple[str, float]]
    figure: str | None

    @classmethod
    def of(cls, facts: Facts) -> Self | None:
        """Nothing for a package that was measured without."""
        content = facts.metrics.get("certainty")
        if content is None:
            return None
        where = "test" if "test" in content["splits"] else "validation"
        answered = [(name, share) for name, share in content["splits"][where]["answered"].items() if share is not None]
        return cls(content["threshold"], content["level"], content["splits"], where, answered, facts.figure("risk_coverage"))
