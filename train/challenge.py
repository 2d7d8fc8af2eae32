"""Chooses, on validation alone, which expressions the emoji challenge asks and from where on they count as shown.

An expression counts as shown if both models give it at least a threshold. The threshold is the least that lets no more than a
share of the other faces pass; of the shares in `TARGETS` the first at which at least half of its own faces pass.
An expression for which there is none, or for which there are too few faces to tell, is not asked; nor is neutral, from
which every step begins. Faces count only where FER2013's label and the plurality of FER+'s raters say the same (its own
faces), or both say that it is something else (other faces): what two sets of people cannot agree on is no fair prompt.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fersys.config import read_config
from fersys.errors import DataError
from fersys.labels import EMOTIONS
from train.atomic import replacing, write_json
from train.predictions import Predictions, read_predictions

SPLIT = "validation"
TARGETS = (0.01, 0.02, 0.03)  # shares of other faces that may pass
LEAST_RECALL, LEAST_FACES = 0.5, 200
STEPS, TRIES, TURNS = 4, 3, 2
_REST = "neutral"


@dataclass(frozen=True)
class Choice:
    """What was chosen for an expression, and what it costs; shares are 0–1.

    Attributes:
        name: the expression.
        threshold: what both models must give it.
        false_accept: share of other faces that pass.
        recall: share of its own faces that pass.
        recall_label: the same of all faces that FER2013 alone labels so.
        faces, others: how many of both there are.
        asked: whether it may be asked.
        reason: why not; "" if it may.
    """

    name: str
    threshold: float
    false_accept: float
    recall: float
    recall_label: float
    faces: int
    others: int
    asked: bool
    reason: str


def agreed(folders: Sequence[Path]) -> tuple[npt.NDArray[np.float32], Predictions]:
    """Return of each validation image the lower of what the models say, float32 (n, 7), and the first model's predictions.

    Raises:
        DataError: if predictions are missing, or of different images.
    """
    tables = [read_predictions(folder / "predictions.parquet") for folder in folders]
    if any(not np.array_equal(table.index[table.members[SPLIT]], tables[0].index[tables[0].members[SPLIT]]) for table in tables):
        raise DataError(f"Challenge: expected predictions of the same images. Received: {', '.join(map(str, folders))}")
    return np.min([table.of(SPLIT)[0] for table in tables], axis=0), tables[0]


def choose(name: str, scores: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], raters: npt.NDArray[np.int64]) -> Choice:
    """Choose the threshold of an expression.

    Args:
        name: the expression.
        scores: float32 (n,), what both models give it.
        labels, raters: int64 (n,), positions in `EMOTIONS`; −1 where the raters have none.
    """
    index = EMOTIONS.index(name)
    own, others = (labels == index) & (raters == index), (labels != index) & (raters != index)
    tried = [_at(scores, own, others, share) for share in TARGETS]
    threshold, recall = next((pair for pair in tried if pair[1] >= LEAST_RECALL), tried[-1])
    passed = scores >= threshold
    reason = _reason(name, recall, int(own.sum()))
    return Choice(name, threshold, _share(passed[others]), recall, _share(passed[labels == index]), int(own.sum()), int(others.sum()), not reason, reason)


def _at(scores: npt.NDArray[np.float32], own: npt.NDArray[np.bool_], others: npt.NDArray[np.bool_], share: float) -> tuple[float, float]:
    """The least threshold, in thousandths, that lets no more than a share of the others pass; and the recall there."""
    allowed = np.sort(scores[others])[::-1][int(share * others.sum())]
    threshold = (np.floor(float(allowed) * 1000) + 1) / 1000
    return float(threshold), _share(scores[own] >= threshold)


def _share(passed: npt.NDArray[np.bool_]) -> float:
    return float(passed.mean()) if len(passed) else 0.0


def _reason(name: str, recall: float, faces: int) -> str:
    if name == _REST:
        return "every step begins from it"
    if faces < LEAST_FACES:
        return f"too few faces: {faces}, of {LEAST_FACES}"
    return "" if recall >= LEAST_RECALL else f"too often missed: {recall:.0%} are seen"


def blind_success(shapes: int, steps: int = STEPS, turns: int = TURNS, tries: int = TRIES) -> dict[str, float]:
    """Return how many orders there are and how likely a machine that shows one order blindly passes, at once and in so many tries.

    Args:
        shapes: expressions that may be asked, never one twice in a row.
        steps: prompts in a challenge.
        turns: head turns that may be asked, in one of the steps; 0: none is.
        tries: challenges, each with an order of its own.
    """
    orders = shapes * (shapes - 1) ** (steps - 1) * (steps * turns if turns else 1)
    return {"shapes": shapes, "orders": orders, "once": 1 / orders, "tries": tries, "in_tries": 1 - (1 - 1 / orders) ** tries}


def run(folders: Sequence[Path], table: Path, reports: Path) -> str:
    """Choose, write the table that the app reads and `challenge.json` and `challenge.md` into `reports`; return the page.

    Raises:
        DataError: if predictions are missing or do not fit, or fewer than two expressions can be asked.
    """
    scores, predictions = agreed(folders)
    inside = predictions.members[SPLIT]
    labels, raters = predictions.labels[inside], predictions.ferplus[inside]
    choices = [choose(name, scores[:, index], labels, raters) for index, name in enumerate(EMOTIONS)]
    asked = [choice.name for choice in choices if choice.asked]
    if len(asked) < 2:
        raise DataError(f"Challenge: expected two or more expressions that can be asked. Received: {', '.join(asked) or 'none'}")
    configs = [read_config(folder) for folder in folders]
    models = {config.name: config.files[config.serving_file] for config in configs}
    content = {"by": "python -m train challenge", "split": SPLIT, "asked": asked, "thresholds": {c.name: c.threshold for c in choices}, "models": models}
    report = {**content, "choices": [asdict(choice) for choice in choices], "blind": blind_success(len(asked))}
    page = render(report)
    write_json(table, content)
    write_json(reports / "challenge.json", report)
    with replacing(reports / "challenge.md") as unfinished:
        unfinished.write_text(page, encoding="utf-8")
    return page


def render(report: Mapping[str, Any]) -> str:
    """Return `reports/challenge.md`."""
    rows = [_row(choice) for choice in report["choices"]]
    blind, shares = report["blind"], ", ".join(f"{share:.0%}" for share in TARGETS)
    return "\n".join(
        [
            "# Which expressions the challenge asks",
            "",
            f"Made by `python -m train challenge` from what {' and '.join(report['models'])} say of FER2013's {report['split']} images; no test image is used.",
            "",
            "An expression counts as shown if **both** models give it at least the threshold. Its own faces: FER2013's label and most of FER+'s",
            "raters say it; other faces: neither says it. The threshold is the least at which no more than a share of the other faces pass,",
            f"the first of {shares} at which at least {LEAST_RECALL:.0%} of its own faces do.",
            "",
            "| expression | threshold | other faces that pass | own faces that pass | of FER2013's label alone | own / other faces | asked |",
            "|---|---|---|---|---|---|---|",
            *rows,
            "",
            f"**Asked: {', '.join(report['asked'])}.** Neutral is what a step begins from. The rest is too rare where people agree to say how often",
            "it is seen. How well people can move their face on demand differs by the part of the face and by the expression (Gosselin, Perron,",
            "Beaupré, “The voluntary control of facial action units in adults”, Emotion 10, 2010; Recio, Sommer, “Copycat of dynamic facial",
            "expressions”, Neuropsychologia, 2018); how well they do before a webcam was not measured here. A face of FER2013 is one",
            "moment; a person may try until the ring fills, so more people pass than the",
            "column says, and each step is judged over many frames, so fewer wrong faces do.",
            "",
            "## Passing blindly",
            "",
            f"{blind['shapes']} expressions in {STEPS} steps, never one twice in a row, and one of {TURNS} head turns in one of the steps:",
            f"{blind['shapes']} · {blind['shapes'] - 1}^{STEPS - 1} · {STEPS} · {TURNS} = {blind['orders']} orders.",
            f"Who plays one back without looking passes with {blind['once']:.2%}, in {blind['tries']} tries with {blind['in_tries']:.2%}.",
            "That says nothing of a machine that reads the prompt.",
            "",
        ]
    )


def _row(choice: Mapping[str, Any]) -> str:
    verdict = "**yes**" if choice["asked"] else f"no: {choice['reason']}"
    name, counts = choice["name"], f"{choice['faces']} / {choice['others']}"
    return (
        f"| {name} | {choice['threshold']:.3f} | {choice['false_accept']:.1%} | {choice['recall']:.1%} | {choice['recall_label']:.1%} | {counts} | {verdict} |"
    )
