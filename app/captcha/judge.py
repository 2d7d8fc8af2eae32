"""The one interface of the part that looks at faces: frames in, step state out.

To bring a judge: an object with `expressions`, `turns`, `answer_life` and `begin()`, handed to `service.make_service`. What it
remembers of one person lives in its session, in this process's memory, and is dropped when the challenge ends. A judge
that raises ends the challenge as failed. `scripted.py` is the stand-in for tests and practice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from fersys.results import Image

LATE = "late"


@dataclass(frozen=True)
class Prompt:
    """What a person is asked to do in one step.

    Attributes:
        expression: one of `fersys.labels.EMOTIONS`.
        turn: "left" or "right" if the head is to be turned as well, else "".
    """

    expression: str
    turn: str = ""


@dataclass(frozen=True)
class StepState:
    """What a judge says after a frame.

    Attributes:
        progress: how far the ring is filled, 0–1. It is shown to the client: never a score or a probability.
        hint: code of a hint for the person, such as "one-face-only"; "" for none. Shown to the client.
        accepted: the step is done.
        refused: why the whole challenge is ended as failed, such as "photo"; "" if it is not. Logged, never shown,
            but for `LATE`: that time was up is no secret.
    """

    progress: float = 0.0
    hint: str = ""
    accepted: bool = False
    refused: str = ""


class JudgeSession(Protocol):
    """What a judge knows of one challenge. Calls come one after another, maybe from different threads."""

    def ask(self, prompt: Prompt, at: float) -> None:
        """Begin a step; `at` is server time in seconds. Called once before the first frame of every step."""

    def look(self, image: Image, at: float) -> StepState:
        """Judge one frame of the current step.

        Args:
            image: RGB uint8 (H, W, 3), at most 1920×1920. Keep no reference to it longer than the challenge.
            at: server time in seconds at which the frame had arrived.
        """


class Judge(Protocol):
    """Opens a session a challenge. One object serves the whole process; it must bear several threads."""

    @property
    def expressions(self) -> Sequence[str]:
        """The expressions that may be asked, at least two."""

    @property
    def turns(self) -> Sequence[str]:
        """The head turns that may be asked, in one step of each challenge; empty: none is."""

    @property
    def answer_life(self) -> float:
        """Seconds in which each prompt wants an answer; people see them run out."""

    def begin(self) -> JudgeSession:
        """Open the session of a new challenge."""
