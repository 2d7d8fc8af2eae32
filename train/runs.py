"""A run folder: all that is needed to repeat a training, and what it left behind.

`runs/<name>/run.json` holds settings, versions, data fingerprint and git revision. A run is
started again only with the settings and the data that it began with.
"""

import platform
import subprocess
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fersys.config import read_object
from fersys.errors import ConfigError
from fersys.package import RUN_FILE
from train.atomic import write_json
from train.config import FitConfig
from train.data import Fer2013
from train.head_config import HeadConfig

_LIBRARIES = ("tensorflow", "keras", "numpy", "opencv-contrib-python-headless", "datasets", "scikit-learn")


def open_run(folder: Path, config: FitConfig | HeadConfig, data: Fer2013) -> dict[str, Any]:
    """Make the run folder, or check that it was made with these settings and this data.

    Raises:
        ConfigError: if the folder holds a run with other settings or other data.
    """
    wanted = {"config": asdict(config), "data_fingerprint": data.fingerprint}
    path = folder / RUN_FILE
    if path.is_file():
        return _checked(read_run(folder), wanted, folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"Run folder: expected one that can be made and written to. Received: {folder} ({error.strerror})") from error
    run = wanted | {"removed": data.removed, "versions": _versions(), "git_revision": git_revision()}
    write_json(path, run)
    return run


def note(folder: Path, **facts: Any) -> None:
    """Add facts that the training itself found, such as a chosen tau, to `run.json`."""
    run = read_run(folder) | facts
    write_json(folder / RUN_FILE, run)


def _checked(found: dict[str, Any], wanted: dict[str, Any], folder: Path) -> dict[str, Any]:
    if found["data_fingerprint"] != wanted["data_fingerprint"]:
        raise ConfigError(f"{folder} was trained on other data: expected fingerprint {found['data_fingerprint']}. Received: {wanted['data_fingerprint']}")
    before, now = found["config"], wanted["config"]
    changed = [f"{name}={now.get(name, 'gone')}" for name in sorted({**before, **now}) if before.get(name, "new") != now.get(name, "gone")]
    if changed:
        raise ConfigError(f"{folder} was begun with other settings: choose another --name. Received: {', '.join(changed)}")
    return found


def read_run(folder: Path) -> dict[str, Any]:
    """Read `run.json`.

    Raises:
        ConfigError: if the folder holds no run.
    """
    path = folder / RUN_FILE
    if not path.is_file():
        raise ConfigError(f"No run there: expected {path}. Train one with python -m train fit. Received: {folder}")
    return read_object(path, "no run")


def check_same_data(folder: Path, data: Fer2013) -> None:
    """Check that a run was trained on this copy of FER2013.

    Raises:
        ConfigError: if it was another, or if the folder holds no run.
    """
    expected = read_run(folder).get("data_fingerprint")
    if expected != data.fingerprint:
        raise ConfigError(f"{folder} was trained on other data: expected fingerprint {expected}. Received: {data.fingerprint}")


def splits_of(folder: Path) -> tuple[str, int]:
    """Return which splits a run was trained with, "official" or "paper", and the seed that drew them.

    Raises:
        ConfigError: if the folder holds no run.
    """
    settings = read_run(folder).get("config", {})
    return str(settings.get("splits", "official")), int(settings.get("seed", 0))


def _versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {name: version(name) for name in _LIBRARIES}


def git_revision() -> str:
    """Return the commit the code is at, with "+" if tracked files differ from it; "unknown" outside git."""
    here = Path(__file__).parent
    try:
        commit = _git("rev-parse", "HEAD", folder=here)
        return commit + ("+" if _git("status", "--porcelain", "--untracked-files=no", folder=here) else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*words: str, folder: Path) -> str:
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
