"""The judge of faces: what the camera shows, against what was asked and against what only a picture of a face would do.

`build_judge(arms)` makes one out of the app's models; `service.make_service(environment, judge=…)` takes it. Hints are codes:
"look-here", "one-face-only", "come-closer", "move-back", "look-ahead", "relax", "other-face", "bit-more", "hold", "turn-left",
"turn-right". Left is the person's own; frames come as the camera sees them, not mirrored.
"""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import cv2

from app.captcha import cues
from app.captcha.anti_spoof import Advice, Advisor
from app.captcha.cues import Bits, Limits
from app.captcha.expressions import Expressions, read_expressions
from app.captcha.judge import LATE, Prompt, StepState
from app.captcha.seen import SeenFrames
from app.captcha.sights import Sight, see
from app.captcha.steps import AHEAD, CARRIED, Step, deny, is_shown, is_turned, measure
from app.models import Arms, Model
from fersys.config import read_config
from fersys.recognizers.base import Recognizer
from fersys.results import Image
from fersys.tracking import Tracker, TrackerConfig

HOLD = (0.6, 1.2)  # seconds, drawn anew for each step
WINDOW = 12.0  # seconds in which an answer must come
_VETOES = 2  # steps that may be denied before the challenge is over
_WRONG, _WRONG_AFTER, _WRONG_HELD = 4, 1.5, 0.5  # other expressions shown, in a challenge; not counted so soon after a prompt, nor shorter
_CLOSE = 0.6  # seconds between two frames that are neighbours
_FEWEST = 8  # frames from rest to verdict before the share of seen ones says anything
_TRACKING = TrackerConfig(confirm=1, bridge=0.4, keep=0.6)
TURNS = ("left", "right")
_FAULTS = (cv2.error, RuntimeError, ValueError, ArithmeticError)  # of networks that are asked for advice


@dataclass
class Rules:
    """What all sessions of a judge share.

    Attributes:
        recognizers: both must agree.
        table: thresholds, and what is asked.
        limits: of the cues.
        seen: frames of challenges that are over.
        off: cues that are switched off, for the bench alone.
        advisor: is asked about the last frame of each step, and decides nothing; None: nobody is.
        values: what the cues measured in each step, if somebody wants to know; None: nobody does.
    """

    recognizers: Sequence[Recognizer]
    table: Expressions
    limits: Limits = field(default_factory=Limits)
    seen: SeenFrames = field(default_factory=SeenFrames)
    off: frozenset[str] = frozenset()
    advisor: Advisor | None = None
    values: list[dict[str, float]] | None = None


