"""One training from settings to package: fit, lift rare classes if asked, export."""

from pathlib import Path
from typing import Any

from fersys.errors import ConfigError, PackageError
from fersys.package import check_package, sha256
from train.adjust import lift_rare_classes
from train.architectures import check_network
from train.calibrate import class_priors
from train.config import FitConfig
from train.data import Fer2013
from train.export import export
from train.fit import CHECKPOINT, fit
from train.precision import precision_of
from train.runs import git_revision, note, open_run


def train(folder: Path, config: FitConfig, data: Fer2013) -> None:
    """Train into a run folder, or go on training there, and export the package; leave a finished run as it is.

    Raises:
        ConfigError: if the folder holds a run with other settings or other data, or if the settings
            ask for histogram equalisation: crops are served as they are (`fersys.preprocess`).
    """
    if config.equalize:
        raise ConfigError("equalize: expected no, as crops are served without it; python -m train ablate measures it. Received: yes")
    check_network(config)  # or a wrong setting would be found when the folder is made, and take its name
    limit = config.limit or None
    fit_split, validation = data.split("fit" if config.clean else "train", limit), data.split("validation", limit)
    if config.adjust:
        class_priors(fit_split.labels)  # raises now what would else be raised after the training
    if _is_exported(folder, open_run(folder, config, data)):
        return
    note(folder, precision=precision_of(config))
    network = fit(folder, config, fit_split, validation)
    if config.adjust:
        note(folder, tau=lift_rare_classes(network, config, fit_split, validation))
    note(folder, export_revision=git_revision(), exported=sha256(folder / CHECKPOINT))
    export(folder, network, config, folder.name)


def _is_exported(folder: Path, run: dict[str, Any]) -> bool:
    """Whether the package holds what the checkpoint holds: a new export would undo its calibration."""
    checkpoint = folder / CHECKPOINT
    if not checkpoint.is_file() or run.get("exported") != sha256(checkpoint):
        return False
    try:
        check_package(folder)
    except PackageError:
        return False
    return True
