"""Text for terminals and files whose encoding lacks some of our signs."""

import codecs
from contextlib import suppress
from typing import TextIO

_ERRORS = "fersys.plain"
_PLAINER = {"█": "#", "·": ".", "×": "x", "−": "-", "–": "-", "…": "..."}


def write_plainly(stream: TextIO) -> None:
    """Let a text stream write a plainer sign in place of one that its encoding lacks, or else the number of it, as in \\u00e9.

    Args:
        stream: standard output, say; one that is not a real terminal or file stays as it is.
    """
    codecs.register_error(_ERRORS, _replace)
    with suppress(AttributeError):
        stream.reconfigure(errors=_ERRORS)  # type: ignore[attr-defined]


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_PLAINER.get(sign) or sign.encode("ascii", "backslashreplace").decode("ascii") for sign in lacking), error.end
