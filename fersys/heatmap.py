"""What a model looked at: the places of a face whose covering costs its answer most.

RISE (Petsiuk, Das & Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC 2018), on
log-odds and with a blur: half of the face is covered, again and again elsewhere, and each place gets the difference
that its own covering makes. It needs nothing of a model but its answers. Of the methods that `python -m train heatmap`
tried it found best what an answer hangs on; that command also asks whether maps are those of the trained network
rather than of the picture: `reports/heatmap.md`.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from fersys.errors import LabelError
from fersys.labels import EMOTIONS
from fersys.preprocess import INPUT_SIZE, to_model_input
from fersys.recognizers.base import Recognizer
from fersys.results import Image

Map = npt.NDArray[np.float32]

MASKS = 169  # how often the model is asked
CELLS = 7  # along a side of the grid whose cells are covered or not: an eye or a corner of the mouth is one
BLUR = 6.0  # pixels of the 48, the deviation of what is covered with: no edge, no eye, no mouth is left
_FLOOR = 1e-6  # probabilities nearer to 0 or 1 count as this near: the runtime's rounding is no evidence
_DOUBT = 3.0  # how many times its own standard error a difference must be, to be one
_LEAST = 0.05  # log-odds, which nobody would notice


@dataclass(frozen=True, eq=False)
class HeatMap:
    """Where one expression's evidence lies in a face.

    Attributes:
        label: the expression.
        drops: float32 (48, 48), by how much more its log-odds fall if this place is covered than if it is not; below 0: by how much less.
        noise: standard error of each of them.
    """

    label: str
    drops: Map
    noise: float = 0.0

    @property
    def is_flat(self) -> bool:
        """Whether no single place carries the answer: then the colours would show chance."""
        return bool(self.drops.max() < max(_DOUBT * self.noise, _LEAST))

    @property
    def shares(self) -> Map:
        """float32 (48, 48), 0–1: the drops as shares of the largest, and 0 where covering does not cost anything."""
        return np.asarray(np.clip(self.drops, 0, None) / max(float(self.drops.max()), _LEAST), dtype=np.float32)


def explain(crop: Image, recognizer: Recognizer, label: str | None = None, masks: Map | None = None) -> HeatMap:
    """Cover parts of a face and return what each place is worth to an answer; the same question gets the same map.

    Asks the model about 170 faces: a second for the shipped CNN on two cores.

    Args:
        crop: RGB uint8 (H, W, 3), best square.
        recognizer: whom to ask; it is given what the CNN sees: 48×48 pixels of gray.
        label: which expression; None: the most probable.
        masks: what to cover, float32 (n, 48, 48), 0–1; None: as `random_masks` makes them.

    Raises:
        ImageError: if the crop is not an RGB uint8 image.
        LabelError: if there is no such expression.
    """
    if label is not None and label not in EMOTIONS:
        raise LabelError(f"Unknown label: expected one of {', '.join(EMOTIONS)}. Received: {label!r}")
    gray = to_model_input(crop)[..., 0]
    masks = random_masks() if masks is None else masks
    answers = recognizer.predict([as_crop(gray), *(as_crop(covered) for covered in cover(gray, masks))])
    chosen = EMOTIONS.index(label) if label else int(answers[0].argmax())
    odds = log_odds(answers[:, chosen])
    drops = odds[0] - odds[1:]
    return HeatMap(EMOTIONS[chosen], spread(drops, masks) - spread(drops, 1 - masks), float(2 * drops.std() / np.sqrt(len(drops))))


def random_masks(count: int = MASKS, cells: int = CELLS, seed: int = 0) -> Map:
    """Return float32 (count, 48, 48), 1 where a pixel is covered: each cell of a shifted grid, or not, with soft edges."""
    random = np.random.default_rng(seed)
    side = -(-INPUT_SIZE // cells)
    return np.stack([_random_mask(random, cells + 1, side) for _ in range(count)])


def _random_mask(random: np.random.Generator, cells: int, side: int) -> Map:
    grid = (random.random((cells, cells)) < 0.5).astype(np.float32)
    top, left = random.integers(0, side, 2)
    return np.asarray(cv2.resize(grid, (cells * side,) * 2)[top : top + INPUT_SIZE, left : left + INPUT_SIZE], dtype=np.float32)


def cover(gray: npt.NDArray[np.uint8], masks: Map) -> npt.NDArray[np.uint8]:
    """Return uint8 (n, 48, 48): a gray face (48, 48) with each mask's part blurred."""
    bare = gray.astype(np.float32)
    return np.asarray((bare + masks * (blurred(gray) - bare)).round(), dtype=np.uint8)


def blurred(gray: npt.NDArray[np.uint8]) -> Map:
    """Return float32 (48, 48), what a gray face is covered with."""
    return np.asarray(cv2.GaussianBlur(gray.astype(np.float32), (0, 0), BLUR, borderType=cv2.BORDER_REPLICATE), dtype=np.float32)


def as_crop(gray: npt.NDArray[np.uint8]) -> Image:
    """Return a gray face (48, 48) as RGB (48, 48, 3), of which the CNN sees just these pixels again."""
    return np.repeat(gray[..., None], 3, axis=2)


def log_odds(probabilities: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return log(p / (1 − p)), which still tells a sure answer from a very sure one."""
    bounded = probabilities.astype(np.float64).clip(_FLOOR, 1 - _FLOOR)
    return np.asarray(np.log(bounded / (1 - bounded)))


def spread(drops: npt.NDArray[np.float64], masks: Map) -> Map:
    """Return float32 (48, 48): for each pixel the mean drop (n,) of the masks (n, 48, 48) that cover it, by how much they do."""
    return np.asarray(np.tensordot(drops, masks, 1) / np.maximum(masks.sum(axis=0), _FLOOR), dtype=np.float32)
