"""The face detectors, in one table.

To add one: write a file beside this one with a class that keeps the promises of `base.Detector`
and a function that opens it, and add one line to `DETECTORS`. Measure its `framing` as LOG.md
says. `tests/test_detectors.py` tests every line of the table; `python -m train detectors`
compares them.
"""

from collections.abc import Callable
from functools import cache
from threading import Lock

from fersys.detectors import blazeface, haar
from fersys.detectors.base import Detector
from fersys.errors import ConfigError

DEFAULT = "blazeface"
DETECTORS: dict[str, Callable[[], Detector]] = {
    "blazeface": blazeface.open_full,
    "blazeface-short": blazeface.open_short,
    "blazeface-back": blazeface.open_back,
    "haar": haar.open_haar,
}
_OPENING = Lock()


def open_detector(name: str = DEFAULT) -> Detector:
    """Return a detector of `DETECTORS`, opened at the first call only, for all threads.

    Raises:
        ConfigError: if there is none of that name.
        ModelError: if a file of it is missing or changed.
    """
    if name not in DETECTORS:
        raise ConfigError(f"Unknown face detector: expected one of {', '.join(DETECTORS)}. Received: {name!r}")
    with _OPENING:
        return _opened(name)


@cache
def _opened(name: str) -> Detector:
    return DETECTORS[name]()