class FaceSession:
    """One challenge of one person. Frames come one after another.

    Attributes:
        advice: of the rules' advisor, one a step that was accepted.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules, self._step = rules, Step(Prompt(""), 0.0, HOLD[1])
        self._tracker, self._track = Tracker(_TRACKING), 0
        self._last: Sight | None = None
        self._vetoes, self._wrong, self._wrong_since = 0, 0, 0.0
        self.advice: list[Advice] = []
        self._bits: list[Bits] = []
        self._known: list[tuple[float, bool]] = []
        self._owner = object()  # in the memory of frames: a person may look like themselves

    def ask(self, prompt: Prompt, at: float) -> None:
        """Begin a step; see `JudgeSession`."""
        self._step = Step(prompt, at, _draw(*HOLD))
        self._known, self._wrong_since = [], 0.0

    def look(self, image: Image, at: float) -> StepState:
        """Judge a frame; see `JudgeSession`."""
        if at - self._step.asked_at > WINDOW and LATE not in self._rules.off:
            return self._refuse(LATE)
        sight = see(image, self._rules.recognizers, at)
        boxes = [] if sight is None else [(float(sight.box[0]), float(sight.box[1]), float(sight.box[2]), float(sight.box[3]))]
        tracks = self._tracker.update(boxes, at)
        if sight is None:
            return self._miss(bool(tracks))
        if hint := _misplaced(sight):
            self._step.restart()
            return StepState(hint=hint)
        broken = self._border(sight, self._follow(next(track.id for track in tracks if track.detection == 0), at))
        self._last = sight
        self._remember(sight)
        seen = self._veto(broken) if broken else self._go_on(sight)
        if seen.accepted:
            self._take_advice(image, sight)
        return seen

    def _take_advice(self, image: Image, sight: Sight) -> None:
        """It decides nothing, and no more does a fault in it."""
        if self._rules.advisor is not None:
            with suppress(*_FAULTS):
                self.advice.append(self._rules.advisor.advise(image, sight.box))

    def _miss(self, bridged: bool) -> StepState:
        """No face: for a moment it is taken to be still there."""
        if not bridged:
            self._step.restart()
        return StepState(hint="look-here")

    def _follow(self, track: int, at: float) -> bool:
        """Whether this is the face of the last frame, and that one not long ago; if not, the step begins anew."""
        joined = track == self._track and self._last is not None and at - self._last.at <= _CLOSE
        if not joined:
            self._step.restart()
        self._track = track
        return joined

    def _border(self, sight: Sight, joined: bool) -> str:
        """The cue by which this frame does not go on from the last one, within a step or over its border; "" if it does.

        The background must stay also while no face was there: or who covers the camera could change films.
        """
        before, limits = self._last, self._rules.limits
        if before is None:
            return ""
        resized = before.gray.shape != sight.gray.shape
        broken = {
            "leap": joined and not resized and cues.leap(before.points, sight.points) > limits.leap,
            "cut": resized or cues.cut(before.background, sight.background) > limits.cut,
        }
        return next((name for name, is_so in broken.items() if is_so and name not in self._rules.off), "")

    def _remember(self, sight: Sight) -> None:
        self._bits.append(sight.bits)
        self._known.append((sight.at, self._rules.seen.holds(sight.bits, self._owner)))

    def _go_on(self, sight: Sight) -> StepState:
        step, table, prompt = self._step, self._rules.table, self._step.prompt.expression
        if self._is_wrong(sight):
            return self._refuse("order")
        shown = is_shown(step, sight, table, self._rules.off)
        absent = not shown if "order" in self._rules.off else table.is_absent(prompt, sight.agreement)
        step.take(sight, absent, shown)
        if step.held(sight.at) < 1:
            return StepState(0.9 * step.held(sight.at) + 0.1 * step.is_rested, self._hint(sight))
        return self._judge()

    def _judge(self) -> StepState:
        known = [is_known for at, is_known in self._known if at >= self._step.began_at]
        values = {**measure(self._step), "seen": sum(known) / max(len(known), _FEWEST)}
        if self._rules.values is not None:
            self._rules.values.append({**values, "turn": float(bool(self._step.prompt.turn))})
        if values["seen"] > self._rules.limits.seen and "seen" not in self._rules.off:
            return self._refuse("seen")
        denied = deny(values, self._rules.limits, self._rules.off)
        if denied:
            return self._veto(denied)
        self._rules.seen.add(self._take_bits(), self._owner)
        return StepState(1.0, accepted=True)

    def _veto(self, name: str) -> StepState:
        """A cue denies: the step begins anew, once."""
        self._vetoes += 1
        self._step.restart()
        return self._refuse(name) if self._vetoes >= _VETOES else StepState(hint="relax")

    def _refuse(self, name: str) -> StepState:
        self._rules.seen.add(self._take_bits(), self._owner)
        return StepState(refused=name)

    def _take_bits(self) -> list[Bits]:
        """The frames since the last step, for other challenges to be compared with."""
        bits, self._bits = self._bits, []
        return bits

    def _is_wrong(self, sight: Sight) -> bool:
        """Whether other expressions than the one asked were shown too often: who plays back a film shows them all."""
        if "order" in self._rules.off or not self._rules.table.other(self._step.prompt.expression, sight.agreement):
            self._wrong_since = 0.0
        elif sight.at - self._step.asked_at >= _WRONG_AFTER:
            self._wrong_since = self._wrong_since or sight.at
            if 0 < self._wrong_since <= sight.at - _WRONG_HELD:
                self._wrong, self._wrong_since = self._wrong + 1, float("inf")
        return self._wrong >= _WRONG

    def _hint(self, sight: Sight) -> str:
        step = self._step
        if not step.is_rested:
            return "look-ahead" if abs(sight.yaw) > AHEAD else "relax"
        if self._wrong_since == float("inf"):
            return "other-face"
        if step.held_since is not None:
            return "hold"
        if sight.at - step.posed_at <= CARRIED and not is_turned(step, sight, self._rules.off):
            return f"turn-{step.prompt.turn}"
        return "" if self._rules.table.is_absent(step.prompt.expression, sight.agreement) else "bit-more"


def _misplaced(sight: Sight) -> str:
    """The hint for a face that cannot be judged where it is; "" if it can."""
    if not sight.alone:
        return "one-face-only"
    if not sight.near:
        return "come-closer"
    return "" if cues.has_room(sight.background) else "move-back"


def _draw(low: float, high: float) -> float:
    """A number that nobody can foresee."""
    return low + (high - low) * secrets.randbelow(10_001) / 10_000


class FaceJudge:
    """Opens sessions; one object for the process.

    Attributes:
        expressions: what may be asked.
        turns: which turns may be asked.
        answer_life: seconds in which an answer must come.
    """

    answer_life = WINDOW

    def __init__(self, rules: Rules) -> None:
        self._rules, self.expressions = rules, rules.table.asked
        self.turns: Sequence[str] = TURNS

    def begin(self) -> FaceSession:
        """Open the session of a new challenge."""
        return FaceSession(self._rules)


def build_judge(arms: Arms, advisor: Advisor | None = None) -> FaceJudge | None:
    """Build the judge out of the app's models.

    Args:
        arms: the models of both sides.
        advisor: of `anti_spoof.open_advisor`; None: nobody is asked.

    Returns:
        None if one of the models that the thresholds were chosen for is not there, or has other weights.

    Raises:
        ConfigError: if the table of thresholds is damaged.
    """
    rules = rules_of(arms, read_expressions())
    return None if rules is None else FaceJudge(replace(rules, advisor=advisor))


def rules_of(arms: Arms, table: Expressions) -> Rules | None:
    """Return the rules for the models that a table was chosen for; None if one is not there, or has other weights."""
    found = [model.recognizer for name, digest in table.models.items() for model in arms.models if model.name == name and _digest(model) == digest]
    return Rules(found, table) if len(found) == len(table.models) else None


def _digest(model: Model) -> str:
    """SHA-256 of the file that a model is run from; it was checked when the package was opened."""
    if model.folder is None:
        return ""
    config = read_config(model.folder)
    return config.files[config.serving_file]
