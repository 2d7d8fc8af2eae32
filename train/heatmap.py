"""Is the heat map of `fersys.heatmap` a map of what the network learned? `python -m train heatmap` writes `reports/heatmap.md`.

Two questions to each method, on images of validation that the network is sure about:

- Sanity (Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018): with a network whose weights are shuffled,
  the maps must change. Those that stay alike are edge detectors, however convincing they look.
- Deletion (Petsiuk, Das & Saenko, "RISE", BMVC 2018): blur the pixels that the map holds for the most important first.
  The better the map, the sooner the answer's probability falls; a random order, and one from the centre outwards, must do worse.

The patch is the occlusion of Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014. To
try another method, add what it covers to `METHODS`.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper
from scipy.stats import spearmanr
from tqdm import tqdm

from fersys.config import read_config
from fersys.errors import ModelError
from fersys.heatmap import CELLS, Map, as_crop, blurred, explain, random_masks
from fersys.labels import EMOTIONS
from fersys.package import load
from fersys.preprocess import INPUT_SIZE
from fersys.recognizers.base import Recognizer
from fersys.recognizers.cnn import CnnRecognizer
from fersys.runtime import open_network
from train.atomic import write_json
from train.data import Fer2013

SPLIT = "validation"
_SEED = 0
_DELETED, _STEPS = 0.5, 12  # the share of all pixels that is blurred in the end, and in how many steps
_STRIDE, _SOFT = 4, 1.5  # pixels from one place of a patch to the next, and the deviation of its edge
_SMALL = 16  # numbers: a smaller tensor is a setting of the graph, such as a shape, not a weight

Gray = npt.NDArray[np.uint8]  # (48, 48)


def patches(side: int) -> Map:
    """Return float32 (169, 48, 48), 1 where a pixel is covered: a square with soft edges at every fourth pixel, half of it may hang over the edge."""
    places = range(-side // 2, INPUT_SIZE - side // 2 + 1, _STRIDE)
    return np.stack([_patch(top, left, side) for top in places for left in places])


def _patch(top: int, left: int, side: int) -> Map:
    mask = np.zeros((INPUT_SIZE, INPUT_SIZE), np.float32)
    mask[max(0, top) : max(0, top + side), max(0, left) : max(0, left + side)] = 1
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), _SOFT), dtype=np.float32)


# name -> what is covered, as often for each; the first is what `fersys.heatmap` does
METHODS: dict[str, Callable[[], Map]] = {
    "half of the face at random (RISE)": random_masks,
    "a patch of 8 pixels": lambda: patches(8),
    "a patch of 12 pixels": lambda: patches(12),
    "a patch of 16 pixels": lambda: patches(16),
}


@dataclass(frozen=True)
class Networks:
    """The network that is explained, and itself with weights that know nothing."""

    trained: Recognizer
    shuffled: Recognizer
    last_shuffled: Recognizer


def shuffle(content: bytes, last_only: bool, seed: int = _SEED) -> bytes:
    """Return an ONNX network with the numbers of every weight tensor, or of the last one alone, in a random order.

    Raises:
        ModelError: if there is nothing to shuffle.
    """
    model, random = onnx.load_from_string(content), np.random.default_rng(seed)
    tensors = [one for one in model.graph.initializer if one.data_type == onnx.TensorProto.FLOAT and np.prod(one.dims) > _SMALL]
    if not tensors:
        raise ModelError("Expected a network with weights. Received: none")
    chosen = {_last(model, {one.name for one in tensors})} if last_only else {one.name for one in tensors}
    for tensor in (one for one in tensors if one.name in chosen):
        values = numpy_helper.to_array(tensor)
        tensor.CopyFrom(numpy_helper.from_array(random.permutation(values.ravel()).reshape(values.shape), tensor.name))
    return bytes(model.SerializeToString())


def _last(model: Any, names: set[str]) -> str:
    """The weights that the graph uses last: its nodes are in the order they run in."""
    used: list[str] = [name for node in model.graph.node for name in node.input if name in names]
    return used[-1]


def open_networks(package: Path) -> Networks:
    """Open a package of our CNN as it is, and twice with shuffled weights.

    Raises:
        ModelError: if it is no CNN of ours.
    """
    config = read_config(package)
    if config.recognizer != "cnn":
        raise ModelError(f"Expected a package of our CNN. Received: {package} with recognizer {config.recognizer!r}")
    content = (package / config.serving_file).read_bytes()
    with tempfile.TemporaryDirectory() as name:
        paths = [Path(name) / f"{last_only}.onnx" for last_only in (False, True)]
        for path, last_only in zip(paths, (False, True), strict=True):
            path.write_bytes(shuffle(content, last_only))
        shuffled = [CnnRecognizer(open_network(path), config) for path in paths]
    return Networks(load(package), *shuffled)


def run_heatmap(package: Path, data: Fer2013, count: int) -> dict[str, Any]:
    """Make maps of the first `count` images of validation that a model is certain about, by every method, and measure them.

    Returns:
        the model's part of `heatmap.json`: {"model", "images", "untouched", "orders": {…}, "methods": [{…}]}; `write_report` says what they mean.
    """
    networks = open_networks(package)
    images = _certain(networks.trained, list(data.split(SPLIT).images), count)
    labels = networks.trained.predict([as_crop(image) for image in images]).argmax(axis=1)
    asked = list(zip(images, (EMOTIONS[label] for label in labels), strict=True))
    methods = [_measure(name, networks, asked) for name in METHODS]
    untouched = float(np.mean([_probability(networks.trained, [image], label)[0] for image, label in asked]))
    return {"model": networks.trained.name, "images": len(asked), "untouched": untouched, "orders": _orders(networks.trained, asked), "methods": methods}


def _certain(model: Recognizer, images: Sequence[Gray], count: int) -> list[Gray]:
    answers = model.predict([as_crop(image) for image in images[: 4 * count]])
    return [image for image, answer in zip(images, answers, strict=False) if answer.max() >= model.certainty][:count]


def _orders(model: Recognizer, asked: Sequence[tuple[Gray, str]]) -> dict[str, float]:
    """The deletion score of maps that know nothing of the network."""
    random = np.random.default_rng(_SEED)
    rows, columns = np.mgrid[:INPUT_SIZE, :INPUT_SIZE] - INPUT_SIZE / 2
    centre = -np.hypot(rows, columns).astype(np.float32)
    noise = [cv2.GaussianBlur(random.normal(size=centre.shape), (0, 0), INPUT_SIZE / CELLS / 2).astype(np.float32) for _ in asked]
    scores = {"random": noise, "centre": [centre] * len(asked)}
    return {name: float(np.mean([deletion(model, *one, drops) for one, drops in zip(asked, maps, strict=True)])) for name, maps in scores.items()}


def _measure(name: str, networks: Networks, asked: Sequence[tuple[Gray, str]]) -> dict[str, Any]:
    masks = METHODS[name]()
    rows = [_measure_one(image, label, networks, masks) for image, label in tqdm(asked, desc=name, leave=False)]
    keys = ("deletion", "deletion_shuffled", "rank_shuffled", "ssim_shuffled", "rank_last", "ssim_last")
    return {"name": name, "masks": len(masks), **dict(zip(keys, np.mean(rows, axis=0).tolist(), strict=True))}


def _measure_one(image: Gray, label: str, networks: Networks, masks: Map) -> tuple[float, ...]:
    ours, shuffled, last = (explain(as_crop(image), network, label, masks).drops for network in (networks.trained, networks.shuffled, networks.last_shuffled))
    alike = (*likeness(ours, shuffled), *likeness(ours, last))
    return deletion(networks.trained, image, label, ours), deletion(networks.trained, image, label, shuffled), *alike


def likeness(first: Map, second: Map) -> tuple[float, float]:
    """Return how alike two maps are: the absolute rank correlation, 0–1, and the structural similarity, −1 to 1, of maps brought to 0–1."""
    rank = spearmanr(first.ravel(), second.ravel()).statistic if min(np.ptp(first), np.ptp(second)) > 0 else 0.0
    quality: Any = cv2.quality  # its stubs leave the function out
    similarity = quality.QualitySSIM_compute(_to_bytes(first), _to_bytes(second))[0][0]
    return abs(float(rank)), float(similarity)


def _to_bytes(drops: Map) -> Gray:
    low, high = float(drops.min()), float(drops.max())
    return np.asarray(np.round(255 * (drops - low) / max(high - low, 1e-9)), dtype=np.uint8)


def deletion(model: Recognizer, image: Gray, label: str, drops: Map) -> float:
    """Return the mean probability of an expression while ever more of the pixels that a map holds for important are blurred: the lower the better."""
    order = np.argsort(-drops.ravel(), kind="stable")
    ends = [round(_DELETED * len(order) * step / _STEPS) for step in range(_STEPS + 1)]
    return float(np.mean(_probability(model, [_without(image, order[:end]) for end in ends], label)))


def _without(image: Gray, pixels: npt.NDArray[np.int64]) -> Gray:
    bare = image.ravel().copy()
    bare[pixels] = blurred(image).ravel()[pixels].round()
    return bare.reshape(image.shape)


def _probability(model: Recognizer, images: Sequence[Gray], label: str) -> npt.NDArray[np.float32]:
    return model.predict([as_crop(image) for image in images])[:, EMOTIONS.index(label)]


def write_report(results: Sequence[dict[str, Any]], folder: Path) -> str:
    """Write `heatmap.json` and `heatmap.md` into `folder` and return the latter."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "heatmap.json", {"split": SPLIT, "models": list(results)})
    text = "\n\n".join([_INTRO, *map(_section, results)]) + "\n"
    (folder / "heatmap.md").write_text(text, encoding="utf-8")
    return text


