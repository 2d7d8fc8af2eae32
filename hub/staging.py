"""Stages the app as a Space: a folder that starts with `python launch.py` wherever requirements.txt is installed.

The code is copied as it is. Models that lie here are copied in, with what serving reads of them; models of a
hub are pulled once to be checked, and named by their commit, so that the Space serves what was checked.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path, PurePosixPath

from huggingface_hub import SpaceCardData

from fersys.config import CONFIG_FILE, ModelConfig, read_config
from fersys.errors import ConfigError
from fersys.package import CARD_FILE, METRICS_FILE, SHIPPED, check_package, find_packages, is_built_in
from fersys.reference import Reference, read_reference
from fersys.shipped import shipped_folder
from fersys.snapshots import pull_model
from hub.inspection import LICENCE_FILE
from hub.parcel import SPACE, Parcel, list_files
from hub.shipment import CHECKOUT

LAUNCHER = "launch.py"  # not app.py: that would hide the package of this name
_CODE = ("app", "fersys")
_MARK = f"app_file: {LAUNCHER}\n"  # in the front matter of what was staged here before
_PYTHON = "3.11"  # a Space's own default is too old for Keras' files
_SDK = "gradio"
_LAUNCH = '''"""Starts the page of FER-Sys as `python -m app` does, for everybody who can reach this machine; further words are passed on."""

import sys

from app.__main__ import main

WORDS = {words}

if __name__ == "__main__":
    sys.exit(main([*WORDS, *sys.argv[1:]]))
'''
_ABOUT = """
Drop a photo: the page finds the faces in it and says which of seven expressions each shows, by our own network and by
DeepFace's side by side. Pictures go to this Space and nowhere else, and are deleted when they are answered. It names
what a face shows, not what a person feels; do not use it to judge people at work or in education.

Start it elsewhere: `pip install -r requirements.txt`, then `python launch.py --host 127.0.0.1`.
"""


@dataclass(frozen=True)
class Pinned:
    """A model of a hub at a commit, and its files that serving reads."""

    repository: str
    commit: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class Side:
    """Models of one column of the page, as the launcher names them: folders in the Space, references with a commit, or words."""

    flag: str
    words: tuple[str, ...] = ()
    pinned: tuple[Pinned, ...] = ()


def stage(folder: Path, cnn: Sequence[str] = (), deepface: Sequence[str] = ()) -> Parcel:
    """Write the Space's files into a folder, in place of what was staged there before.

    Args:
        folder: new, empty, or staged before.
        cnn: models of the left column: package folders or references to a hub; none: the shipped ones.
        deepface: the same for the right column; "deepface" is that library with its own weights.

    Raises:
        ConfigError: if the folder holds something else.
        PackageError: if a model is damaged.
        HubError: if one cannot be pulled.
    """
    _clear(folder)
    for name in _CODE:
        shutil.copytree(CHECKOUT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(CHECKOUT / "requirements-app.txt", folder / "requirements.txt")
    shutil.copy2(CHECKOUT / "LICENSE", folder / "LICENSE")
    sides = (_side(folder, "--cnn", cnn), _side(folder, "--deepface", deepface))
    if not (cnn and deepface):
        _copy_shipped(folder, not cnn, not deepface)
    words = ["--host", "0.0.0.0", "--port", "7860", *(word for side in sides if side.words for word in (side.flag, *side.words))]
    (folder / LAUNCHER).write_text(_LAUNCH.format(words=json.dumps(words)), encoding="utf-8")
    (folder / "README.md").write_text(_readme([pin for side in sides for pin in side.pinned]), encoding="utf-8")
    return Parcel("the app", {name: path for name, path in list_files(folder).items() if path.stat().st_size or name.endswith(".py")}, SPACE)


def _clear(folder: Path) -> None:
    readme = folder / "README.md"
    staged = readme.is_file() and _MARK in readme.read_text(encoding="utf-8", errors="replace")
    if folder.exists() and not staged and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"Staging: expected a new folder, an empty one, or one that was staged before. Received: {folder}")
    if staged:
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)


def _side(folder: Path, flag: str, refs: Sequence[str]) -> Side:
    words: list[str] = []
    pinned: list[Pinned] = []
    for ref in refs:
        place = ref if is_built_in(ref) else read_reference(ref)
        if isinstance(place, Reference):
            pinned.append(_pin(place))
            words.append(f"{place.repository}@{pinned[-1].commit}")
        else:
            words.append(_copy_model(place, folder) if isinstance(place, Path) else place)
    return Side(flag, tuple(words), tuple(pinned))


def _pin(reference: Reference) -> Pinned:
    snapshot = pull_model(reference)
    config = read_config(snapshot.folder)
    return Pinned(reference.repository, snapshot.commit, tuple(sorted({CONFIG_FILE, CARD_FILE, *config.files})))


def _copy_shipped(folder: Path, cnns: bool, others: bool) -> None:
    """Copy the shipped models of those columns that nobody named models for."""
    for package in find_packages(shipped_folder()):
        if cnns if read_config(package).recognizer == ModelConfig.recognizer else others:
            _copy_model(package, folder)


def _copy_model(package: Path, folder: Path) -> str:
    """Copy what serving reads of a package, once it was checked, and return where it lies in the Space."""
    config = check_package(package)
    place = SHIPPED / config.name
    (folder / place).mkdir(parents=True, exist_ok=True)
    for name in (CONFIG_FILE, config.serving_file, METRICS_FILE, CARD_FILE, LICENCE_FILE):
        if (package / name).is_file():
            shutil.copy2(package / name, folder / place / name)
    return PurePosixPath(place).as_posix()


def _readme(pinned: Sequence[Pinned]) -> str:
    about = SpaceCardData(
        title="FER-Sys",
        emoji="🙂",
        colorFrom="indigo",
        colorTo="gray",
        sdk=_SDK,
        sdk_version=version(_SDK),
        python_version=_PYTHON,
        app_file=LAUNCHER,
        pinned=False,
        license="apache-2.0",
        models=[pin.repository for pin in pinned] or None,
        preload_from_hub=[f"{pin.repository} {','.join(pin.files)} {pin.commit}" for pin in pinned] or None,
    )
    return f"---\n{about.to_yaml()}\n---\n\n# FER-Sys\n{_ABOUT}"
