"""Which part of the recipe matters: the paper's network with one thing changed at a time.

Every variant is trained for a few epochs on the cleaned Training split and compared on
validation. To try another change, add a line to `VARIANTS`.
"""

import json
from pathlib import Path
from typing import Any

from sklearn.metrics import f1_score

from fersys.labels import EMOTIONS
from fersys.package import HISTORY_FILE
from train.adjust import lift_rare_classes, probabilities_of
from train.atomic import write_json
from train.config import FitConfig, recipe
from train.data import Fer2013, Split
from train.fit import fit
from train.history import read_history
from train.runs import open_run

EPOCHS = 8

# What is changed against the paper's recipe, and what the paper would say of it.
VARIANTS: dict[str, dict[str, Any]] = {
    "paper": {},
    "two convolutions a block": {"architecture": "paper_deep"},
    "no batch norm": {"batch_norm": False},
    "no augmentation": {"rotation": 0.0, "zoom": 0.0, "flip": False},
    "class weights": {"class_weight": "balanced"},
    "no dropout": {"dropout": 0.0},
    "cosine rate": {"schedule": "cosine", "warmup": 0.08},
    "histogram equalisation": {"equalize": True},
    "twins left in": {"clean": False},
}
ADJUSTED = "logit adjustment"  # the first variant's network, re-scaled: no training of its own


def run_ablation(data: Fer2013, runs: Path, epochs: int = EPOCHS) -> list[dict[str, Any]]:
    """Train every variant (going on where it was killed) and return one row a variant."""
    rows = []
    for name, changes in VARIANTS.items():
        config = recipe("paper", epochs=epochs, patience=0, **changes)
        rows += _run_variant(name, config, data, runs / name.replace(" ", "-"))
    return rows


def _run_variant(name: str, config: FitConfig, data: Fer2013, folder: Path) -> list[dict[str, Any]]:
    open_run(folder, config, data)  # refuses rows that were made with other settings or data
    done = folder / "ablation.json"
    if done.is_file():
        rows: list[dict[str, Any]] = json.loads(done.read_text())
        return rows
    fit_split, validation = data.split("fit" if config.clean else "train"), data.split("validation")
    network = fit(folder, config, fit_split, validation)
    history = read_history(folder / HISTORY_FILE)
    seconds = sum(row["seconds"] for row in history) / len(history)
    rows = [_row(name, probabilities_of(network, config, validation), validation) | {"seconds_an_epoch": round(seconds, 1)}]
    if name == next(iter(VARIANTS)):
        tau = lift_rare_classes(network, config, fit_split, validation)
        rows.append(_row(f"{ADJUSTED} (tau {tau:g})", probabilities_of(network, config, validation), validation))
    write_json(done, rows)
    return rows


def _row(name: str, probabilities: Any, validation: Split) -> dict[str, Any]:
    answers = probabilities.argmax(axis=1)
    f1 = f1_score(validation.labels, answers, labels=range(len(EMOTIONS)), average=None, zero_division=0)
    return {
        "variant": name,
        "accuracy": float((answers == validation.labels).mean()),
        "macro_f1": float(f1.mean()),
        "disgust_f1": float(f1[EMOTIONS.index("disgust")]),
    }


def write_report(rows: list[dict[str, Any]], folder: Path, epochs: int) -> str:
    """Write `ablation.json` and `ablation.md` into `folder` and return the table."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "ablation.json", {"epochs": epochs, "split": "validation", "rows": rows})
    first = rows[0]
    lines = ["| change | accuracy | against paper | macro-F1 | disgust F1 | seconds an epoch |", "|---|---|---|---|---|---|"]
    for row in rows:
        points = 100 * (row["accuracy"] - first["accuracy"])
        pace = row.get("seconds_an_epoch", "–")
        lines.append(f"| {row['variant']} | {row['accuracy']:.3f} | {points:+.1f} | {row['macro_f1']:.3f} | {row['disgust_f1']:.3f} | {pace} |")
    table = "\n".join(lines)
    intro = (
        f"# Ablation\n\nThe paper's network and recipe, one thing changed at a time, {epochs} epochs each, one seed, best epoch, official validation "
        "split (3,589 images: differences under about 1.5 points are noise). Made by `python -m train ablate`.\n\n"
    )
    (folder / "ablation.md").write_text(intro + table + "\n", encoding="utf-8")
    return table
