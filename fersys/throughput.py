"""How much of a recogniser's speed `fersys score` keeps, with reading files and writing a table beside it.

For benchmarks: `measure(fersys.load("hub/models/fersys-cnn"))`.
"""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import cv2
import numpy as np

from fersys.preprocess import INPUT_SIZE
from fersys.recognizers.base import Recognizer
from fersys.results import Image
from fersys.scoring import Job, score

_BATCH = 256  # crops that the recogniser is given at once, as a program would that has them in memory


@dataclass(frozen=True)
class Throughput:
    """Faces a second, medians over the rounds.

    Attributes:
        ready: of `recognizer.predict` on arrays in memory.
        scored: of `score` on as many PNG files.
    """

    ready: float
    scored: float

    @property
    def share(self) -> float:
        """What `score` keeps of the recogniser's speed."""
        return self.scored / self.ready


def measure(recognizer: Recognizer, pictures: int = 2048, rounds: int = 5) -> Throughput:
    """Time both in turn, so that a machine whose speed varies does so for both.

    Args:
        recognizer: whom to ask.
        pictures: how many faces of 48×48 pixels, of noise.
        rounds: how often.
    """
    images = [np.repeat(image[..., None], 3, axis=2) for image in np.random.default_rng(0).integers(0, 256, (pictures, INPUT_SIZE, INPUT_SIZE), np.uint8)]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in"
        source.mkdir()
        for number, image in enumerate(images):
            cv2.imwrite(str(source / f"{number:06d}.png"), image)
        job = Job([source], Path(folder) / "out.parquet", [recognizer], crops=True)
        times = [(_predict(recognizer, images), score(job, force=True, show=False).seconds) for _ in range(rounds)]
    ready, scored = zip(*times, strict=True)
    return Throughput(pictures / median(ready), pictures / median(scored))


def _predict(recognizer: Recognizer, images: Sequence[Image]) -> float:
    begin = time.perf_counter()
    for start in range(0, len(images), _BATCH):
        recognizer.predict(images[start : start + _BATCH])
    return time.perf_counter() - begin
