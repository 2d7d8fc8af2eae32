"""What a card is made of: the files of a package, and what the comparison says of it, read once."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fersys.config import ModelConfig, read_config, read_object
from fersys.errors import PackageError
from fersys.package import FIGURES_FOLDER, HISTORY_FILE, METRICS_FILE, RUN_FILE
from model_card.example import Example, read_example
from model_card.report import REPORT, Report, read_report

_MISSING = "a card needs it measured first (python -m train evaluate)"


@dataclass(frozen=True)
class Facts:
    """A package's own account of itself.

    Attributes:
        folder: where the package lies.
        config: `fersys.json`.
        metrics: `metrics.json`.
        run: `run.json`: settings, versions, data fingerprint, git revision.
        history: the rows of `history.csv`, an epoch each; none if it is not there.
        report: what `reports/compare.json` says.
        example: the recorded answers to the example picture, if its serving file gave them.
    """

    folder: Path
    config: ModelConfig
    metrics: dict[str, Any]
    run: dict[str, Any]
    history: tuple[dict[str, float], ...]
    report: Report
    example: Example | None

    @property
    def splits(self) -> dict[str, dict[str, Any]]:
        """The measured splits by name."""
        splits: dict[str, dict[str, Any]] = self.metrics["splits"]
        return splits

    @property
    def where(self) -> str:
        """The split by which the model is judged: "test", or "validation" before that was opened."""
        return "test" if "test" in self.splits else "validation"

    @property
    def official(self) -> bool:
        """Whether it was trained and measured on the official splits, not on a random re-split of them."""
        return bool(self.run["config"].get("splits", "official") == "official")

    def figure(self, stem: str) -> str | None:
        """Return the path of a figure in the package, if it is there."""
        name = f"{FIGURES_FOLDER}/{stem}.png"
        return name if (self.folder / name).is_file() else None


def read_facts(folder: Path, report: Path = REPORT) -> Facts:
    """Read a package folder, and the comparison if there is one.

    Raises:
        PackageError: if one of the files is missing or damaged.
    """
    config = read_config(folder)
    metrics, run = (read_object(folder / name, _MISSING) for name in (METRICS_FILE, RUN_FILE))
    return Facts(folder, config, metrics, run, _read_history(folder / HISTORY_FILE), read_report(config, report), read_example(folder, config))


def _read_history(path: Path) -> tuple[dict[str, float], ...]:
    if not path.is_file():
        return ()
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return tuple({name: float(value) for name, value in row.items()} for row in csv.DictReader(file))
    except (TypeError, ValueError) as error:  # a cell that is missing, or no number
        raise PackageError(f"{path} is damaged: expected a table of numbers. Received: {error}") from error
