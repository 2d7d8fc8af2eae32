"""A training in miniature: real code, made images. Made once a test session; copy it before you change it."""

import shutil
from functools import cache
from pathlib import Path

import pytest

from tests.made_data import records, write_parquet
from train.config import FitConfig
from train.data import Fer2013, load_fer2013

NAME = "tiny"
SETTINGS = FitConfig(epochs=1, batch_size=14, precision="float32", adjust=True)


def made_data(folders: pytest.TempPathFactory) -> Fer2013:
    """FER2013 in small: 70 images to fit on, 35 to validate, 35 to test."""
    return _data(folders.getbasetemp())


def trained_run(folders: pytest.TempPathFactory, target: Path) -> Path:
    """Copy a run that was trained and exported to target/tiny."""
    return Path(shutil.copytree(_trained(folders.getbasetemp()), target / NAME))


def measured_run(folders: pytest.TempPathFactory, target: Path) -> Path:
    """Copy a run that was also calibrated and measured on validation to target/tiny."""
    return Path(shutil.copytree(_measured(folders.getbasetemp()), target / NAME))


@cache
def _data(base: Path) -> Fer2013:
    return load_fer2013(str(write_parquet(base / "made-source", records(train=70, validation=35, test=35))), strict=False)


@cache
def _trained(base: Path) -> Path:
    from train.training import train

    folder = base / "made-trained" / NAME
    train(folder, SETTINGS, _data(base))
    return folder


@cache
def _measured(base: Path) -> Path:
    from train.calibrate import calibrate_package
    from train.measure import measure

    folder = Path(shutil.copytree(_trained(base), base / "made-measured" / NAME))
    calibrate_package(folder, _data(base))
    measure(folder, _data(base), resamples=20)
    return folder
