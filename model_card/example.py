"""The card's example: a picture that may be shown, and what the model said of it.

The picture is Eileen Collins, NASA, public domain: a part of `skimage.data.astronaut()`, which lies beside this file.
The answers are recorded in the package, with the hash of the file that gave them: so a card can be written anew, to
the letter, where the model's library is not installed, and on processors that differ in the last digit.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import fersys
from fersys.config import ModelConfig, read_config, read_object
from fersys.errors import PackageError
from fersys.labels import EMOTIONS
from fersys.package import FIGURES_FOLDER

SOURCE = Path(__file__).parent / "astronaut.jpg"
PICTURE_FILE = f"{FIGURES_FOLDER}/astronaut.jpg"
RECORD_FILE = f"{FIGURES_FOLDER}/astronaut.json"
_DIGITS = 3


@dataclass(frozen=True)
class Example:
    """What a model said of the one face in the picture.

    Attributes:
        serving_sha256: SHA-256 of the file that said it.
        verdict: what people are told: an expression, or "not sure".
        scores: probability 0–1 of each expression, to three decimals.
    """

    serving_sha256: str
    verdict: str
    scores: dict[str, float]

    @property
    def ranked(self) -> list[tuple[str, float]]:
        """Expressions and probabilities, the most probable first."""
        return sorted(self.scores.items(), key=lambda item: -item[1])


def read_example(folder: Path, config: ModelConfig) -> Example | None:
    """Return the recorded answers, or None if there are none or another serving file gave them.

    Raises:
        PackageError: if the record is damaged.
    """
    path = folder / RECORD_FILE
    if not path.is_file():
        return None
    content = read_object(path, "no example")
    try:
        example = Example(**content)
        whole = {name: float(example.scores[name]) for name in EMOTIONS}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise PackageError(f"{path} is damaged: expected the hash, the verdict and seven scores. Received: {error!r}") from error
    current = example.serving_sha256 == config.files.get(config.serving_file)
    return Example(example.serving_sha256, example.verdict, whole) if current else None


def ask(folder: Path) -> Example:
    """Ask the model of a package about the picture.

    Raises:
        PackageError: if the package is incomplete or was changed.
        ModelError: if its library or the weights it stands on are missing.
    """
    config = read_config(folder)
    (result,) = fersys.analyze(fersys.read_image(SOURCE), [fersys.load(folder)])
    (answer,) = result.predictions
    return Example(config.files[config.serving_file], answer.verdict, {name: round(score, _DIGITS) for name, score in answer.scores.items()})


def record(folder: Path) -> None:
    """Put the picture and the model's answers into a package, unless the answers are there already.

    Raises:
        PackageError, ModelError: as `ask`.
    """
    if read_example(folder, read_config(folder)) is None:
        text = json.dumps(asdict(ask(folder)), indent=2) + "\n"
        (folder / FIGURES_FOLDER).mkdir(exist_ok=True)
        (folder / RECORD_FILE).write_text(text, encoding="utf-8")
