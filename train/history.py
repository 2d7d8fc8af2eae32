"""`history.csv`: one row an epoch. Read without Keras, for figures and tables."""

import csv
from pathlib import Path

from train.atomic import replacing

COLUMNS = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds")

Rows = list[dict[str, float]]


def write_history(path: Path, rows: Rows) -> None:
    """Write the history as CSV with the columns `COLUMNS`."""
    with replacing(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def read_history(path: Path) -> Rows:
    """Read the history that `write_history` wrote; empty where there is none."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
