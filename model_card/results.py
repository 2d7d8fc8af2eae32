"""What was measured: every split, and other models on the same images."""

from dataclasses import dataclass
from typing import Any, Self

from model_card.facts import Facts
from model_card.section import Section


@dataclass(frozen=True)
class Results(Section):
    """Figures by split, with intervals, and how they came about."""

    block = "results"
    official: bool
    splits: dict[str, dict[str, Any]]
    opened: str | None
    human: dict[str, Any] | None

    @classmethod
    def of(cls, facts: Facts) -> Self:
        """Human raters' figure is that of the comparison."""
        references = facts.report.content.get("references", [])
        human = next((reference for reference in references if reference["model"] == "human raters"), None)
        return cls(facts.official, facts.splits, facts.metrics.get("test_opened"), human)


@dataclass(frozen=True)
class Beside(Section):
    """Other models on the same images, pair by pair, and what others report on images of their own."""

    block = "beside"
    where: str
    rows: list[dict[str, Any]]
    references: list[dict[str, Any]]
    contamination: dict[str, Any]
    draws: dict[str, Any]

    @classmethod
    def of(cls, facts: Facts) -> Self | None:
        """Nothing if this very file was not compared."""
        report = facts.report
        models = {model["model"]: model for model in report.content.get("models", [])}
        rows = [_against(report.name, pair, models, facts.where) for pair in report.pairs(facts.where)]
        if not rows:
            return None
        draws = models[report.name].get("paper_28821", {})
        return cls(facts.where, rows, report.content["references"], report.contamination, draws)


def _against(name: str, pair: dict[str, Any], models: dict[str, Any], where: str) -> dict[str, Any]:
    """Turn a pairwise test so that it says by how much this model is better."""
    first = pair["first"] == name
    other = models[pair["second" if first else "first"]]
    low, high = pair["accuracy"]["ci95"]
    gap = pair["accuracy"]["value"] if first else -pair["accuracy"]["value"]
    about = {"model": other["model"], "about": other["about"], "accuracy": other["splits"][where]["accuracy"]}
    return about | {"gap": gap, "ci95": (low, high) if first else (-high, -low), "p": pair["p_holm"]}
