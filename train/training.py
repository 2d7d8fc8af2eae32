"""One training from settings to package: fit, lift rare classes if asked, export."""

from pathlib import Path

from fersys.errors import ConfigError
from train.adjust import lift_rare_classes
from train.config import FitConfig
from train.data import Fer2013
from train.export import export
from train.fit import fit
from train.precision import precision_of
from train.runs import note, open_run


def train(folder: Path, config: FitConfig, data: Fer2013) -> None:
    """Train into a run folder, or go on training there, and export the package.

    Raises:
        ConfigError: if the folder holds a run with other settings or other data, or if the settings
            ask for histogram equalisation: crops are served as they are (`fersys.preprocess`).
    """
    if config.equalize:
        raise ConfigError("equalize: expected no, as crops are served without it; python -m train ablate measures it. Received: yes")
    open_run(folder, config, data)
    note(folder, precision=precision_of(config))
    limit = config.limit or None
    fit_split, validation = data.split("fit" if config.clean else "train", limit), data.split("validation", limit)
    network = fit(folder, config, fit_split, validation)
    if config.adjust:
        note(folder, tau=lift_rare_classes(network, config, fit_split, validation))
    export(folder, network, config, folder.name)
