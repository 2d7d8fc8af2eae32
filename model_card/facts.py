"""What a card is made of: the JSON files of a package, read once."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fersys.config import ModelConfig, read_config
from fersys.errors import PackageError
from fersys.package import METRICS_FILE, RUN_FILE


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
    return Facts(folder, read_config(folder), _read(folder / METRICS_FILE), _read(folder / RUN_FILE))


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise PackageError(f"A card needs {path.name}: measure the model first (python -m train evaluate). Received: {path.parent}") from error
    except ValueError as error:
        raise PackageError(f"{path} is damaged: expected JSON. Received: {error}") from error
    if not isinstance(content, dict):
        raise PackageError(f"{path} is damaged: expected an object. Received: {type(content).__name__}")
    return content
