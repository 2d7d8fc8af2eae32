"""Looks a package over before a byte of it leaves: whole, unchanged, honest, nothing in it that runs."""

import zipfile
from pathlib import Path, PurePosixPath

from fersys.config import CONFIG_FILE, ModelConfig
from fersys.errors import PackageError
from fersys.package import CARD_FILE, FIGURES_FOLDER, KERAS_FILE, RECORD_FILES, check_package, model_files
from hub.claims import check_card
from hub.parcel import Parcel, list_files

# Data and networks that no reader executes: a pickle runs whatever its author wrote.
SAFE = {".csv", ".h5", ".jpg", ".json", ".keras", ".md", ".onnx", ".parquet", ".png", ".svg", ".tflite", ".txt"}
LARGEST = 1_000_000_000  # bytes of a package: ours have 40 MB
LICENCE_FILE = "LICENSE.md"  # what the card's front matter points at


def inspect_package(folder: Path) -> Parcel:
    """Check a package folder and return what of it is pushed; a run folder's training state is left out.

    Raises:
        PackageError: naming the first file that is missing, changed, empty or might hold code, what the card
            says other than the measurements, or that there is too much of it.
    """
    config = check_package(folder)
    check_card(folder, config)
    there = list_files(folder)
    chosen = {name: path for name, path in there.items() if _belongs(name, config)}
    _check_kinds(folder, chosen, config)
    parcel = Parcel(config.name, chosen, left_out=tuple(name for name in there if name not in chosen))
    if parcel.size > LARGEST:
        raise PackageError(f"{folder} is too large: expected at most {LARGEST / 1e6:,.0f} MB. Received: {parcel.size / 1e6:,.0f} MB")
    return parcel


def _belongs(name: str, config: ModelConfig) -> bool:
    own = {CONFIG_FILE, CARD_FILE, LICENCE_FILE, *model_files(config), *RECORD_FILES, *config.files}
    path = PurePosixPath(name)
    return name in own or (path.parent.as_posix() == FIGURES_FOLDER and not path.name.startswith("."))


def _check_kinds(folder: Path, chosen: dict[str, Path], config: ModelConfig) -> None:
    for name, path in chosen.items():
        if path.suffix.lower() not in SAFE:
            raise PackageError(f"{folder}: expected files of kinds that hold no code ({' '.join(sorted(SAFE))}). Received: {name}")
        if not path.stat().st_size:
            raise PackageError(f"{folder}: expected no empty file. Received: {name}")
    _check_archive(folder / KERAS_FILE)


def _check_archive(path: Path) -> None:
    """A `.keras` file is a zip archive of JSON and HDF5."""
    try:
        with zipfile.ZipFile(path) as archive:
            odd = [name for name in archive.namelist() if not name.endswith((".json", ".h5"))]
    except (OSError, zipfile.BadZipFile) as error:
        raise PackageError(f"{path} is damaged: expected Keras' zip archive. Received: {error}") from error
    if odd:
        raise PackageError(f"{path}: expected JSON and HDF5 in it. Received: {odd[0]}")
