"""A judge that reads what to say from the colour of a frame: for tests and practice, never for a real site."""

from collections.abc import Sequence

import numpy as np

from app.captcha.judge import LATE, Prompt, StepState
from fersys.labels import EMOTIONS
from fersys.results import Image

_FIRST, _STRIDE = 30, 30  # levels so far apart that JPEG does not blur them
_TURNS = ("", "left", "right")
_ORDERS = ("", "refuse", "raise", "late")


def paint(expression: str = "", turn: str = "", order: str = "", side: int = 64) -> Image:
    """Return a plain frame, RGB uint8 (side, side, 3), that shows an expression and a turn to `ScriptedJudge`.

    Args:
        expression: one of `EMOTIONS`; "" is a face without any.
        turn: "", "left" or "right".
        order: "" looks on, "refuse" makes the judge refuse, "raise" makes it raise, "late" lets it say that time is up.
        side: in pixels.
    """
    levels = [_level((*EMOTIONS, "").index(expression)), _level(_TURNS.index(turn)), _level(_ORDERS.index(order))]
    return np.full((side, side, 3), levels, np.uint8)


def _level(index: int) -> int:
    return _FIRST + _STRIDE * index


def _index(level: float, count: int) -> int:
    return min(max(round((level - _FIRST) / _STRIDE), 0), count - 1)


class ScriptedSession:
    """Accepts a step after a number of matching frames in a row."""

    def __init__(self, frames: int) -> None:
        self._frames, self._seen, self._prompt = frames, 0, Prompt("")

    def ask(self, prompt: Prompt, at: float) -> None:
        """Begin a step."""
        self._prompt, self._seen = prompt, 0

    def look(self, image: Image, at: float) -> StepState:
        """Read the frame's mean colour: its red is the expression, its green the turn, its blue an order."""
        red, green, blue = (float(level) for level in image.reshape(-1, 3).mean(axis=0))
        order = _ORDERS[_index(blue, len(_ORDERS))]
        if order == "raise":
            raise RuntimeError(f"the judge was told to raise, with a frame in its words: {image.tobytes()!r}")
        if order == "refuse":
            return StepState(refused="scripted")
        if order == LATE:
            return StepState(refused=LATE)
        shown = Prompt((*EMOTIONS, "")[_index(red, len(EMOTIONS) + 1)], _TURNS[_index(green, len(_TURNS))])
        self._seen = self._seen + 1 if shown == self._prompt else 0
        hint = "" if self._seen else "match-the-face"
        return StepState(self._seen / self._frames, hint, accepted=self._seen >= self._frames)


class ScriptedJudge:
    """Opens scripted sessions.

    Attributes:
        expressions: what may be asked.
        turns: which turns may be asked in one step.
        frames: how many matching frames in a row a step takes, at least 1.
        answer_life: what people are told; this judge waits longer.
    """

    answer_life = 60.0

    def __init__(self, frames: int = 1, expressions: Sequence[str] = EMOTIONS, turns: Sequence[str] = ()) -> None:
        self.frames, self.expressions, self.turns = frames, expressions, turns

    def begin(self) -> ScriptedSession:
        """Open the session of a new challenge."""
        return ScriptedSession(self.frames)
