"""The seven expressions, in the one order that every array, file and table of FER-Sys uses.

Foreign spellings are mapped here by name. Nothing in the project maps labels by index.
"""

from collections.abc import Sequence

from fersys.errors import LabelError

EMOTIONS: tuple[str, ...] = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

_ALIASES: dict[str, str] = {
    "anger": "angry",
    "disgusted": "disgust",
    "fearful": "fear",
    "afraid": "fear",
    "scared": "fear",
    "happiness": "happy",
    "joy": "happy",
    "sadness": "sad",
    "surprised": "surprise",
}


def to_emotion(name: str) -> str:
    """Return the name in `EMOTIONS` that a foreign spelling such as "Happiness" stands for.

    Raises:
        LabelError: if the name is none of the seven expressions or their known spellings.
    """
    key = name.strip().lower()
    key = _ALIASES.get(key, key)
    if key not in EMOTIONS:
        raise LabelError(f"Unknown label: expected one of {', '.join(EMOTIONS)}. Received: {name!r}")
    return key


def to_indices(names: Sequence[str]) -> list[int]:
    """Return for each foreign label name its position in `EMOTIONS`, by name.

    Raises:
        LabelError: if a name is unknown, or two names stand for the same expression.
    """
    indices = [EMOTIONS.index(to_emotion(name)) for name in names]
    if len(set(indices)) != len(indices):
        raise LabelError(f"Two labels stand for one expression. Received: {', '.join(names)}")
    return indices
