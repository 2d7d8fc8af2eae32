"""DeepFace's face recognisers with a head of ours: `DeepFace.represent` turns a face into an embedding, the head into an expression.

The package holds the head alone: an ONNX file, float32 (n, d) → probabilities (n, 7). The recogniser's
weights stay where DeepFace looks for them, or lie in an installed package, or are put beside the
head; `base` in `fersys.json` says which they are: a head knows only the embeddings it was trained on.

Dlib's network was trained on chips levelled and framed by the eyes (`fersys.chips`), so it is given
those; FER2013's images, which nobody levelled, gain most by it (LOG.md). All other recognisers are
given the crop as it is. The library then brings it to its network in its own way (deepface 0.0.103,
`detector_backend="skip"`), which a test holds:

1. It is enlarged or shrunk linearly, keeping its proportions, until it fits the network's input
   (VGG-Face 224×224; a chip already has Dlib's 150×150), and put in the middle of black.
2. It is divided by 255, unless its brightest value is 0 or 1: such a one counts as 0–1 already. For Dlib it is
   multiplied by 255 again and the fraction cut off, so some pixels lose a level.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fersys.calibration import apply_temperature
from fersys.chips import to_chip
from fersys.config import ModelConfig
from fersys.digest import sha256
from fersys.errors import ConfigError, ModelError, PackageError
from fersys.labels import EMOTIONS
from fersys.recognizers.base import PackageRecognizer, Probabilities, Recognizer
from fersys.recognizers.deepface_library import HOME, LOCK, RELEASE, environment_kept, in_place, open_library, to_bgr, weights_folder
from fersys.results import Image
from fersys.runtime import open_network

Embeddings = npt.NDArray[np.float32]
# RGB uint8 (H, W, 3) crops → float32 (n, d).
Embed = Callable[[Sequence[Image]], Embeddings]

# What DeepFace's ONNX engine loads for each of its recognisers, and where that is to be had.
_RELEASED: dict[str, str] = {
    "VGG-Face": "vgg_face_weights.onnx",
    "Facenet": "facenet_weights.onnx",
    "Facenet512": "facenet512_weights.onnx",
    "OpenFace": "openface_weights.onnx",
    "DeepFace": "VGGFace2_DeepFace_weights_val-0.9034.onnx",
    "DeepID": "deepid_weights.onnx",
    "ArcFace": "arcface_weights.onnx",
    "GhostFaceNet": "ghostfacenet_v1.onnx",
}
SOURCES: dict[str, tuple[str, str]] = {
    **{name: (file, f"{RELEASE}/{file}") for name, file in _RELEASED.items()},
    "Dlib": ("dlib_face_recognition_resnet_model_v1.dat", "pip install -r requirements-dlib.txt"),
    "SFace": ("face_recognition_sface_2021dec.onnx", "https://github.com/opencv/opencv_zoo, models/face_recognition_sface"),
    "Buffalo_L": ("buffalo_l/webface_r50.onnx", "insightface's model zoo, and pip install insightface"),
}
# Distributions that carry a recogniser's weights in a folder `models`. They are looked into, never imported.
_CARRIERS = {"Dlib": "face_recognition_models"}
# What is done to a crop before DeepFace gets it.
PREPARED: dict[str, Callable[[Image], Image]] = {"as it is": lambda crop: crop, "chip": to_chip}
_CROPS = {"Dlib": "chip"}  # of all others: as it is
_TASK = "facial_recognition"  # where the library keeps its recognisers
_BATCH = 32  # faces a call of the library: bounds memory (VGG-Face takes 0.6 MB of input a face)


@dataclass(frozen=True)
class Base:
    """The recogniser that a head stands on.

    Attributes:
        recogniser: its name in DeepFace, a key of `SOURCES`.
        file: its weights, below DeepFace's weights folder.
        sha256: SHA-256 of that file, 64 hex digits.
        crop: what is done to a crop before DeepFace gets it, a key of `PREPARED`.
    """

    recogniser: str
    file: str
    sha256: str
    crop: str


class DeepFaceHead(PackageRecognizer):
    """A head on a DeepFace recogniser. Threads take turns at the recogniser, `_BATCH` faces each."""

    def __init__(self, embed: Embed, session: Any, config: ModelConfig) -> None:
        super().__init__(config)
        self._embed, self._session = embed, session
        self._input = session.get_inputs()[0].name

    @property
    def embed(self) -> Embed:
        """What turns crops into embeddings."""
        return self._embed

    def with_embed(self, embed: Embed) -> "DeepFaceHead":
        """Return the same head, fed by something else that gives the same embeddings, such as a store of them."""
        return DeepFaceHead(embed, self._session, self._config)

    def predict(self, crops: Sequence[Image]) -> Probabilities:
        """Return calibrated probabilities, float32 (n, 7), of RGB uint8 crops."""
        parts = [self._run(self._embed(crops[i : i + _BATCH])) for i in range(0, len(crops), _BATCH)]
        raw = np.concatenate([np.empty((0, len(EMOTIONS)), np.float32), *parts])
        return apply_temperature(raw, self._config.temperature)

    def _run(self, embeddings: Embeddings) -> Probabilities:
        return np.asarray(self._session.run(None, {self._input: embeddings})[0], dtype=np.float32)


def load(folder: Path, config: ModelConfig) -> Recognizer:
    """Load the head of a package, whose hash was checked, and the recogniser it stands on. Downloads nothing.

    Raises:
        PackageError: if `fersys.json` does not say which recogniser that is.
        ModelError: if its weights are not there or are others, if it cannot be run, or if the head's output is not (n, 7).
    """
    base = base_of(folder, config)
    session = open_network(folder / config.serving_file)
    columns = session.get_outputs()[0].shape[-1]
    if columns != len(EMOTIONS):
        raise ModelError(f"{folder / config.serving_file}: expected {len(EMOTIONS)} outputs. Received: {columns}")
    return DeepFaceHead(open_embedder(base, folder), session, config)


def base_of(folder: Path, config: ModelConfig) -> Base:
    """Return the recogniser that the head of a package stands on.

    Raises:
        PackageError: if `fersys.json` does not say it, or names a recogniser or a file that DeepFace does not have.
    """
    said = config.base
    whole = said.keys() == {field.name for field in fields(Base)}
    if not whole or said["file"] != SOURCES.get(said["recogniser"], ("",))[0] or said["crop"] not in PREPARED:
        known = f"recogniser ({', '.join(SOURCES)}), its file and sha256, crop ({', '.join(PREPARED)})"
        raise PackageError(f"{folder}: expected base with {known}. Received: {said or 'none'}")
    return Base(**config.base)


def find_base(recogniser: str, download: bool = False) -> Base:
    """Return a recogniser of DeepFace as it lies on this machine.

    Args:
        recogniser: its name, a key of `SOURCES`.
        download: let DeepFace download its weights, up to 580 MB, if they are not there.

    Raises:
        ConfigError: if DeepFace has no recogniser of that name.
        ModelError: if its weights are not there.
    """
    if recogniser not in SOURCES:
        raise ConfigError(f"recogniser: expected {', '.join(SOURCES)}. Received: {recogniser!r}")
    base = Base(recogniser, SOURCES[recogniser][0], "", _CROPS.get(recogniser, "as it is"))
    if download and not any((place / base.file).is_file() for place in _places(recogniser)):
        _download(base)
    return replace(base, sha256=sha256(weights_path(base)))


def weights_path(base: Base, folder: Path | None = None) -> Path:
    """Return where the weights of a recogniser lie: in DeepFace's weights folder, in an installed package, or in the folder named.

    Raises:
        ModelError: if they are nowhere.
    """
    places = [*_places(base.recogniser), *([folder] if folder else [])]
    path = next((place / base.file for place in places if (place / base.file).is_file()), None)
    if path is None:
        raise ModelError(_absence(base))
    return path


def _absence(base: Base) -> str:
    carrier = f" or in the installed package {_CARRIERS[base.recogniser]}" if base.recogniser in _CARRIERS else ""
    where = f"expected {base.file} in {weights_folder()} ({HOME} names another home){carrier}"
    return f"The weights of DeepFace's {base.recogniser} are missing: {where}; get them: {SOURCES[base.recogniser][1]}. Received: no such file"


def _places(recogniser: str) -> list[Path]:
    carrier = find_spec(_CARRIERS[recogniser]) if recogniser in _CARRIERS else None
    carried = [Path(folder) / "models" for folder in (carrier.submodule_search_locations or [])] if carrier else []
    return [weights_folder(), *carried]


def _download(base: Base) -> None:
    weights_folder().mkdir(parents=True, exist_ok=True)
    try:
        _build(base.recogniser)
    except ModelError as error:
        raise ModelError(f"{_absence(base)}, and DeepFace could not download it: {error}") from error


def open_embedder(base: Base, folder: Path | None = None) -> Embed:
    """Open a recogniser: it turns RGB uint8 (H, W, 3) crops of any size into embeddings, float32 (n, d); n = 0 is allowed.

    Safe to call from several threads, which take turns. A thread that calls deepface itself meanwhile must hold
    `deepface_library.LOCK`.

    Args:
        base: the recogniser.
        folder: where its weights may lie too, such as that of a package.

    Raises:
        ModelError: if its weights are not there, are others than those recorded, or cannot be run.
    """
    path = weights_path(base, folder)
    received = sha256(path)
    if received != base.sha256:
        raise ModelError(f"{path}: expected SHA-256 {base.sha256}, that of the {base.recogniser} the head was trained on. Received: {received}")
    with _as_home(path, base.file):
        client = _build(base.recogniser)
    prepare = PREPARED[base.crop]

    def embed(crops: Sequence[Image]) -> Embeddings:
        """Raise ImageError if a crop is not an RGB uint8 image."""
        return _represent(client, base.recogniser, [to_bgr(prepare(crop)) for crop in crops])

    return embed


@contextmanager
def _as_home(path: Path, file: str) -> Iterator[None]:
    """Make DeepFace find a file in its weights folder for the block, wherever it lies; the user's folder stays as it is."""
    if path == weights_folder() / file:
        yield
        return
    with LOCK, environment_kept((HOME,)), tempfile.TemporaryDirectory() as home:
        os.environ[HOME] = home
        target = weights_folder() / file
        target.parent.mkdir(parents=True)
        shutil.copyfile(path, target)  # a link needs rights on Windows
        yield


def _build(recogniser: str) -> Any:
    """Build a recogniser as the library does: from its weights folder, downloading what is not there."""
    open_library()
    from deepface.modules import modeling

    try:
        with LOCK:
            return modeling.get_model_class(_TASK, recogniser)()
    except (ImportError, OSError, RuntimeError, ValueError) as error:  # dlib's or insightface's absence, and what each runtime raises
        said = str(error).replace("\n", " ")
        raise ModelError(f"DeepFace cannot open its {recogniser}: expected its weights and what it is run by. Received: {said}") from error


def _represent(client: Any, recogniser: str, frames: list[Image]) -> Embeddings:
    if not frames:
        return np.empty((0, client.output_shape), np.float32)
    library = open_library()
    with in_place(client, _TASK, recogniser):
        answers = library.represent(frames, model_name=recogniser, detector_backend="skip", enforce_detection=False)
    faces = [answers] if len(frames) == 1 else answers  # a list of faces for one image, of such lists for more
    return np.array([face[0]["embedding"] for face in faces], np.float32)
