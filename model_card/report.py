"""What the comparison of all models (`reports/compare.json`) says of one package."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fersys.config import ModelConfig, read_object

REPORT = Path(__file__).parent.parent / "reports" / "compare.json"


@dataclass(frozen=True)
class Report:
    """The comparison, or nothing.

    Attributes:
        content: all of `compare.json`; empty if there is none.
        name: the model that the card is of; empty if another file than that of the package was compared.
    """

    content: dict[str, Any]
    name: str

    @property
    def robustness(self) -> dict[str, Any]:
        """Which images were damaged how; empty if there is no comparison."""
        return self.content.get("robustness") or {}

    @property
    def own(self) -> dict[str, Any]:
        """The package's entry in `robustness`; empty if it was not compared."""
        return _measured(self.content).get(self.name, {})

    @property
    def contamination(self) -> dict[str, Any]:
        """The package's row of the contamination table; empty if it was not compared."""
        rows = self.content.get("contamination", {}).get("rows", [])
        return next((row for row in rows if row["model"] == self.name), {})

    def splits(self) -> dict[str, dict[str, Any]]:
        """Return the official splits as some compared model saw them: their sizes are those of the data."""
        models = self.content.get("models", [])
        return models[0]["splits"] if models else {}

    def pairs(self, split: str) -> list[dict[str, Any]]:
        """Return the pairwise tests on a split that the package took part in."""
        every = self.content.get("pairs", {}).get(split, [])
        return [pair for pair in every if self.name in (pair["first"], pair["second"])]


def read_report(config: ModelConfig, path: Path = REPORT) -> Report:
    """Read the comparison; it speaks of a package if it measured the very file that the package serves.

    Raises:
        PackageError: if it is no JSON.
    """
    content = read_object(path, "no comparison") if path.is_file() else {}
    served = config.files.get(config.serving_file)
    compared = _measured(content).get(config.name, {}).get("serving_sha256")
    return Report(content, config.name if served is not None and compared == served else "")


def _measured(content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    models: dict[str, dict[str, Any]] = (content.get("robustness") or {}).get("models", {})
    return models
