"""What it was trained on, and how to train it again."""

import textwrap
from dataclasses import dataclass
from typing import Any, Self

from model_card.facts import Facts
from model_card.section import Section

_OFFICIAL = ("train", "validation", "test")
_WIDTH = 100


@dataclass(frozen=True)
class Data(Section):
    """The images, what was removed of them and why."""

    block = "data"
    official: bool
    fingerprint: str
    input_size: int
    counts: dict[str, int]
    twins: int | None
    near: int | None
    removed: dict[str, int]
    limit: int

    @classmethod
    def of(cls, facts: Facts) -> Self:
        """What a package does not count, as a smoke run does not count twins, the comparison does: the splits are the same."""
        known = facts.report.splits() if facts.official else {}
        every = {name: split["n"] for name, split in (known | facts.splits).items() if "n" in split}
        lost = {name: every["test"] - every[name] for name in ("test_clean", "test_strict") if {name, "test"} <= set(every)}
        counts: dict[str, int] = {name: every[name] for name in _OFFICIAL if name in every}
        removed = facts.run["removed"] if facts.run["config"]["clean"] else {}
        told = facts.official, facts.metrics["data_fingerprint"], facts.config.input_size, counts
        return cls(*told, lost.get("test_clean"), lost.get("test_strict"), removed, facts.run["config"].get("limit", 0))


@dataclass(frozen=True)
class Training(Section):
    """The commands that train and measure it again, and with what it was."""

    block = "training"
    tool: str
    flags: list[str]
    name: str
    revision: str
    opened: bool
    exported: str | None
    tau: float | None
    epochs: int
    minutes: float
    best: float
    versions: dict[str, str]
    figure: str | None

    @classmethod
    def of(cls, facts: Facts) -> Self:
        """Time and the best epoch come from `history.csv`."""
        run, history = facts.run, facts.history
        minutes, best = sum(row.get("seconds", 0.0) for row in history) / 60, max((row["val_accuracy"] for row in history), default=0.0)
        told = run["git_revision"], "test" in facts.splits, run.get("export_revision"), run.get("tau"), len(history), minutes, best, run["versions"]
        tool = "fit" if "architecture" in run["config"] else "head"
        return cls(tool, _flags(run["config"]), facts.config.name, *told, facts.figure("learning_curves"))


def _flags(settings: dict[str, Any]) -> list[str]:
    """Return every setting as a flag of the command, in lines of a readable length."""
    flags = [f"--{name.replace('_', '-')}\0{_as_flag(value)}" for name, value in settings.items()]  # a flag and its value stay on one line
    return [line.replace("\0", " ") for line in textwrap.wrap(" ".join(flags), _WIDTH, break_long_words=False, break_on_hyphens=False)]


def _as_flag(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
