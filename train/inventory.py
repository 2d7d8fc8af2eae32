"""What is in FER2013: `python -m train data` counts images, finds twins and says what is left out.

`take_inventory` gathers the figures, `as_text` lays them out for a terminal of 80 columns, `run`
does both and writes them as JSON.
"""

import json
from pathlib import Path
from typing import Any

from fersys.errors import DataError
from fersys.labels import EMOTIONS
from train.data import Fer2013, class_counts
from train.sources import SPLITS
from train.twins import NEAR, audit

# The paper's Table 1 as printed. It counts Kaggle's re-split of 28,821 images (80.3 % of all).
PAPER_PRINTED: dict[str, int] = {"happy": 7164, "sad": 3205, "angry": 4938, "surprise": 4982, "neutral": 4103, "disgust": 436, "fear": 3993}
# The expression that truly has each of those numbers in that re-split.
PAPER_TRULY: dict[str, int] = {"angry": 3993, "disgust": 436, "fear": 4103, "happy": 7164, "sad": 4938, "surprise": 3205, "neutral": 4982}

_SPLIT_MEANINGS = {
    "fit": "Training after the clean-up: fitted on",
    "train": "official Training",
    "validation": "official PublicTest: every choice is made on it",
    "test": "official PrivateTest: opened once a release",
    "test_clean": "test without exact twins in Training",
    "test_strict": "test without near twins in Training or PublicTest",
    "test_ferplus": "test where FER+ raters agree on an expression",
}
_PAPER_SPLIT_MEANINGS = {"fit": "70 % of the pooled images", "train": "the same", "validation": "15 %", "test": "15 %"}
_REMOVAL_MEANINGS = {
    "twin_in_validation_or_test": "have a near twin in validation or test",
    "conflicting_labels": "stand in a group of twins with conflicting labels",
    "repeated": "repeat another image of Training",
    "kept": "kept",
}


def run(data: Fer2013, out: Path) -> str:
    """Write the inventory of `data` to `out` as JSON and return it as text.

    Raises:
        DataError: if the file cannot be written.
    """
    inventory = take_inventory(data)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(inventory, indent=2) + "\n")
    except OSError as error:
        raise DataError(f"The inventory cannot be written: expected a file in a writable folder. Received: {out} ({error.strerror})") from error
    return as_text(inventory) + f"\n\nWritten to {out}"


def take_inventory(data: Fer2013) -> dict[str, Any]:
    """Return the figures as plain JSON values.

    Returns:
        "images" (their number), "fingerprint", "instances" (by expression: number of images by
        official split and in all, and the paper's figures), "twins" (`train.twins.audit`),
        "removed" (by rule of the clean-up; empty where none was made), "splits" (by split:
        number of images in all and by expression).
    """
    labels = data.records.labels
    by_split = {split: class_counts(labels[data.records.splits == split]) for split in SPLITS}
    return {
        "images": len(labels),
        "fingerprint": data.fingerprint,
        "instances": {name: _instances(name, {split: counts[name] for split, counts in by_split.items()}) for name in EMOTIONS},
        "twins": audit(data.records, data.twins),
        "removed": data.removed,
        "splits": {name: {"n": int(mask.sum())} | class_counts(labels[mask]) for name, mask in data.splits.items()},
    }


def _instances(name: str, counts: dict[str, int]) -> dict[str, Any]:
    printed_as = next(other for other, count in PAPER_PRINTED.items() if count == PAPER_TRULY[name])
    paper = {"paper_printed": PAPER_PRINTED[name], "paper_truly": PAPER_TRULY[name], "paper_printed_as": printed_as}
    return counts | {"all": sum(counts.values())} | paper


def as_text(inventory: dict[str, Any]) -> str:
    """Return the figures of `take_inventory` as text, at most 80 columns wide."""
    sections = [
        [f"FER2013: {inventory['images']:,} images", f"fingerprint {inventory['fingerprint']}"],
        _instance_lines(inventory["instances"]),
        _twin_lines(inventory["twins"]),
        _removal_lines(inventory["removed"]),
        _split_lines(inventory),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines)


def _instance_lines(instances: dict[str, Any]) -> list[str]:
    head = f"{'':10}{'train':>8}{'valid.':>8}{'test':>8}{'all':>8} |{'paper':>7}{'of all':>8} |{'truly':>7}{'of all':>8}"
    rows = [_instance_line(name, row) for name, row in instances.items()]
    totals = {key: sum(row[key] for row in instances.values()) for key in (*SPLITS, "all", "paper_printed", "paper_truly")}
    return [
        "Instances by expression, beside the paper's Table 1",
        head,
        *rows,
        _instance_line("sum", totals),
        "paper: the number printed beside this name, which for five names is another's.",
        "truly: this expression's number in the 28,821 images that the paper counts.",
        *_misprints(instances),
    ]


def _instance_line(name: str, row: dict[str, Any]) -> str:
    counts = "".join(f"{row[key]:8,}" for key in (*SPLITS, "all"))
    printed, truly = row["paper_printed"], row["paper_truly"]
    return f"{name:10}{counts} |{printed:7,}{_share(printed, row['all']):>8} |{truly:7,}{_share(truly, row['all']):>8}"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "–"


def _misprints(instances: dict[str, Any]) -> list[str]:
    others = {name: row for name, row in instances.items() if row["paper_printed_as"] != name}
    return [f"  {row['paper_truly']:,}, printed as {row['paper_printed_as']}, is {name}" for name, row in others.items()]


def _twin_lines(found: dict[str, int]) -> list[str]:
    meanings = {
        "{}_redundant": "images that repeat another",
        "{}_groups_with_conflicting_labels": "groups of twins with conflicting labels",
        "validation_with_{}_twin_in_train": "validation images with a twin in Training",
        "test_with_{}_twin_in_train": "test images with a twin in Training",
        "test_with_{}_twin_in_validation": "test images with a twin in validation",
    }
    rows = [f"{meaning:44}{found[key.format('exact')]:8,}{found[key.format('near')]:8,}" for key, meaning in meanings.items()]
    return [f"{'Twins':44}{'exact':>8}{'near':>8}", *rows, f"near: exact twins and those linked by a correlation above {NEAR}."]


def _removal_lines(removed: dict[str, int]) -> list[str]:
    if not removed:
        return []
    return ["Clean-up of Training", *(f"{count:8,}  {_REMOVAL_MEANINGS[rule]}" for rule, count in removed.items())]


def _split_lines(inventory: dict[str, Any]) -> list[str]:
    meanings = _SPLIT_MEANINGS if inventory["removed"] else _PAPER_SPLIT_MEANINGS
    return ["Splits", *(f"{name:14}{counts['n']:8,}  {meanings[name]}" for name, counts in inventory["splits"].items())]
