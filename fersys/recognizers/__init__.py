"""The models that FER-Sys can run, in two tables.

To add one of ours: write a file beside this one with a function `load(folder, config) -> Recognizer`
(see `base.py` for what a recogniser promises) and add one line to `RECOGNIZERS`. One that comes with
a library, weights and all, gets a line in `BUILT_IN`. Import heavy libraries inside functions.
`tests/test_recognizers.py` tests every line of the tables.
"""

from collections.abc import Callable
from pathlib import Path

from fersys.config import ModelConfig
from fersys.recognizers import cnn, deepface_head, deepface_network, deepface_stock
from fersys.recognizers.base import BuiltIn, Recognizer

# "recognizer" in a package's fersys.json -> how the package is opened
RECOGNIZERS: dict[str, Callable[[Path, ModelConfig], Recognizer]] = {
    "cnn": cnn.load,
    "deepface": deepface_network.load,
    "deepface-head": deepface_head.load,
}

# word in place of a folder -> model
BUILT_IN: dict[str, BuiltIn] = {
    deepface_stock.NAME: BuiltIn(deepface_stock.TITLE, deepface_stock.load, deepface_stock.weights, deepface_stock.missing),
}
