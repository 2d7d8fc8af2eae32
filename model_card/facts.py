"""What a card is made of: the JSON files of a package, read once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fersys.config import ModelConfig, read_config, read_object
from fersys.package import METRICS_FILE, RUN_FILE

_MISSING = "a card needs it measured first (python -m train evaluate)"


@dataclass(frozen=True)
class Facts:
    """A package's own account of itself.

    Attributes:
        folder: where the package lies.
        config: `fersys.json`.
        metrics: `metrics.json`.
        run: `run.json`: settings, versions, data fingerprint, git revision.
    """

    folder: Path
    config: ModelConfig
    metrics: dict[str, Any]
    run: dict[str, Any]

    @property
    def splits(self) -> dict[str, dict[str, Any]]:
        """The measured splits by name."""
        splits: dict[str, dict[str, Any]] = self.metrics["splits"]
        return splits


def read_facts(folder: Path) -> Facts:
    """Read a package folder.

    Raises:
        PackageError: if one of the files is missing or no JSON.
    """
    return Facts(folder, read_config(folder), read_object(folder / METRICS_FILE, _MISSING), read_object(folder / RUN_FILE, _MISSING))
