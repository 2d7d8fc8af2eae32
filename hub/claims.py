"""What a card claims in its front matter, held against the files of the package."""

import math
import re
from pathlib import Path
from typing import Any, cast

from huggingface_hub import ModelCard, ModelCardData

from fersys.config import ModelConfig, read_object
from fersys.errors import PackageError
from fersys.package import CARD_FILE, METRICS_FILE

REQUIRED = ("library_name", "pipeline_tag", "license", "datasets", "metrics")
CLAIMED = ("accuracy", "macro_f1")  # of every measured split but the one it was fitted on
_SEEN = "train"
_HALF_A_DIGIT = 0.5e-4 + 1e-9  # cards give four decimals
_LINKED = re.compile(r"\]\((figures/[^)\s]+)\)")
_WRITE = "write the card again (python -m model_card)"


def check_card(folder: Path, config: ModelConfig) -> None:
    """Check that the card is there, complete, shows pictures that exist, and gives the figures of `metrics.json`.

    Raises:
        PackageError: naming what is missing or differs.
    """
    text = _read(folder / CARD_FILE)
    data = _parse(text, folder)
    absent = [key for key in REQUIRED if not data.get(key)]
    if absent:
        raise PackageError(f"The card of {folder} is incomplete: expected {', '.join(absent)} in its front matter; {_WRITE}. Received: nothing there")
    _check_pictures(folder, text)
    metrics = read_object(folder / METRICS_FILE, "a package that is pushed must be measured first (python -m train evaluate)")
    _check_measured(folder, config, metrics)
    _check_figures(folder, _claims(data), _figures(folder, metrics))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise PackageError(f"No card: expected {path}; {_WRITE}. Received: no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise PackageError(f"{path} cannot be read: expected text in UTF-8. Received: {error}") from error


def _parse(text: str, folder: Path) -> ModelCardData:
    import yaml  # type: ignore[import-untyped]

    try:
        return cast(ModelCardData, ModelCard(text).data)
    except (ValueError, TypeError, KeyError, yaml.YAMLError) as error:
        reason = str(error).strip().splitlines()[0]
        raise PackageError(f"The card of {folder} is damaged: expected YAML front matter with a model-index; {_WRITE}. Received: {reason}") from error


def _check_pictures(folder: Path, text: str) -> None:
    for name in _LINKED.findall(text):
        if not (folder / name).is_file():
            raise PackageError(f"The card of {folder} shows {name}: expected that file in the package. Received: no such file")


def _check_measured(folder: Path, config: ModelConfig, metrics: dict[str, Any]) -> None:
    served, measured = config.files.get(config.serving_file), metrics.get("serving_sha256")
    if measured != served:
        raise PackageError(f"{folder / METRICS_FILE} was measured on another file: expected SHA-256 {served} of {config.serving_file}. Received: {measured}")


Figures = dict[tuple[str, str], float]  # by split and metric


def _figures(folder: Path, metrics: dict[str, Any]) -> Figures:
    try:
        splits = metrics["splits"].items()
        return {(split, metric): float(figures[metric]) for split, figures in splits if split != _SEEN for metric in CLAIMED}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise PackageError(f"{folder / METRICS_FILE} is damaged: expected {' and '.join(CLAIMED)} of each split. Received: {error!r}") from error


def _claims(data: ModelCardData) -> Figures:
    return {(str(claim.dataset_split), claim.metric_type): _number(claim.metric_value) for claim in data.eval_results or ()}


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _check_figures(folder: Path, claims: Figures, figures: Figures) -> None:
    for key in dict.fromkeys((*figures, *claims)):
        claimed, measured = claims.get(key), figures.get(key)
        if claimed is None or measured is None or not abs(claimed - measured) <= _HALF_A_DIGIT:
            what = f"{key[1]} on {key[0]}"
            raise PackageError(f"The card of {folder} does not say what was measured: expected {what} {measured}; {_WRITE}. Received: {claimed}")
