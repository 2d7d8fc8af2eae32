"""A model package: the folder that training writes, that is pushed to a hub, and that is served."""

import hashlib
from dataclasses import replace
from pathlib import Path

from fersys.config import CONFIG_FILE, ModelConfig, read_config, write_config
from fersys.errors import PackageError
from fersys.recognizers import RECOGNIZERS
from fersys.recognizers.base import Recognizer

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
MODEL_FILES: tuple[str, ...] = ("config.json", "metadata.json", "model.weights.h5", KERAS_FILE, SERVING_FILE)
RECORD_FILES: tuple[str, ...] = (METRICS_FILE, PREDICTIONS_FILE, HISTORY_FILE, RUN_FILE)


def find_packages(folder: Path) -> list[Path]:
    """Return the model packages that lie in a folder, by name; none if there is no such folder."""
    return sorted(path.parent for path in folder.glob(f"*/{CONFIG_FILE}"))


def load(folder: str | Path) -> Recognizer:
    """Load the recogniser of a package folder.

    >>> import numpy as np
    >>> cnn = load("hub/models/fersys-cnn")
    >>> cnn.name
    'fersys-cnn'
    >>> gray = np.full((48, 48, 3), 127, np.uint8)
    >>> cnn.predict([gray, gray]).shape
    (2, 7)

    Raises:
        PackageError: if the folder is no package, or its serving file is missing or changed.
        ModelError: if no recogniser of this version can run it.
    """
    path = Path(folder).expanduser()
    config = read_config(path)
    _check_file(path, config, config.serving_file)
    if config.recognizer not in RECOGNIZERS:
        raise PackageError(f"{path}: expected a recogniser among {', '.join(RECOGNIZERS)}. Received: {config.recognizer!r}")
    return RECOGNIZERS[config.recognizer](path, config)


def check_package(folder: Path) -> ModelConfig:
    """Check that every model file is there and that every listed file has its recorded SHA-256.

    Raises:
        PackageError: naming the first file that is missing, not listed or changed.
    """
    config = read_config(folder)
    for name in dict.fromkeys((*MODEL_FILES, *config.files)):
        _check_file(folder, config, name)
    return config


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
    names = [name for name in (*MODEL_FILES, *RECORD_FILES) if (folder / name).is_file()]
    sealed = replace(config, files={name: sha256(folder / name) for name in names})
    write_config(folder, sealed)
    return sealed


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
