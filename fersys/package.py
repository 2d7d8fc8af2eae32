"""A model package: the folder that training writes, that is pushed to a hub, and that is served."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from fersys.config import CONFIG_FILE, ModelConfig, read_config, write_config
from fersys.digest import sha256 as sha256
from fersys.errors import PackageError
from fersys.recognizers import BUILT_IN, RECOGNIZERS
from fersys.recognizers.base import Recognizer
from fersys.recognizers.deepface_library import EMOTION_H5_FILE
from fersys.reference import Reference, read_reference

if TYPE_CHECKING:
    from fersys.snapshots import Snapshot

SHIPPED = Path("hub/models")  # in a checkout: the packages that come with it
KERAS_FILE = "model.keras"
SERVING_FILE = "model.onnx"
METRICS_FILE = "metrics.json"
PREDICTIONS_FILE = "predictions.parquet"
HISTORY_FILE = "history.csv"
RUN_FILE = "run.json"
CARD_FILE = "README.md"
FIGURES_FOLDER = "figures"

# Keras' own `hf://` layout (config.json, metadata.json, model.weights.h5) beside our files.
_KERAS_FILES: tuple[str, ...] = ("config.json", "metadata.json", "model.weights.h5", KERAS_FILE)
MODEL_FILES: tuple[str, ...] = (*_KERAS_FILES, SERVING_FILE)  # of a CNN of ours; `model_files` says those of any package
_MORE_FILES: dict[str, tuple[str, ...]] = {"deepface": (EMOTION_H5_FILE,)}  # what a recogniser's package holds besides
RECORD_FILES: tuple[str, ...] = (METRICS_FILE, PREDICTIONS_FILE, HISTORY_FILE, RUN_FILE)


def find_packages(folder: Path) -> list[Path]:
    """Return the model packages that lie in a folder, by name; none if there is no such folder."""
    return sorted(path.parent for path in folder.glob(f"*/{CONFIG_FILE}"))


def load(ref: str | Path) -> Recognizer:
    """Load the recogniser of a package: of a folder, of a hub, or one that comes with a library.

    Args:
        ref: a package folder; or the name of one that comes with the checkout, such as "fersys-cnn-paper", unless a
            folder of that name is there; or a model on a hub, "owner/name" or "owner/name@revision", likewise: it is
            pulled and every file checked, see `fersys.snapshots`; or a word in `fersys.recognizers.BUILT_IN`, such as
            "deepface", unless a package of that name lies in the working folder. DeepFace's own weights are fetched
            by its own downloader if they are not there: see `fersys.recognizers.deepface_stock`.

    >>> import numpy as np
    >>> cnn = load("hub/models/fersys-cnn")
    >>> cnn.name
    'fersys-cnn'
    >>> gray = np.full((48, 48, 3), 127, np.uint8)
    >>> cnn.predict([gray, gray]).shape
    (2, 7)

    Raises:
        PackageError: if the folder is no package, or its serving file is missing or changed.
        HubError: if the hub does not give it, and it was not pulled before.
        ModelError: if no recogniser of this version can run it, or a library or its weights are missing.
    """
    if is_built_in(ref):
        return BUILT_IN[str(ref)].load()
    path = Path(locate(ref))
    config = read_config(path)
    _check_file(path, config, config.serving_file)
    if config.recognizer not in RECOGNIZERS:
        raise PackageError(f"{path}: expected a recogniser among {', '.join(RECOGNIZERS)}. Received: {config.recognizer!r}")
    return RECOGNIZERS[config.recognizer](path, config)


def _warn(_: Reference, snapshot: "Snapshot") -> None:
    if snapshot.note:
        warnings.warn(snapshot.note, stacklevel=4)


def locate(ref: str | Path, tell: Callable[[Reference, "Snapshot"], None] = _warn) -> str | Path:
    """Return where a model lies on this machine, for `load`, `fingerprint` and whoever reads its files.

    Args:
        ref: as for `load`.
        tell: called with what was pulled, if it is a model on a hub.

    Returns:
        a word of `BUILT_IN` as it is; a folder, which may not exist; of a model on a hub the folder that it was pulled
        into. A branch may be another commit the next time: ask once.

    Raises:
        PackageError: if it can be none of these, or the hub holds no package there, or a damaged one.
        HubError: if the hub does not give it, and it was not pulled before.
    """
    if is_built_in(ref):
        return str(ref)
    place = read_reference(ref)
    if isinstance(place, Path):
        return place if place.exists() else _shipped(place)
    from fersys.snapshots import pull_model  # it checks packages, so it cannot be imported above

    snapshot = pull_model(place)
    tell(place, snapshot)
    return snapshot.folder


def _shipped(place: Path) -> Path:
    """The package of that name that comes with the checkout, for a bare name; else the place as it is."""
    from fersys.shipped import find_shipped  # it finds packages, so it cannot be imported above

    return (find_shipped(place.name) or place) if place == Path(place.name) else place


def is_built_in(ref: str | Path) -> bool:
    """Say whether `load` takes this for one of `BUILT_IN`, and not for a folder."""
    return str(ref) in BUILT_IN and not (Path(ref) / CONFIG_FILE).is_file()


def fingerprint(ref: str | Path) -> str:
    """Return what tells a model from another of its name: the SHA-256 of its `fersys.json`, or of a built-in one's weights.

    Args:
        ref: as `load` took it.

    Raises:
        OSError: if `load` did not take it.
    """
    return sha256(BUILT_IN[str(ref)].weights() if is_built_in(ref) else Path(locate(ref)) / CONFIG_FILE)


def model_files(config: ModelConfig) -> tuple[str, ...]:
    """Return the names of the files that a package of this kind is incomplete without, besides `fersys.json`."""
    return (*_KERAS_FILES, config.serving_file, *_MORE_FILES.get(config.recognizer, ()))


def check_package(folder: Path) -> ModelConfig:
    """Check that every model file is there and that every listed file has its recorded SHA-256.

    Raises:
        PackageError: naming the first file that is missing, not listed or changed.
    """
    for _ in check_files(folder):
        pass
    return read_config(folder)


def check_files(folder: Path) -> Iterator[str]:
    """Check a package file by file, and yield the name of each that is what `fersys.json` says.

    Raises:
        PackageError: naming the first file that is missing, not listed or changed.
    """
    config = read_config(folder)
    for name in dict.fromkeys((*model_files(config), *config.files)):
        _check_file(folder, config, name)
        yield name


def _check_file(folder: Path, config: ModelConfig, name: str) -> None:
    path = folder / name
    if not path.is_file():
        raise PackageError(f"The package is incomplete: expected {name} in {folder}. Received: no such file")
    if name not in config.files:
        raise PackageError(f"The package does not vouch for {name}: expected its SHA-256 in fersys.json. Received: {', '.join(config.files) or 'none'}")
    received = sha256(path)
    if received != config.files[name]:
        raise PackageError(f"{path} was changed: expected SHA-256 {config.files[name]}. Received: {received}")


def seal(folder: Path, config: ModelConfig) -> ModelConfig:
    """Record the SHA-256 of all files of the package that are there, and write `fersys.json`."""
    names = [name for name in (*model_files(config), *RECORD_FILES) if (folder / name).is_file()]
    sealed = replace(config, files={name: sha256(folder / name) for name in names})
    write_config(folder, sealed)
    return sealed
