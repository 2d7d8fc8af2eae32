"""Every model side by side: `reports/compare.json`, and the tables that the README shows.

`compare(models, reports)` needs no image: predictions, histories and former trials say it all.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from fersys.errors import ConfigError
from fersys.labels import EMOTIONS
from train.arms import Arm, find_arms, shared_splits
from train.atomic import write_json
from train.certainty import summarize
from train.contamination import PAPER, SIMULATED, simulate, tell
from train.expression_metrics.expression_metrics import LABELS, Settings, check_answers, point_values
from train.measure import RESAMPLES, TEST_SPLITS, recompute
from train.records import MEGABYTES, RECORDS
from train.risk import summarize_risk
from train.significance import compare_pairs
from train.trials import ROBUSTNESS, SPEED, read_trials

COMPARE_FILE = "compare.json"
SPLITS = ("validation", *TEST_SPLITS)

# What others report, each with its source. Their splits are not ours: the notes say how.
REFERENCES: list[dict[str, Any]] = [
    {"model": "paper's CNN", "accuracy": 0.59, "macro_f1": 0.48, "disgust_f1": 0.04, "note": "on the paper's own random 70/15/15 split, twins left in"},
    {
        "model": "DeepFace, as the paper reports it",
        "accuracy": PAPER["accuracy"],
        "macro_f1": 0.82,
        "disgust_f1": PAPER["per_class"]["disgust"],
        "note": "most of those images are its own training images",
    },
    {
        "model": "DeepFace, as its author reports it",
        "accuracy": 0.574,
        "macro_f1": None,
        "disgust_f1": None,
        "note": "PublicTest; 92.05 % on Training (serengil/deepface #247)",
    },
    {"model": "human raters", "accuracy": 0.65, "macro_f1": None, "disgust_f1": None, "note": "± 5 points (Goodfellow et al. 2013)"},
]
_BEGIN, _END = "<!-- headline: made by python -m train compare -->", "<!-- headline ends -->"
_CALIBRATION = ("nll", "brier", "ece")
_COLUMNS = ("train", *SPLITS)


def compare(models: Path, reports: Path, resamples: int = RESAMPLES) -> dict[str, Any]:
    """Compute every figure from what models said of every image, write `compare.json` and return its content.

    Args:
        models: folder of the shipped packages.
        reports: where `compare.json` goes, and where records and trials lie.
        resamples: of the bootstrap.

    Returns:
        {"models": one entry a model, in the order of `train.arms.ABOUT`; "references": what others
        report; "contamination": `train.contamination.tell`; "pairs": {split: `compare_pairs`};
        "robustness", "speed": `train.trials.read_trials`}.

    Raises:
        PackageError: if a package or record is damaged or was not measured.
        DataError: if predictions are missing, or two models were measured on different data.
    """
    arms = [replace(arm, metrics=recompute(arm.folder, resamples)) for arm in _shown(find_arms(models, reports / RECORDS), "figures")]
    simulated = {arm.name: simulate(arm.predictions) for arm in arms}
    content = {
        "models": [entry(arm, simulated[arm.name]) for arm in arms],
        "references": REFERENCES,
        "contamination": tell(arms, simulated),
        "pairs": _pairs(arms, resamples),
        "robustness": read_trials(reports / ROBUSTNESS, arms),
        "speed": read_trials(reports / SPEED, arms),
    }
    reports.mkdir(parents=True, exist_ok=True)
    write_json(reports / COMPARE_FILE, _rounded(content))
    return content


def _rounded(content: Any) -> Any:
    """Numbers to twelve places: the last bits of a sum differ from machine to machine."""
    if isinstance(content, dict):
        return {key: _rounded(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_rounded(value) for value in content]
    return round(content, 12) if isinstance(content, float) else content


def _shown(steps: Sequence[Any], what: str) -> Any:
    """The steps, with a bar in a terminal while they are taken."""
    return tqdm(steps, desc=what, unit="step", disable=None)


def _pairs(arms: Sequence[Arm], resamples: int) -> dict[str, Any]:
    splits = shared_splits(arms, SPLITS) if len(arms) > 1 and resamples else []
    return {split: compare_pairs(arms, split, Settings(resamples=resamples)) for split in _shown(splits, "pairs")}


def entry(arm: Arm, simulated: dict[str, Any] | None) -> dict[str, Any]:
    """Return all that `compare.json` says of one model alone.

    Args:
        arm: the model, with metrics of its present predictions.
        simulated: as from `train.contamination.simulate`.
    """
    splits = arm.metrics["splits"]
    return {
        "model": arm.name,
        "title": arm.config.title or arm.name,
        "about": arm.about,
        "shipped": arm.shipped,
        "params": arm.metrics["params"],
        "macs": arm.metrics["macs"],
        "serving_megabytes": _megabytes(arm),
        "splits": splits,
        SIMULATED: simulated,
        "extremes": {name: extremes(split["per_class"]) for name, split in splits.items()},
        "calibration": {"temperature": arm.temperature, "fitted_here": not arm.fitted, "splits": {name: calibration(arm, name) for name in splits}},
        "certainty": summarize(arm.predictions, arm.config.certainty),
        "risk_coverage": summarize_risk(arm),
    }


def _megabytes(arm: Arm) -> float:
    if MEGABYTES in arm.metrics:
        return float(arm.metrics[MEGABYTES])
    return round((arm.folder / arm.config.serving_file).stat().st_size / 1e6, 1)


def extremes(per_class: dict[str, dict[str, float]]) -> dict[str, dict[str, Any]]:
    """Return the expressions with the highest and the lowest F1: {"best": {"emotion", "f1"}, "worst": …}."""
    ranked = sorted(EMOTIONS, key=lambda name: per_class[name]["f1"])
    return {kind: {"emotion": name, "f1": per_class[name]["f1"]} for kind, name in (("best", ranked[-1]), ("worst", ranked[0]))}


def calibration(arm: Arm, split: str) -> dict[str, dict[str, float]]:
    """Return NLL, Brier score and ECE of a model without and with its temperature: {"before": …, "after": …}."""
    truth, found = arm.predictions.of(split)[1], {}
    for when, probabilities in zip(("before", "after"), arm.before_and_after(split), strict=True):
        values = point_values(check_answers(probabilities, truth, range(len(truth)), len(LABELS)), LABELS)
        found[when] = {name: values[name] for name in _CALIBRATION}
    return found


def headline_table(content: dict[str, Any]) -> str:
    """Return the README's tables: what we measured, then what others report."""
    heads = ["model", "Training (seen)", *SPLITS, "macro-F1", "disgust F1", "ECE", "parameters"]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads), *map(_line, content["models"])]
    lines += ["", "| what others report | accuracy | macro-F1 | disgust F1 | on what |", "|---|---|---|---|---|"]
    for other in content["references"]:
        figures = (f"{other[key]:.2f}" if other[key] is not None else "–" for key in ("accuracy", "macro_f1", "disgust_f1"))
        lines.append(f"| *{other['model']}* | {' | '.join(figures)} | *{other['note']}* |")
    return "\n".join(lines)


