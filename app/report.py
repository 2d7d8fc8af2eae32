"""What the comparison of all models found, and what they said of every image of FER2013: read from files, which a copy may lack.

The images themselves are neither here nor needed.
"""

import csv
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fersys.labels import EMOTIONS
from fersys.package import PREDICTIONS_FILE, SHIPPED

ROOT = Path(__file__).resolve().parents[1]
REPORT_FILE = Path("reports") / "compare.json"
_PLACES = (Path(SHIPPED), Path("reports") / "records")
BINS = 15
_RATERS = "test_ferplus"  # its truth is what ten raters said
_HISTORY = ("accuracy", "val_accuracy")
# What damaged content raises where it is used.
_DAMAGED = (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)

Content = dict[str, Any]


def read_figures(path: Path, command: str, check: Callable[[Content], object]) -> Content | None:
    """Return what a command wrote into a JSON file.

    Args:
        path: the file.
        command: what writes it.
        check: raises some everyday error (`ValueError`, `KeyError` …) if the page cannot show such content.

    Returns:
        None if the file is not here. Empty if it is damaged: the page does without, and a line on standard error names it.
    """
    if not path.is_file():
        return None
    try:
        content = dict(json.loads(path.read_text(encoding="utf-8")))
        check(content)
    except _DAMAGED as error:
        received = f"{type(error).__name__}: {error}"  # not its `repr`, which may hold the whole file
        print(f"not shown: {path} is damaged: expected what `{command}` writes. Received: {received}", file=sys.stderr)
        return {}
    return content


def read_report(root: Path = ROOT) -> Content | None:
    """Return what `python -m train compare` found; None if there is nothing here, empty if it is damaged, as `read_figures` says."""
    found = read_figures(root / REPORT_FILE, "python -m train compare", _check)
    return None if found and not found["models"] else found


def _check(report: Content) -> None:
    if not all(isinstance(model["model"], str) for model in report["models"]):
        raise ValueError("a model without a name")
    short_answer(report)


def short_answer(report: Content) -> dict[str, float] | None:
    """Return how often DeepFace's network is right, 0–1; None if the report does not tell.

    Returns:
        "paper": as its paper says; "like": on images like the paper's; "new": on images that it has never seen.
    """
    told = report.get("contamination") or {}
    row = next((row for row in told.get("rows", ()) if row["model"] == told.get("as_published")), None)
    if row is None:
        return None
    return {"paper": float(told["paper"]["accuracy"]), "like": float(row["paper_28821"]["mean"]), "new": float(row["test_strict"])}


@dataclass(frozen=True, eq=False)
class Said:
    """What one model said of every image.

    Attributes:
        members: by split, bool (n,), which images are in it.
        labels: int64 (n,), positions in `EMOTIONS`, −1 where there is none.
        raters: the same by FER+.
        probabilities: float32 (n, 7).
    """

    members: Mapping[str, npt.NDArray[np.bool_]]
    labels: npt.NDArray[np.int64]
    raters: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float32]

    def of(self, split: str) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Return probabilities (k, 7) and truth (k,) of a split."""
        inside = self.members[split]
        return self.probabilities[inside], (self.raters if split == _RATERS else self.labels)[inside]


def folders(root: Path = ROOT) -> Iterator[Path]:
    """Yield the folders that hold predictions; each is named like its model."""
    for place in _PLACES:
        yield from sorted(path.parent for path in (root / place).glob(f"*/{PREDICTIONS_FILE}"))


def read_said(folder: Path) -> Said:
    """Read a model's saved predictions."""
    import pyarrow.parquet as pq

    table = pq.read_table(folder / PREDICTIONS_FILE)
    names = [name.removeprefix("in_") for name in table.column_names if name.startswith("in_")]
    members = {name: np.asarray(table[f"in_{name}"], dtype=np.bool_) for name in names}
    scores = np.stack([np.asarray(table[emotion], dtype=np.float32) for emotion in EMOTIONS], axis=1)
    return Said(members, _positions(table["label"]), _positions(table["ferplus_label"]), scores)


def _positions(column: Any) -> npt.NDArray[np.int64]:
    known = {name: index for index, name in enumerate(EMOTIONS)}
    coded = column.combine_chunks().dictionary_encode()
    places = np.array([known.get(name, -1) for name in coded.dictionary.to_pylist()] + [-1], np.int64)
    return np.asarray(places[np.asarray(coded.indices.fill_null(-1), dtype=np.int64)])


def read_history(folder: Path) -> list[list[float]]:
    """Return accuracy on train and on validation, 0–1, an epoch; empty if the model's training left none."""
    path = folder / "history.csv"
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [[round(float(row[name]), 4) for name in _HISTORY] for row in csv.DictReader(file)]


def curves(said: Said, split: str, steps: int = 50) -> Content:
    """Return the points of two curves of a split.

    Returns:
        "bins": [images, mean confidence, share right] of each of 15 bins of confidence that is not empty;
        "risk": [share answered, share of these wrong] as more and more of the surest answers are given.
    """
    probabilities, truth = said.of(split)
    sure, right = probabilities.max(axis=1).astype(np.float64), probabilities.argmax(axis=1) == truth
    return {"bins": _bins(sure, right), "risk": _risk(sure, right, steps)}


def _bins(sure: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> list[list[float]]:
    number = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], sure)
    found = [(sure[number == index], right[number == index]) for index in range(BINS)]
    return [[len(these), round(float(these.mean()), 4), round(float(hits.mean()), 4)] for these, hits in found if len(these)]


def _risk(sure: npt.NDArray[np.float64], right: npt.NDArray[np.bool_], steps: int) -> list[list[float]]:
    order = np.argsort(-sure, kind="stable")
    wrong = np.cumsum(~right[order])
    counts = np.unique(np.ceil(len(sure) * np.arange(1, steps + 1) / steps).astype(int))
    # Images of equal probability are answered together.
    ends = [int(np.searchsorted(-sure[order], -sure[order][count - 1], side="right")) for count in counts]
    return [[round(end / len(sure), 4), round(float(wrong[end - 1] / end), 4)] for end in sorted(set(ends))]


def cell(all_said: Mapping[str, Said], model: str, split: str, pair: Sequence[int]) -> Content:
    """Return what else is known of the images in one cell of a confusion matrix.

    Args:
        all_said: what every model said, by its name.
        model: whose matrix.
        split: of which images.
        pair: positions in `EMOTIONS`: the truth, and what the model said.

    Returns:
        "count": images in the cell; "confidence": mean probability of what was said, "truth": of the truth (None if the cell is empty);
        "second": of how many of them each expression was the model's second guess; "others": by model, of how many it said what.
    """
    own = all_said[model]
    probabilities, truth = own.of(split)
    wanted, said = pair
    inside = (truth == wanted) & (probabilities.argmax(axis=1) == said)
    chosen = probabilities[inside]
    means = [round(float(chosen[:, column].mean()), 4) if len(chosen) else None for column in (said, wanted)]
    others = {name: _counts(one.of(split)[0][inside].argmax(axis=1)) for name, one in all_said.items() if name != model and _fits(one, own, split)}
    return {"count": len(chosen), "confidence": means[0], "truth": means[1], "second": _counts(np.argsort(-chosen, axis=1)[:, 1]), "others": others}


def _fits(one: Said, own: Said, split: str) -> bool:
    """Whether two models were asked about the very same images of a split, in the same order."""
    return split in one.members and np.array_equal(one.of(split)[1], own.of(split)[1])


def _counts(labels: npt.NDArray[np.int64]) -> list[int]:
    return [int(count) for count in np.bincount(labels, minlength=len(EMOTIONS))]
