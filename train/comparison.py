"""Every model side by side: `reports/compare.json`, and the tables that the README shows."""

import json
from pathlib import Path
from typing import Any

from fersys.errors import ConfigError
from fersys.package import SERVING_FILE
from train.measure import read_metrics

SPLITS = ("validation", "test", "test_clean", "test_strict", "test_ferplus")

# What others report, each with its source. Their splits are not ours: the notes say how.
REFERENCES: list[dict[str, Any]] = [
    {"model": "paper's CNN", "accuracy": 0.59, "macro_f1": 0.48, "disgust_f1": 0.04, "note": "on the paper's own random 70/15/15 split, twins left in"},
    {
        "model": "DeepFace, as the paper reports it",
        "accuracy": 0.82,
        "macro_f1": 0.82,
        "disgust_f1": 0.77,
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


def compare(models: Path, reports: Path) -> dict[str, Any]:
    """Gather the metrics of all packages, write `compare.json` and return its content."""
    packages = sorted(path.parent for path in models.glob("*/metrics.json"))
    content = {"models": [_entry(read_metrics(folder), folder) for folder in packages], "references": REFERENCES}
    reports.mkdir(parents=True, exist_ok=True)
    (reports / "compare.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return content


def _entry(metrics: dict[str, Any], folder: Path) -> dict[str, Any]:
    return {
        "model": metrics["model"],
        "params": metrics["params"],
        "macs": metrics["macs"],
        "serving_megabytes": round((folder / SERVING_FILE).stat().st_size / 1e6, 1),
        "splits": metrics["splits"],
    }


def headline_table(content: dict[str, Any]) -> str:
    """Return the README's table: our files, then what others report."""
    lines = ["| model | split | accuracy [95 %] | macro-F1 | disgust F1 | ECE | parameters |", "|---|---|---|---|---|---|---|"]
    for entry in content["models"]:
        lines += [_line(entry, split) for split in SPLITS if split in entry["splits"]]
    for other in content["references"]:
        macro, disgust = (f"{other[key]:.2f}" if other[key] is not None else "–" for key in ("macro_f1", "disgust_f1"))
        lines.append(f"| *{other['model']}* | *{other['note']}* | {other['accuracy']:.2f} | {macro} | {disgust} | – | – |")
    return "\n".join(lines)


def _line(entry: dict[str, Any], split: str) -> str:
    figures = entry["splits"][split]
    low, high = figures["ci95"]["accuracy"]
    disgust = figures["per_class"]["disgust"]["f1"]
    return (
        f"| **{entry['model']}** | {split} (n = {figures['n']:,}) | {figures['accuracy']:.3f} [{low:.3f}, {high:.3f}] | "
        f"{figures['macro_f1']:.3f} | {disgust:.3f} | {figures['ece']:.3f} | {entry['params'] / 1e6:.2f} M |"
    )


def put_headline(readme: Path, table: str) -> None:
    """Replace the README's headline table, which stands between two markers.

    Raises:
        ConfigError: if there is no such file, or the markers are not there in this order.
    """
    text = readme.read_text(encoding="utf-8") if readme.is_file() else ""
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise ConfigError(f"{readme}: expected the markers {_BEGIN} and {_END}, in this order. Received: {'a file without them' if text else 'no text'}")
    readme.write_text(f"{before}{_BEGIN}\n{table}\n{_END}{after}", encoding="utf-8")