def _line(model: dict[str, Any]) -> str:
    """A row: accuracy by split, and what the last columns say of `test`, or of validation where test is closed."""
    splits = model["splits"]
    name = f"**{model['model']}**" if model["shipped"] else model["model"]
    accuracy = (_accuracy(splits.get(split), interval=split == "test") for split in _COLUMNS)
    shown = splits.get("test") or splits["validation"]
    others = (f"{value:.3f}" for value in (shown["macro_f1"], shown["per_class"]["disgust"]["f1"], shown["ece"]))
    return "| " + " | ".join([name, *accuracy, *others, f"{model['params'] / 1e6:.2f} M"]) + " |"


def _accuracy(figures: dict[str, Any] | None, interval: bool) -> str:
    if figures is None:
        return "–"
    low, high = figures["ci95"]["accuracy"]
    return f"{figures['accuracy']:.3f}" + (f" [{low:.3f}, {high:.3f}]" if interval else "")


def check_readme(readme: Path) -> None:
    """Check that a file has a place for the headline table.

    Raises:
        ConfigError: if there is no such file, or the two markers are not there in this order.
    """
    _around(readme)


def put_headline(readme: Path, table: str) -> None:
    """Replace the README's headline table, which stands between two markers.

    Raises:
        ConfigError: if there is no such file, or the markers are not there in this order.
    """
    before, after = _around(readme)
    readme.write_text(f"{before}{_BEGIN}\n{table}\n{_END}{after}", encoding="utf-8")


def _around(readme: Path) -> tuple[str, str]:
    text = readme.read_text(encoding="utf-8") if readme.is_file() else ""
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise ConfigError(f"{readme}: expected the markers {_BEGIN} and {_END}, in this order. Received: {'a file without them' if text else 'no text'}")
    return before, after
