"""How accuracy falls when faces are blurred, noisy, darker or brighter, compressed, covered or turned.

Six corruptions in five strengths, after Hendrycks & Dietterich, "Benchmarking Neural Network
Robustness to Common Corruptions and Perturbations", ICLR 2019, on a sample of validation: strengths
are seen while one looks at them, and the test split is for figures that were fixed before. Every
model gets the very same corrupted images. To add a corruption, add a line to `CORRUPTIONS`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from sklearn.model_selection import train_test_split
from tqdm import tqdm

from fersys.recognizers.base import Recognizer
from train.data import Fer2013, Split
from train.predictions import predict_images

SPLIT = "validation"
SAMPLE = 700  # images, stratified by label: 31 times through a network of 200 M multiply–adds in two minutes
FEW = 140  # for a model that takes `SLOW` or more
SLOW = ("deepface-head",)  # recognisers that take a tenth of a second a face
SEED = 0

_GRAY = 128
_BYTE = 255

Images = npt.NDArray[np.uint8]
Image = npt.NDArray[np.uint8]  # (48, 48), gray
Corrupt = Callable[[Image, float, np.random.Generator], npt.NDArray[Any]]


@dataclass(frozen=True)
class Corruption:
    """One way to spoil an image.

    Attributes:
        unit: what `strengths` count.
        strengths: from weak to strong.
        apply: (gray uint8 (h, w), strength, random numbers) → the spoilt image, values in or near 0–255.
    """

    unit: str
    strengths: tuple[float, ...]
    apply: Corrupt


def _blur(image: Image, sigma: float, _: np.random.Generator) -> npt.NDArray[Any]:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE))


def _noise(image: Image, deviation: float, random: np.random.Generator) -> npt.NDArray[Any]:
    return np.asarray(image + random.normal(0, deviation, image.shape))


def _brightness(image: Image, share: float, random: np.random.Generator) -> npt.NDArray[Any]:
    """Half of the images become brighter, half darker."""
    return np.asarray(image + random.choice((-1, 1)) * share * _BYTE)


def _jpeg(image: Image, quality: float, _: np.random.Generator) -> npt.NDArray[Any]:
    encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE))


def _occlude(image: Image, share: float, random: np.random.Generator) -> npt.NDArray[Any]:
    """A gray square that covers this share of the image, anywhere in it."""
    height, width = image.shape
    side = round(float(np.sqrt(share * height * width)))
    top, left = random.integers(0, height - side + 1), random.integers(0, width - side + 1)
    covered = image.copy()
    covered[top : top + side, left : left + side] = _GRAY
    return covered


def _rotate(image: Image, degrees: float, random: np.random.Generator) -> npt.NDArray[Any]:
    """Half of the images are turned to the left, half to the right, about their centre."""
    height, width = image.shape
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), float(random.choice((-1, 1)) * degrees), 1)
    return np.asarray(cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT))


CORRUPTIONS: dict[str, Corruption] = {
    "blur": Corruption("sigma of a Gaussian, px", (0.5, 1.0, 1.5, 2.0, 3.0), _blur),
    "noise": Corruption("deviation of Gaussian noise, gray levels", (5, 10, 20, 30, 45), _noise),
    "brightness": Corruption("shift up or down, share of the gray range", (0.1, 0.2, 0.3, 0.4, 0.5), _brightness),
    "JPEG": Corruption("quality", (50, 30, 20, 10, 5), _jpeg),
    "occlusion": Corruption("share covered by a gray square", (0.05, 0.1, 0.15, 0.25, 0.4), _occlude),
    "rotation": Corruption("degrees to either side", (10, 20, 30, 45, 60), _rotate),
}


def corrupt(images: Images, name: str, strength: float) -> Images:
    """Spoil images; the same call gives the same images again.

    Args:
        images: gray uint8 (n, h, w).
        name: key in `CORRUPTIONS`.
        strength: in its unit.

    Returns:
        uint8 (n, h, w).
    """
    apply, number = CORRUPTIONS[name].apply, list(CORRUPTIONS).index(name)
    spoilt = [apply(image, strength, np.random.default_rng((SEED, number, position))) for position, image in enumerate(images)]
    return np.asarray(np.clip(np.rint(np.stack(spoilt)), 0, _BYTE), dtype=np.uint8)


def draw_sample(split: Split, size: int = SAMPLE) -> npt.NDArray[np.int64]:
    """Return positions in a split of `size` images, stratified by label, shuffled; all if it has no more."""
    everything = np.arange(len(split.labels))
    if size >= len(everything):
        return everything
    return np.asarray(train_test_split(everything, train_size=size, stratify=split.labels, random_state=SEED)[0], dtype=np.int64)


def measure_robustness(recognizers: dict[str, Recognizer], few: Sequence[str], data: Fer2013) -> dict[str, Any]:
    """Ask every model about every corruption of the sample.

    Args:
        recognizers: by name.
        few: names of those that are asked about the first `FEW` images only.
        data: FER2013.

    Returns:
        {"split", "images", "seed", "corruptions": {name: {"unit", "strengths"}}, "models": {name:
        {"images", "clean": accuracy, "accuracy": {corruption: [one a strength]}}}}.
    """
    split = data.split(SPLIT)
    chosen = draw_sample(split)
    images, labels = split.images[chosen], split.labels[chosen]
    counts = {name: min(FEW, len(images)) if name in few else len(images) for name in recognizers}
    models: dict[str, Any] = {name: {"images": counts[name], "accuracy": {kind: [] for kind in CORRUPTIONS}} for name in recognizers}
    for kind, spoilt in _variants(images):
        for name, recognizer in recognizers.items():
            count = counts[name]
            accuracy = float((predict_images(recognizer, spoilt[:count]).argmax(axis=1) == labels[:count]).mean())
            models[name] |= {} if kind else {"clean": accuracy}
            if kind:
                models[name]["accuracy"][kind].append(accuracy)
    about = {name: {"unit": one.unit, "strengths": list(one.strengths)} for name, one in CORRUPTIONS.items()}
    return {"split": SPLIT, "images": len(images), "seed": SEED, "corruptions": about, "models": models}


def _variants(images: Images) -> Iterator[tuple[str, Images]]:
    """The images as they are, named "", and then every corruption of them."""
    yield "", images
    every = [(name, strength) for name, one in CORRUPTIONS.items() for strength in one.strengths]
    for name, strength in tqdm(every, desc="robustness", unit="corruption", disable=None):
        yield name, corrupt(images, name, strength)


def mean_corrupted(model: dict[str, Any]) -> float:
    """Return the mean accuracy of a model's line over all corruptions and strengths."""
    return float(np.mean([value for values in model["accuracy"].values() for value in values]))
