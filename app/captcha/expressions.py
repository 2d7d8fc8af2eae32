"""Which expressions are asked, and from where on both models together say that one is shown.

`thresholds.json` beside this file is written by `python -m train challenge` out of the shipped packages' predictions for
FER2013's validation images; `reports/challenge.md` explains it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fersys.errors import ConfigError
from fersys.labels import EMOTIONS
from fersys.recognizers.base import Probabilities

FILE = Path(__file__).with_name("thresholds.json")
# Below this share of its threshold an expression counts as absent: between the two it may still fade.
ABSENT = 0.8


@dataclass(frozen=True)
class Expressions:
    """The table.

    Attributes:
        thresholds: of each of `EMOTIONS`, 0–1.
        asked: those that may be asked, at least two.
        models: name of each model that the thresholds were chosen for, with the SHA-256 of the file that it is run from.
    """

    thresholds: dict[str, float]
    asked: tuple[str, ...]
    models: dict[str, str]

    def __post_init__(self) -> None:
        if set(self.thresholds) != set(EMOTIONS) or not all(0 < value < 1 for value in self.thresholds.values()):
            raise ConfigError(f"Thresholds: expected one between 0 and 1 for each of {', '.join(EMOTIONS)}. Received: {self.thresholds}")
        if len(set(self.asked)) < 2 or not set(self.asked) <= set(EMOTIONS):
            raise ConfigError(f"Expected two or more expressions to ask. Received: {', '.join(self.asked) or 'none'}")

    def is_shown(self, name: str, agreement: npt.NDArray[np.float32]) -> bool:
        """Whether an expression is there; `agreement` is float32 (7,), as `agree` returns it."""
        return float(agreement[EMOTIONS.index(name)]) >= self.thresholds[name]

    def is_absent(self, name: str, agreement: npt.NDArray[np.float32]) -> bool:
        """Whether an expression is surely not there."""
        return float(agreement[EMOTIONS.index(name)]) < ABSENT * self.thresholds[name]

    def other(self, name: str, agreement: npt.NDArray[np.float32]) -> bool:
        """Whether another expression that may be asked is there, and this one is not."""
        return not self.is_shown(name, agreement) and any(self.is_shown(one, agreement) for one in self.asked if one != name)


def agree(answers: Sequence[Probabilities]) -> npt.NDArray[np.float32]:
    """Return of each expression the lower of what the models say: float32 (7,) from float32 (7,) each."""
    return np.asarray(np.min(answers, axis=0), np.float32)


def read_expressions(file: Path = FILE) -> Expressions:
    """Read the table.

    Raises:
        ConfigError: if it is missing, no JSON or lacks something.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return Expressions(dict(content["thresholds"]), tuple(content["asked"]), dict(content["models"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{file.name}: expected what `python -m train challenge` writes. Received: {error}") from error
