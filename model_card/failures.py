"""Where it fails: expressions it takes for others, and damaged pictures."""

from dataclasses import dataclass
from math import sqrt
from typing import Any, Self

from fersys.labels import EMOTIONS
from model_card.facts import Facts
from model_card.section import Section

_SHOWN = 3  # confusions that are named
_Z95 = 1.96


@dataclass(frozen=True)
class Classes(Section):
    """Precision, recall and F1 of each expression, and what it is taken for."""

    block = "classes"
    where: str
    rows: list[dict[str, Any]]
    weakest: list[str]
    confusions: list[dict[str, Any]]
    figures: list[str]

    @classmethod
    def of(cls, facts: Facts) -> Self:
        """The two weakest are those of the lowest F1."""
        split = facts.splits[facts.where]
        rows = [split["per_class"][name] | {"name": name, "ci95": split["ci95"].get(f"{name}_f1")} for name in EMOTIONS]
        weakest = sorted(EMOTIONS, key=lambda name: float(split["per_class"][name]["f1"]))[:2]
        figures = [name for stem in ("confusion", "per_class") if (name := facts.figure(f"{stem}_{facts.where}"))]
        return cls(facts.where, rows, weakest, _confusions(split["confusion_matrix"]), figures)


def _confusions(matrix: list[list[int]]) -> list[dict[str, Any]]:
    """Return the shares of an expression that are taken for another, the largest first."""
    pairs = [
        {"shown": EMOTIONS[i], "taken": EMOTIONS[j], "share": count / sum(row)}
        for i, row in enumerate(matrix)
        for j, count in enumerate(row)
        if i != j and count
    ]
    return sorted(pairs, key=lambda pair: -float(str(pair["share"])))[:_SHOWN]


@dataclass(frozen=True)
class Damage(Section):
    """How often it is right on blurred, noisy, dark, covered, compressed and turned pictures."""

    block = "damage"
    images: int
    split: str
    clean: float
    half_width: float
    rows: list[dict[str, Any]]
    worst: dict[str, Any]

    @classmethod
    def of(cls, facts: Facts) -> Self | None:
        """Nothing if this very file was not compared."""
        own, report = facts.report.own, facts.report.robustness
        if not own:
            return None
        rows = [{"name": name, "unit": kind["unit"], "steps": _steps(kind, own["accuracy"][name])} for name, kind in report["corruptions"].items()]
        worst = min(rows, key=lambda row: sum(accuracy for _, accuracy in row["steps"]))
        half_width = _Z95 * sqrt(own["clean"] * (1 - own["clean"]) / own["images"])
        return cls(own["images"], report["split"], own["clean"], half_width, rows, worst)


def _steps(kind: dict[str, Any], accuracy: list[float]) -> list[tuple[float, float]]:
    return list(zip(kind["strengths"], accuracy, strict=True))