def _section(result: dict[str, Any]) -> str:
    heads = ["| what is covered | masks | deletion | of the shuffled network's map | rank, shuffled | SSIM, shuffled | rank, last layer | SSIM, last layer |"]
    heads.append("|---|---|---|---|---|---|---|---|")
    columns = ("deletion", "deletion_shuffled", "rank_shuffled", "ssim_shuffled", "rank_last", "ssim_last")
    rows = [f"| {one['name']} | {one['masks']} | {' | '.join(f'{one[column]:.3f}' for column in columns)} |" for one in result["methods"]]
    orders = result["orders"]
    beside = f"Blurred at random {orders['random']:.3f}, from the centre outwards {orders['centre']:.3f}; nothing blurred {result['untouched']:.3f}."
    return "\n".join([f"## {result['model']}, {result['images']} images", "", *heads, *rows, "", beside])


_INTRO = f"""# What the network looked at

The app's heat map covers parts of a face with a blur and shows where that costs the answer log-odds (`fersys/heatmap.py`). Here it is \
asked whether such maps belong to the network, and what had best be covered, on images of FER2013's validation split that it is certain about.

- **deletion**: mean probability of the answer while the most important pixels of the map are blurred first, up to \
{_DELETED:.0%} of them; the lower the better. *Of the shuffled network's map*: the same, in the order that a map of a network without knowledge gives.
- **rank**, **SSIM**: how alike the map is to that of the network with all weights shuffled within their tensors, or \
with those of the last layer alone: absolute rank correlation and structural similarity, 1 if nothing changed. A method that shows edges \
of the picture rather than what was learned stays near 1.

Made by `python -m train heatmap`. What was looked at is no reason: the map says where the evidence lies, not what it is."""
