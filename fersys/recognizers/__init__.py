"""The models that FER-Sys can run, in one table.

To add one: write a file beside this one with a function `load(folder, config) -> Recognizer`
(see `base.py` for what a recogniser promises) and add one line to `RECOGNIZERS`. Import heavy
libraries inside that file's functions. `tests/test_recognizers.py` tests every line of the table.
"""

from collections.abc import Callable
from pathlib import Path

from fersys.config import ModelConfig
from fersys.recognizers import cnn
from fersys.recognizers.base import Recognizer

RECOGNIZERS: dict[str, Callable[[Path, ModelConfig], Recognizer]] = {
    "cnn": cnn.load,
}
